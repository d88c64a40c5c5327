"""How a baseline takes the place of another, so that one of the two is whole whenever this is killed.

A baseline is put together in a hidden folder beside its name, and its contract is written last: from that
moment it is complete. Then

- on a local file system the old folder is renamed to another hidden name, and the new one to the name;
- elsewhere, where nothing can be renamed, the old contract is deleted, the new files are copied over the
  old ones, and the new contract comes last.

Files that the old `prepare` did not write, by its contract, are never deleted: elsewhere they stay where they
are; on a local file system they are moved into the new folder once that has the name. One that cannot be
(the new folder has another file of that name) stays in the hidden folder.

A name without a contract, with a complete folder beside it, thus means that somebody died in between.
Readers then take the newest complete folder; the next `prepare` gives it the name. Whoever reads a baseline
at the very moment when it is replaced may find files of both.

Each hidden folder has a lease (`transforms.files.lease`) as long as somebody is at work there: the next
`prepare` removes those of the dead, complete or not. An object store has no leases: there the age decides.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import re
import uuid
from collections.abc import Iterable
from pathlib import Path

from trueserve.transforms.baseline.layout import CONTRACT
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import file_systems, globs, lease, paths

# In a complete folder that replaces another by being copied: the names of the old files.
_REPLACED = ".replaced.json"

_ATTEMPTS = 10
_PARTIAL = ".partial"
# What a write that was killed leaves, see `paths.write_atomically`.
_HALF_WRITTEN = re.compile(r"(^|/)\.[^/]+\.[0-9a-f]{32}\.tmp$")
# What a baseline consists of whose contract does not list its files.
_FOLDERS = ("transform_output/", "transformed_examples/")
_FILES = (
    "schema.pbtxt",
    "stats.binpb",
    "transformed_schema.pbtxt",
    "transformed_stats.binpb",
    "augmented_stats.binpb",
    "variation.arrow",
    "probes.tfrecord",
)


def staging(path: str) -> str:
    """A new name beside `path`, hidden, where a baseline is put together before it is published."""
    return _hidden_sibling(path, uuid.uuid4().hex[:12])


def readable_folder(path: str) -> str:
    """The folder to read for the baseline `path`: itself, or a complete one beside it."""
    # Looked for only where the name is without: the common way costs one look-up.
    if not _complete(path) and (left := _complete_siblings(path)):
        return left[-1]
    return path


def finish(path: str) -> None:
    """Brings to its end what a killed `take_name` began, and deletes what dead ones left, and no more."""
    left = [
        folder
        for folder in _complete_siblings(path)
        if not (file_systems.is_local(path) and lease.is_live(folder))
    ]
    if left and not _complete(path):
        take_name(path, left.pop())
    made = _created(path)
    for folder in left:
        # A newer one may be about to take the name.
        if _created(folder) <= made:
            _retire(folder, path)
    _delete_dead(path)


def _delete_dead(path: str) -> None:
    """Deletes hidden folders of the dead: a complete one only where a complete one has the name."""

    def remove(folder: str) -> None:
        if _complete(path) or not _complete(folder):
            _retire(folder, path) if _complete(folder) else _delete(folder)

    parent, name = _hidden_names(path)
    if file_systems.is_local(path):
        lease.sweep(parent, name, remove)
    else:
        paths.delete_abandoned(parent, name, remove)


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
    if not file_systems.is_local(path) or not _rename(Path(staged), Path(path)):
        _copy_over(path, staged)


def _rename(staged: Path, path: Path) -> bool:
    """False where it cannot be renamed at all: a mount point, say."""
    aside: list[Path] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as leases:
        try:
            while not _rename_onto_nothing(staged, path):
                aside.append(_set_aside(path, len(aside), leases))
        except OSError as error:
            with contextlib.suppress(OSError, IndexError):  # what went wrong first is what is told
                path.exists() or aside.pop().rename(path)
            if error.errno in (errno.EXDEV, errno.EBUSY):
                return False
            raise InputError(f"cannot move the baseline to {path}: {error.strerror}") from error
        for old in aside:
            with contextlib.suppress(InputError):  # the new baseline stands
                _retire(str(old), str(path))
    with contextlib.suppress(InputError):
        paths.delete_file(paths.join(str(path), _REPLACED))
    return True


def _rename_onto_nothing(staged: Path, path: Path) -> bool:
    """Renames onto nothing or an empty folder; False where there is something else."""
    try:
        staged.rename(path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        return False
    return True


def _set_aside(path: Path, times: int, leases: contextlib.ExitStack) -> Path:
    # Others may put theirs there time and again, but not for ever.
    if times == _ATTEMPTS:
        raise OSError(errno.EEXIST, "others publish there all the time")
    old = Path(staging(str(path)))
    leases.enter_context(lease.held(str(old)))
    with contextlib.suppress(FileNotFoundError):
        path.rename(old)
    return old


def _copy_over(path: str, staged: str) -> None:
    replaced, existing = _replaced_names(path, staged), paths.list_files(path)
    names = set(paths.list_files(staged)) - {CONTRACT, _REPLACED}
    # The old contract goes first, so that no moment shows it with the files of the new baseline.
    paths.delete_file(paths.join(path, CONTRACT))
    for name in sorted(replaced.intersection(existing) - names):
        paths.delete_file(paths.join(path, name))
    for name in sorted(names):
        paths.copy_file(paths.join(staged, name), paths.join(path, name))
    paths.write_atomically(paths.join(path, CONTRACT), paths.read_bytes(paths.join(staged, CONTRACT)))
    discard(path, staged)


def not_ours(folder: str, names: Iterable[str]) -> list[str]:
    """Those of the files in a baseline's folder that the `prepare` which made it did not write."""
    try:
        written = set(json.loads(paths.read_bytes(paths.join(folder, CONTRACT)))["files"])
    except (InputError, ValueError, KeyError, TypeError, RecursionError):
        written = {name for name in names if name.startswith(_FOLDERS)}
    foreign = set(names) - written - {CONTRACT, _REPLACED, *_FILES}
    return sorted(name for name in foreign if not _HALF_WRITTEN.search(name))


