"""How a baseline takes the place of another, so that one of the two is whole whenever this is killed.

A baseline is put together in a hidden folder beside its name, and its contract is written last: from that
moment it is complete. Then

- on a local file system the old folder is renamed to another hidden name, and the new one to the name;
- elsewhere, where nothing can be renamed, the old contract is deleted, the new files are copied over the
  old ones, and the new contract comes last.

A name without a contract, with a complete folder beside it, thus means that somebody died in between.
Readers then take the newest complete folder; the next `prepare` gives it the name. Whoever reads a baseline
at the very moment when it is replaced may find files of both.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import uuid
from pathlib import Path

from transforms import paths
from transforms.errors import InputError

CONTRACT = "contract.json"

_ATTEMPTS = 10


def staging(path: str) -> str:
    """A new name beside `path`, hidden, where a baseline is put together before it is published."""
    return _beside(path, uuid.uuid4().hex[:12])


def whole(path: str) -> str:
    """The folder to read for the baseline `path`: itself, or a complete one beside it."""
    # Looked for only where the name is without: the common way costs one look-up.
    if not _complete(path) and (left := _left_beside(path)):
        return left[-1]
    return path


def finish(path: str) -> None:
    """Brings to its end what a killed `take_name` began, and deletes what older ones left."""
    left = _left_beside(path)
    if left and not _complete(path):
        take_name(path, left.pop())
    made = _created(path)
    for folder in left:
        # A newer one may be about to take the name.
        if _created(folder) <= made:
            _delete(folder)


def discard(path: str, staged: str) -> None:
    """Deletes what is left of `staged`; but not a complete folder while nothing complete has the name.

    Not being able to fails nothing: what was published stands, and what went wrong first is what is reported.
    """
    with contextlib.suppress(InputError):
        if _complete(path) or not _complete(staged):
            _delete(staged)


def take_name(path: str, staged: str) -> None:
    """Gives the complete folder `staged` the name `path`, in place of what has it.

    Raises InputError when it cannot; then the old baseline has its name, or `staged` is complete.
    """
    if not paths.is_local(path) or not _rename(Path(staged), Path(path)):
        _copy_over(path, staged)


def _rename(staged: Path, path: Path) -> bool:
    """False where it cannot be renamed at all: a mount point, say."""
    aside: list[Path] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        while not _takes(staged, path):
            aside.append(_set_aside(path, len(aside)))
    except OSError as error:
        with contextlib.suppress(OSError, IndexError):  # what went wrong first is what is told
            path.exists() or aside.pop().rename(path)
        if error.errno in (errno.EXDEV, errno.EBUSY):
            return False
        raise InputError(f"cannot move the baseline to {path}: {error.strerror}") from error
    for old in aside:
        discard(str(path), str(old))
    return True


def _takes(staged: Path, path: Path) -> bool:
    """Renames onto nothing or an empty folder; False where there is something else."""
    try:
        staged.rename(path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        return False
    return True


def _set_aside(path: Path, times: int) -> Path:
    # Others may put theirs there time and again, but not for ever.
    if times == _ATTEMPTS:
        raise OSError(errno.EEXIST, "others publish there all the time")
    old = Path(staging(str(path)))
    with contextlib.suppress(FileNotFoundError):
        path.rename(old)
    return old


def _copy_over(path: str, staged: str) -> None:
    # The old contract goes first, so that no moment shows it with the files of the new baseline.
    paths.delete_file(paths.join(path, CONTRACT))
    names = set(paths.list_files(staged)) - {CONTRACT}
    for name in sorted(set(paths.list_files(path)) - names):
        paths.delete_file(paths.join(path, name))
    for name in sorted(names):
        paths.copy_file(paths.join(staged, name), paths.join(path, name))
    paths.write_atomically(paths.join(path, CONTRACT), paths.read_bytes(paths.join(staged, CONTRACT)))
    discard(path, staged)


def _delete(folder: str) -> None:
    # Without its contract it is nothing, however far the deletion gets.
    paths.delete_file(paths.join(folder, CONTRACT))
    paths.delete_tree(folder)


def _beside(path: str, unique: str) -> str:
    parent, _, name = path.rstrip("/").rpartition("/")
    hidden = f".{name}.{unique}.partial"
    return f"{parent}/{hidden}" if parent or path.startswith("/") else hidden


def _complete(folder: str) -> bool:
    return paths.exists(paths.join(folder, CONTRACT))


def _left_beside(path: str) -> list[str]:
    """Complete folders beside `path`, the newest last."""
    contracts = paths.find(paths.join(_beside(glob.escape(path), "*"), CONTRACT))
    return sorted((contract.rpartition("/")[0] for contract in contracts), key=_created)


def _created(folder: str) -> str:
    """When a complete folder was made, as text that sorts; empty where it does not say."""
    try:
        return str(json.loads(paths.read_bytes(paths.join(folder, CONTRACT)))["created"])
    except (InputError, ValueError, KeyError, TypeError):
        return ""
