"""Writing on this machine's file system: a file has its final name when all of it is on disk, or never."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write(path: Path, data: bytes) -> None:
    """Writes a file whose readers find the old content or the new one, whole. Raises OSError."""
    with replacing(path) as stream:
        stream.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content takes the place of `path` when the block ends well. Raises OSError.

    Whatever fails or ends the block, `path` stays as it was; an error means that it was not replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files can be read by their owner alone, and keep that mode when renamed.
    temporary = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - one name to fail in tests
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong first is what is reported
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def move(source: Path, target: Path) -> None:
    """Renames a folder, or copies and deletes it where that cannot be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError:
        shutil.copytree(source, target, dirs_exist_ok=True)
        shutil.rmtree(source)


def probe(folder: Path, name: str) -> None:
    """Raises OSError where no file of this name can be made in `folder`, or in the nearest one above it."""
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not existing.is_dir():
        raise NotADirectoryError(0, f"{existing} is not a folder")
    (existing / name).touch(exist_ok=False)
    (existing / name).unlink()


def _sync_folder(folder: Path) -> None:
    # A rename outlives a power cut only once its folder is on disk; not every file system can do it, and
    # the file has its name already.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
