"""Hidden files that take the name of another once they are whole, and those of writers that died."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import uuid
from pathlib import Path
from typing import BinaryIO

from trueserve.transforms.files import lease

# The kernel's lock tells whether a writer lives, so that its name tells which kernel to ask.
_TEMPORARY = re.compile(r"\..{1,100}\.(?P<kernel>[0-9a-f]{12})[0-9a-f]{20}\.tmp", re.DOTALL)
# As earlier versions wrote them: of no kernel that could be asked.
_PROBE = re.compile(r"\.trueserve-[0-9a-f]{32}")


def create(path: Path) -> tuple[Path, BinaryIO]:
    """A new file beside `path`, to be renamed to it, locked as long as the stream is open. Raises OSError."""
    while True:
        # Not tempfile: its files can be read by their owner alone, and keep that mode when renamed.
        unique = f"{lease.kernel()}{uuid.uuid4().hex[:20]}"
        temporary = path.with_name(f".{path.name[:100]}.{unique}.tmp")
        stream = temporary.open("xb")
        with contextlib.suppress(OSError):  # a file system without locks: then the age decides
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX)
        # Before it was locked it looked like a dead writer's.
        if lease.is_at(stream.fileno(), temporary):
            return temporary, stream
        stream.close()


def sync_folder(folder: Path) -> None:
    """A rename outlives a power cut only once its folder is on disk; not every file system can do it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def probe(folder: Path) -> None:
    """Writes a file in a local folder that goes at once. Raises OSError where that cannot be done."""
    if not folder.is_dir():
        raise NotADirectoryError(0, f"{folder} is not a folder")
    with contextlib.suppress(OSError, AttributeError):  # not every file system has files without names
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600))
        return
    temporary, stream = create(folder / "probe")
    with stream:
        temporary.unlink()


def is_temporary(name: str) -> bool:
    """Whether a file of this name is what a writer, or a look whether it could write, left half done."""
    return bool(_TEMPORARY.fullmatch(name) or _PROBE.fullmatch(name))


def sweep(folder: str) -> None:
    """Deletes what dead writers left in a local folder, which may be missing; never a live one's file."""
    with contextlib.suppress(OSError):  # an object store has none
        for name in os.listdir(folder):  # noqa: PTH208
            if is_temporary(name):
                _delete_if_dead(Path(folder, name))


def _delete_if_dead(path: Path) -> None:
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or match["kernel"] != lease.kernel():
        if lease.is_abandoned(path):
            path.unlink(missing_ok=True)
        return
    if (descriptor := lease.locked_by_nobody(path)) is not None:
        try:
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
