"""Writing on this machine's file system: a file has its final name when all of it is on disk, or never."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from trueserve.transforms.files import temporary_files


def write(path: Path, data: bytes) -> None:
    """Writes a file whose readers find the old content or the new one, whole. Raises OSError."""
    with atomic_replacement(path) as stream:
        stream.write(data)


@contextlib.contextmanager
def atomic_replacement(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content takes the place of `path` when the block ends well. Raises OSError.

    Whatever fails or ends the block, `path` stays as it was; an error means that it was not replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, stream = temporary_files.create(path)
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(temporary, path)  # noqa: PTH105 - one name to fail in tests
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong first is what is reported
            temporary.unlink(missing_ok=True)
        raise
    # The file has its name already.
    with contextlib.suppress(OSError):
        temporary_files.sync_folder(path.parent)


def probe(folder: Path) -> None:
    """Raises OSError where no file can be made in `folder`, or in the nearest one above it."""
    temporary_files.probe(next(p for p in (folder, *folder.absolute().parents) if p.exists()))
