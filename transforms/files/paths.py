"""Files and folders on any file system that Beam knows: local, gs://, s3:// and the like.

Local paths take the operating system's own way, so that commands on local files start without Beam.
Only paths with a scheme import it, through `file_systems`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from trueserve.transforms.core.errors import InputError, TrueserveError, UsageError
from trueserve.transforms.files import local_writes
from trueserve.transforms.files.compression import MAGIC_BYTES, decompressing
from trueserve.transforms.files.file_systems import (
    abandoned_folders,
    explained,
    filesystems,
    is_local,
    match_remote,
    reason,
)

_COPY_CHUNK = 8 << 20


def join(base: str, *parts: str) -> str:
    """`base` and `parts` with one slash between them, whatever the file system."""
    if is_local(base):
        return str(Path(base, *parts))
    return "/".join([base.rstrip("/"), *(part.strip("/") for part in parts)])


def list_files(folder: str) -> list[str]:
    """Every file below `folder`, hidden ones too, as sorted paths relative to it; [] if it is missing."""
    if is_local(folder):
        return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())
    base = folder.rstrip("/") + "/"
    return sorted(file.path.removeprefix(base) for file in match_remote(base + "**"))


def exists(path: str) -> bool:
    """Whether `path` is a file or a folder (on an object store: a prefix with something below it)."""
    if is_local(path):
        return Path(path).exists()
    with explained("look up", path):
        return bool(filesystems(path).exists(path)) or bool(list_files(path))


def open_read(path: str) -> BinaryIO:
    """Opens a file for reading, decompressing what gzip, bzip2 or Zstandard have written, whatever its name.

    Decompression raises EOFError for a stream that ends early; Beam's returns what
    there is. Raises InputError when the file cannot be opened.
    """
    return decompressed(open_stored(path))


def open_stored(path: str) -> BinaryIO:
    """Opens a file for reading its bytes as they are stored."""
    with explained("read", path):
        if is_local(path):
            return Path(path).open("rb")
        files = filesystems(path)
        return cast(BinaryIO, files.open(path, compression_type="uncompressed"))


def decompressed(stored: BinaryIO) -> BinaryIO:
    """A stream of what `stored`, which stands at its beginning and can seek, holds: told by its content.

    Not by its name: stores decompress some `.gz` objects on their way, and writers forget the extension.
    Raises InputError for a compression that is not read (`transforms.files.compression`).
    """
    magic = stored.read(MAGIC_BYTES)
    stored.seek(0)
    decompress = decompressing(magic)
    return stored if decompress is None else decompress(stored)


def is_compressed(stored: BinaryIO) -> bool:
    """Whether `decompressed` would decompress what `stored` holds; it is left at its beginning."""
    stored.seek(0)
    return decompressed(stored) is not stored


def read_bytes(path: str) -> bytes:
    """All bytes of a file, as stored. Raises InputError when it cannot be read."""
    with open_stored(path) as stream, explained("read", path):
        return stream.read()


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file so that at every moment readers find the old one or the new one, whole.

    Missing parent folders are made. Raises InputError when it cannot be written: then it was not. A store
    that reports an error after it has kept all of `data` has written it.
    """
    with explained("write", path):
        if is_local(path):
            local_writes.write(Path(path), data)
            return
        try:
            # An object appears in its store when the upload is closed, and not before.
            with filesystems(path).create(path, compression_type="uncompressed") as stream:
                stream.write(data)
        except Exception:
            if not _is_stored(path, data):
                raise


def make_folder(path: str) -> None:
    """Makes a local folder and its parents; object stores have none to make."""
    if is_local(path):
        with explained("make the folder", path):
            Path(path).mkdir(parents=True, exist_ok=True)


def copy_tree(source: str, target: str) -> None:
    """Copies every file below the folder `source` to the same place below `target`."""
    make_folder(target)
    for name in list_files(source):
        copy_file(join(source, name), join(target, name))