def _retire(folder: str, path: str) -> None:
    """Deletes a baseline that was replaced; the user's files in it go to the one that has the name."""
    if file_systems.is_local(folder) and Path(folder).is_symlink():
        Path(folder).unlink()  # and not what it leads to
        return
    names = paths.list_files(folder)
    replaced = () if _complete(folder) else _names_in_note(path)
    foreign = sorted(set(not_ours(folder, names)).difference(replaced))
    foreign = [name for name in foreign if not _handed_on(folder, path, name)]
    if not foreign:
        _delete(folder)
        return
    if file_systems.is_local(folder) and folder.endswith(_PARTIAL):
        # Under its new name no later run takes it for a dead one's and deletes it.
        folder = str(Path(folder).rename(f"{folder.removesuffix(_PARTIAL)}.kept"))
    for name in sorted({CONTRACT, *names} - {*foreign}, key=lambda name: name != CONTRACT):
        paths.delete_file(paths.join(folder, name))


def _handed_on(folder: str, path: str, name: str) -> bool:
    """Moves a file from a retired folder to the same place in `path`; False where another file is there."""
    old, new = paths.join(folder, name), paths.join(path, name)
    if paths.exists(new):
        return paths.read_bytes(old) == paths.read_bytes(new)
    if name.startswith(_FOLDERS):
        return False  # there it would make the new baseline one that nobody can read
    if file_systems.is_local(path):
        Path(new).parent.mkdir(parents=True, exist_ok=True)
        Path(old).rename(new)
    else:
        paths.copy_file(old, new)
    return True


def _replaced_names(path: str, staged: str) -> set[str]:
    """The files that the old `prepare` wrote; kept in `staged`, for whoever goes on where this was killed."""
    if not _complete(path) and (replaced := _names_in_note(staged)):
        return replaced
    names = paths.list_files(path)
    replaced = set(names) - {*not_ours(path, names), CONTRACT}
    paths.write_atomically(paths.join(staged, _REPLACED), json.dumps(sorted(replaced)).encode())
    return replaced


def _names_in_note(folder: str) -> set[str]:
    """What a note in this folder says of the one that it replaces; empty without a note."""
    try:
        return {str(name) for name in json.loads(paths.read_bytes(paths.join(folder, _REPLACED)))}
    except (InputError, ValueError, TypeError):
        return set()


def _delete(folder: str) -> None:
    # Without its contract it is nothing, however far the deletion gets.
    paths.delete_file(paths.join(folder, CONTRACT))
    paths.delete_tree(folder)


def _hidden_names(path: str) -> tuple[str, re.Pattern[str]]:
    """The folder in which `path` lies, and what the names of the hidden folders beside it are like."""
    parent, _, name = path.rstrip("/").rpartition("/")
    hidden = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{12}}\.partial")
    return parent or ("/" if path.startswith("/") else "."), hidden


def _hidden_sibling(path: str, unique: str) -> str:
    parent, _, name = path.rstrip("/").rpartition("/")
    hidden = f".{name}.{unique}.partial"
    return f"{parent}/{hidden}" if parent or path.startswith("/") else hidden


def _complete(folder: str) -> bool:
    return paths.exists(paths.join(folder, CONTRACT))


def _complete_siblings(path: str) -> list[str]:
    """Complete folders beside `path`, the newest last."""
    contracts = globs.find(paths.join(_hidden_sibling(glob.escape(path), "*"), CONTRACT))
    return sorted((contract.rpartition("/")[0] for contract in contracts), key=_created)


def _created(folder: str) -> str:
    """When a complete folder was made, as text that sorts; empty where it does not say."""
    try:
        return str(json.loads(paths.read_bytes(paths.join(folder, CONTRACT)))["created"])
    except (InputError, ValueError, KeyError, TypeError):
        return ""
