"""Files and folders on any file system that Beam knows: local, gs://, s3:// and the like.

Local paths take the operating system's own way, so that commands on local files start without Beam.
Only paths with a scheme import it.
"""

from __future__ import annotations

import bz2
import contextlib
import glob
import gzip
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from transforms.errors import InputError, TrueserveError, UsageError

_GLOB_CHARACTERS = frozenset("*?[")
_COPY_CHUNK = 8 << 20


class FileSize(NamedTuple):
    """A file and its stored size (compressed, if it is) in bytes."""

    path: str
    bytes: int


def is_local(path: str) -> bool:
    """Whether `path` names this machine's file system, that is, has no `scheme://`."""
    return "://" not in path


def join(base: str, *parts: str) -> str:
    """`base` and `parts` with one slash between them, whatever the file system."""
    if is_local(base):
        return str(Path(base, *parts))
    return "/".join([base.rstrip("/"), *(part.strip("/") for part in parts)])


def expand(pattern: str) -> list[FileSize]:
    """The files that `pattern` names, sorted by path, each once.

    A pattern is a file, a folder (the files in it whose names start with neither `_` nor `.`), a glob, or
    several of these with commas between them. Raises InputError for one that matches no file.
    """
    names = [pattern] if _is_file(pattern) else [part.strip() for part in pattern.split(",")]
    found = {file for name in names if name for file in _matches(name)}
    if not found:
        raise InputError(f"no file matches {pattern!r}; give a file, a folder or a glob in quotes")
    return sorted(found)


def list_files(folder: str) -> list[str]:
    """Every file below `folder`, hidden ones too, as sorted paths relative to it; [] if it is missing."""
    if is_local(folder):
        return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())
    base = folder.rstrip("/") + "/"
    return sorted(file.path.removeprefix(base) for file in _match_remote(base + "**"))


def exists(path: str) -> bool:
    """Whether `path` is a file or a folder (on an object store: a prefix with something below it)."""
    if is_local(path):
        return Path(path).exists()
    with _explained("look up", path):
        return bool(_filesystems(path).exists(path)) or bool(list_files(path))


def open_read(path: str) -> BinaryIO:
    """Opens a file for reading, decompressing what gzip or bzip2 have written, whatever its name.

    Decompression is Python's own, which raises EOFError for a stream that ends early; Beam's returns what
    there is. Raises InputError when the file cannot be opened.
    """
    return decompressed(open_stored(path))


def open_stored(path: str) -> BinaryIO:
    """Opens a file for reading its bytes as they are stored."""
    with _explained("read", path):
        if is_local(path):
            return Path(path).open("rb")
        files = _filesystems(path)
        return cast(BinaryIO, files.open(path, compression_type="uncompressed"))


def decompressed(stored: BinaryIO) -> BinaryIO:
    """A stream of what `stored`, which stands at its beginning and can seek, holds: told by its content.

    Not by its name: stores decompress some `.gz` objects on their way, and writers forget the extension.
    """
    magic = stored.read(3)
    stored.seek(0)
    if magic == b"\x1f\x8b\x08":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stored, mode="rb"))
    if magic == b"BZh":
        return cast(BinaryIO, bz2.BZ2File(stored, mode="rb"))
    return stored


def read_bytes(path: str) -> bytes:
    """All bytes of a file, as stored. Raises InputError when it cannot be read."""
    with open_stored(path) as stream, _explained("read", path):
        return stream.read()


def write_atomically(path: str, data: bytes) -> None:
    """Writes a file so that at every moment readers find the old one or the new one, whole.

    Missing parent folders are made. Raises InputError when it cannot be written.
    """
    with _explained("write", path):
        if is_local(path):
            _write_local(Path(path), data)
            return
        # An object appears in its store when the upload is closed, and not before.
        with _filesystems(path).create(path, compression_type="uncompressed") as stream:
            stream.write(data)


def make_folder(path: str) -> None:
    """Makes a local folder and its parents; object stores have none to make."""
    if is_local(path):
        with _explained("make the folder", path):
            Path(path).mkdir(parents=True, exist_ok=True)


def copy_tree(source: str, target: str) -> None:
    """Copies every file below the folder `source` to the same place below `target`."""
    make_folder(target)
    for name in list_files(source):
        _copy_file(join(source, name), join(target, name))


def move_tree(source: str, target: str) -> None:
    """Moves a folder. Local: one rename where `target` is missing or empty; else copied, then deleted."""
    if is_local(source) and is_local(target):
        with _explained("move to", target):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            _move_local(Path(source), Path(target))
        return
    copy_tree(source, target)
    delete_tree(source)