def copy_file(source: str, target: str) -> None:
    """Copies one file. Raises InputError, and leaves nothing under `target`, unless all of it is there."""
    with explained("write", target):
        try:
            _copy_bytes(source, target)
            _check_size(source, target)
        except Exception:
            with contextlib.suppress(Exception):  # what went wrong first is what is told
                delete_file(target)
            raise


def delete_tree(path: str) -> None:
    """Deletes a folder, or file, and all below it; nothing happens if it is missing."""
    with explained("delete", path):
        if not is_local(path):
            below = [join(path, name) for name in list_files(path)]
            filesystems(path).delete(below or ([path] if exists(path) else []))
        elif Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)


def delete_file(path: str) -> None:
    """Deletes a file, and never a folder; nothing happens if it is missing."""
    with explained("delete", path):
        if is_local(path):
            Path(path).unlink(missing_ok=True)
            return
        try:
            if filesystems(path).exists(path):
                filesystems(path).delete([path])
        except Exception:
            if filesystems(path).exists(path):  # nobody else has deleted it meanwhile
                raise


def delete_abandoned(base: str, name: re.Pattern[str], remove: Callable[[str], None] = delete_tree) -> None:
    """Removes the folders below an object store's `base` that are named so and have not changed for a week.

    A store has no locks, so that the age alone tells who is dead. What cannot be deleted stays.
    """
    with contextlib.suppress(TrueserveError):
        for folder in abandoned_folders(base, name):
            remove(folder)


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[str]:
    """A local folder with what the folder `path` holds: itself if it is local, else fetched for a while."""
    if is_local(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="trueserve-") as folder:
        copy_tree(path, folder)
        yield folder


@contextlib.contextmanager
def local_file(path: str) -> Iterator[str]:
    """A local file with what the file `path` holds: itself if it is local, else fetched for a while."""
    if is_local(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="trueserve-") as folder:
        fetched = join(folder, path.rsplit("/", 1)[-1])
        copy_file(path, fetched)
        yield fetched


def check_writable(folder: str) -> None:
    """Raises UsageError when files cannot be written below `folder`; makes nothing that stays."""
    try:
        if is_local(folder):
            local_writes.probe(Path(folder))
            return
        probe = f".trueserve-{uuid.uuid4().hex}"
        # Beam's file system for S3 cannot write an empty object.
        write_atomically(join(folder, probe), b"probe")
        filesystems(folder).delete([join(folder, probe)])
    except (OSError, InputError) as error:
        raise UsageError(f"cannot write to {folder}: {reason(error)}; choose another folder") from error


def _copy_bytes(source: str, target: str) -> None:
    with open_stored(source) as stream:
        if is_local(target):
            with local_writes.atomic_replacement(Path(target)) as copy:
                shutil.copyfileobj(stream, copy, _COPY_CHUNK)
            return
        with filesystems(target).create(target, compression_type="uncompressed") as copy:
            shutil.copyfileobj(stream, copy, _COPY_CHUNK)


def _check_size(source: str, target: str) -> None:
    actual, expected = _size(target), _size(source)
    if actual != expected:
        raise OSError(0, f"{actual} bytes arrived of the {expected} of {source}")


def _size(path: str) -> int:
    if is_local(path):
        return Path(path).stat().st_size
    return int(filesystems(path).get_filesystem(path).size(path))


def _is_stored(path: str, data: bytes) -> bool:
    """Whether a failed upload left all of `data`; if it left a part, that is deleted.

    Closing it may have published either. An object that stood there before stays: most uploads that fail
    have not touched it.
    """
    with contextlib.suppress(Exception):  # what went wrong first is what is reported
        stored = read_bytes(path)
        if stored == data:
            return True
        if len(stored) < len(data) and data.startswith(stored):
            delete_file(path)
    return False


def is_file(path: str) -> bool:
    """Whether a path names a file of this machine, and no folder, pipe or device."""
    # Not pathlib's, which raises for a list of files that is too long to be the name of one.
    return is_local(path) and os.path.isfile(path)  # noqa: PTH113


def is_plain(path: str) -> bool:
    """Whether a path may be read to its end: a local one is a file, and no pipe or device."""
    return not is_local(path) or is_file(path)
