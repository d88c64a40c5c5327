"""The numbered folders that TF Serving loads models from: each model is there as a whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import file_systems, lease, paths
from trueserve.transforms.files.file_systems import explained

# Not a number, so that TF Serving takes it for no version; hidden, so that few others look at it.
_WORK_PREFIX = ".trueserve-export-"
# The second form is that of earlier versions.
_WORK = re.compile(r"\.trueserve-export-([0-9a-f]{12}|[a-z0-9_]{8})")
_VERSION = re.compile(r"[0-9]+")
_SAVED_MODEL = "saved_model.pb"


@contextlib.contextmanager
def workspace(output: str) -> Iterator[str]:
    """A local folder to build a version in: on the file system of `output` if that is local; then deleted.

    What a dead export left there goes first.
    """
    parent = tempfile.gettempdir()
    if file_systems.is_local(output):
        paths.make_folder(output)
        sweep(output)
        parent = output
    base = Path(parent, f"{_WORK_PREFIX}{uuid.uuid4().hex[:12]}")
    with lease.held(str(base)):
        try:
            folder = base / "model"
            with explained("make the folder", str(folder)):
                # Below a folder that lets in nobody but its owner, for a server runs as another user.
                base.mkdir(mode=0o700)
                folder.mkdir()
            yield str(folder)
        finally:
            shutil.rmtree(base, ignore_errors=True)


def sweep(output: str) -> None:
    """Deletes what dead exports left in a local folder; never a live one's."""
    lease.sweep(output, _WORK)


def publish(folder: str, output: str) -> str:
    """Moves `folder` to `output` under the next version number and returns where it is.

    Locally that is one rename, which fails when another export took the number meanwhile: then the next
    number is taken. An object store has no rename: the files are copied and `saved_model.pb` comes last,
    for without it no server loads the folder.

    Raises InputError when it cannot; then no server loads anything new.
    """
    if not file_systems.is_local(output):
        return _publish_remote(folder, output)
    while True:
        with explained("list", output):
            taken = [path.name for path in Path(output).iterdir()]
        target = str(Path(output, str(next_version(taken))))
        with contextlib.suppress(FileExistsError):
            _rename(folder, target)
            return target


def next_version(names: list[str]) -> int:
    """One more than the highest number among `names`; 1 if there is none."""
    return 1 + max((int(name) for name in names if _VERSION.fullmatch(name)), default=0)


def _rename(folder: str, target: str) -> None:
    try:
        Path(folder).rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise FileExistsError(target) from error
        raise InputError(f"cannot publish {target}: {error.strerror}; nothing was published") from error


def _publish_remote(folder: str, output: str) -> str:
    taken = [name.split("/")[0] for name in paths.list_files(output)]
    target = paths.join(output, str(next_version(taken)))
    kept = Path(folder, _SAVED_MODEL)
    last = kept.read_bytes()
    kept.unlink()
    try:
        paths.copy_tree(folder, target)
        paths.write_atomically(paths.join(target, _SAVED_MODEL), last)
    except BaseException as error:
        _withdraw(target)
        if isinstance(error, InputError):
            raise InputError(f"{error}; nothing was published") from error
        raise
    return target


def _withdraw(target: str) -> None:
    """Deletes what is there of a version that is not whole, first what would make a server load it."""
    with contextlib.suppress(InputError):
        paths.delete_file(paths.join(target, _SAVED_MODEL))
    with contextlib.suppress(InputError):
        paths.delete_tree(target)