def delete_tree(path: str) -> None:
    """Deletes a folder, or file, and all below it; nothing happens if it is missing."""
    with _explained("delete", path):
        if not is_local(path):
            below = [join(path, name) for name in list_files(path)]
            _filesystems(path).delete(below or ([path] if exists(path) else []))
        elif Path(path).is_dir():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[str]:
    """A local folder with what the folder `path` holds: itself if it is local, else fetched for a while."""
    if is_local(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="trueserve-") as folder:
        copy_tree(path, folder)
        yield folder


def check_writable(folder: str) -> None:
    """Raises UsageError when files cannot be written below `folder`; makes nothing that stays."""
    probe = f".trueserve-{uuid.uuid4().hex}"
    try:
        if is_local(folder):
            _probe_local(_nearest_existing(Path(folder)), probe)
            return
        write_atomically(join(folder, probe), b"")
        _filesystems(folder).delete([join(folder, probe)])
    except (OSError, InputError) as error:
        raise UsageError(f"cannot write to {folder}: {_reason(error)}; choose another folder") from error


def _probe_local(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise NotADirectoryError(0, f"{folder} is not a folder")
    (folder / name).touch(exist_ok=False)
    (folder / name).unlink()


def _nearest_existing(path: Path) -> Path:
    return next(p for p in (path, *path.absolute().parents) if p.exists())


def _write_local(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files can be read by their owner alone, and keep that mode when renamed.
    temporary = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # A rename outlives a power cut only once its folder is on disk; not every file system can do it.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_local(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError:
        shutil.copytree(source, target, dirs_exist_ok=True)
        shutil.rmtree(source)


def _copy_file(source: str, target: str) -> None:
    with _explained("write", target), open_stored(source) as stream:
        if is_local(target):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            with Path(target).open("wb") as copy:
                shutil.copyfileobj(stream, copy, _COPY_CHUNK)
            return
        with _filesystems(target).create(target, compression_type="uncompressed") as copy:
            shutil.copyfileobj(stream, copy, _COPY_CHUNK)


def _is_file(path: str) -> bool:
    return is_local(path) and Path(path).is_file()


def _matches(pattern: str) -> list[FileSize]:
    if not is_local(pattern):
        is_glob = bool(_GLOB_CHARACTERS & set(pattern))
        return _match_remote(pattern) or ([] if is_glob else _visible(_match_remote(join(pattern, "*"))))
    # A name with a bracket in it is a file or a folder first, and a glob only if there is neither.
    if Path(pattern).is_dir():
        return _visible(_sizes(str(path) for path in Path(pattern).iterdir()))
    return _sizes([pattern] if Path(pattern).is_file() else glob.glob(pattern, recursive=True))  # noqa: PTH207


def _visible(files: list[FileSize]) -> list[FileSize]:
    return [file for file in files if not file.path.rsplit("/", 1)[-1].startswith(("_", "."))]


def _sizes(names: Iterable[str]) -> list[FileSize]:
    stats = [(name, Path(name).stat()) for name in names]
    return [FileSize(name, found.st_size) for name, found in stats if stat.S_ISREG(found.st_mode)]


def _match_remote(pattern: str) -> list[FileSize]:
    with _explained("list", pattern):
        results = _filesystems(pattern).match([pattern])
    found = [file for result in results for file in result.metadata_list]
    # Stores show a folder made by a console as an empty object whose name ends in a slash.
    return [FileSize(file.path, file.size_in_bytes) for file in found if not file.path.endswith("/")]


def _filesystems(path: str) -> Any:
    from apache_beam.io.filesystems import FileSystems

    try:
        FileSystems.get_filesystem(path)
    except ValueError as error:
        scheme = path.split("://", 1)[0]
        hint = "pip install 'trueserve[aws]'" if scheme == "s3" else "use a local path, gs:// or s3://"
        raise UsageError(f"no file system for {scheme}:// is installed ({path}); {hint}") from error
    return FileSystems


@contextlib.contextmanager
def _explained(action: str, path: str) -> Iterator[None]:
    """Turns an error of the file system into one line for the user."""
    try:
        yield
    except TrueserveError:
        raise
    except OSError as error:  # BeamIOError is one too
        raise InputError(f"cannot {action} {path}: {_reason(error)}") from error
    except Exception as error:
        if is_local(path):
            raise
        # The clients of object stores have error classes of their own (credentials, permissions).
        raise InputError(f"cannot {action} {path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:300]
