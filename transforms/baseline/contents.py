"""The files that `prepare` wrote into a baseline, with size and SHA-256, and whether they are still those."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.files.file_systems import explained, match_remote

AGAIN = "restore it from a copy, or run trueserve prepare or adopt again"

_CHUNK = 8 << 20
# Files that are read at once where their digests are recorded: on an object store each waits for the network.
_AT_ONCE = 8
_SHOWN = 12


class FileDigest(NamedTuple):
    """A file's size in bytes, and its SHA-256 as lower-case hexadecimal."""

    bytes: int
    sha256: str


def record(folder: str, names: Iterable[str]) -> dict[str, FileDigest]:
    """Size and digest of each of these files below `folder`; each is read once, in pieces."""
    sorted_names = sorted(names)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        digests = pool.map(lambda name: _digest(paths.join(folder, name)), sorted_names)
        return dict(zip(sorted_names, digests, strict=True))


def digest_of(data: bytes) -> FileDigest:
    """Size and digest of a file's bytes."""
    return FileDigest(len(data), hashlib.sha256(data).hexdigest())


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a baseline's folder must hold.

    Attributes:
      path: the folder, on any file system.
      files: what `prepare` wrote, by path below the folder.
    """

    path: str
    files: Mapping[str, FileDigest]

    def below(self, folder: str) -> list[str]:
        """Names of the files in this folder of the baseline, sorted."""
        return sorted(name for name in self.files if name.startswith(f"{folder}/"))

    def check_sizes(self, *, edited: Collection[str], closed: str, optional: str) -> None:
        """Compares the names and sizes of all files with those recorded; none is opened.

        Args:
          edited: files that the user may edit: they must be there, with any size.
          closed: a folder in which there must be nothing else.
          optional: a folder that may be missing as a whole.

        Raises UsageError that names the baseline and the first file that is missing, too many or of another
        size.
        """
        sizes = self._sizes(closed)
        left_out = not any(name in sizes for name in self.below(optional))
        for name, expected in sorted(self.files.items()):
            if left_out and name.startswith(f"{optional}/"):
                continue
            if name not in sizes:
                raise UsageError(f"the baseline {self.path} is incomplete: {name} is missing; {AGAIN}")
            if name not in edited and sizes[name] != expected.bytes:
                raise self.damaged(name, f"{sizes[name]:,} bytes, expected {expected.bytes:,}")
        if extra := sorted(name for name in sizes if _is_below(name, closed) and name not in self.files):
            raise UsageError(
                f"the baseline {self.path} holds {extra[0]}, which trueserve prepare did not write; expected"
                f" only its own files in {closed}; move it elsewhere"
            )

    def check(self, folder: str) -> None:
        """Reads every file of a folder of the baseline, in pieces.

        Raises UsageError for the first that is not what `prepare` wrote.
        """
        for name in self.below(folder):
            self._compare(name, self._explained(name, _digest))

    def read(self, name: str) -> bytes:
        """The bytes of a file, which are those that `prepare` wrote. Raises UsageError if they are not."""
        data = self.read_edited(name)
        self._compare(name, digest_of(data))
        return data

    def read_edited(self, name: str) -> bytes:
        """The bytes of a file, whatever they are. Raises UsageError if it cannot be read."""
        data: bytes = self._explained(name, paths.read_bytes)
        return data

    def is_edited(self, name: str, data: bytes) -> bool:
        """Whether these bytes of a file are others than `prepare` wrote."""
        return digest_of(data) != self.files[name]

    @contextlib.contextmanager
    def local(self, folder: str) -> Iterator[str]:
        """A local folder with the verified files of a folder of the baseline, for a while.

        On a local file system that is the folder itself, verified now; else each file is fetched, and
        verified on its way.
        """
        if file_systems.is_local(self.path):
            self.check(folder)
            yield paths.join(self.path, folder)
            return
        with tempfile.TemporaryDirectory(prefix="trueserve-") as target:
            for name in self.below(folder):
                self._fetch(name, Path(target, name.removeprefix(f"{folder}/")))
            yield target

    @contextlib.contextmanager
    def local_file(self, name: str) -> Iterator[str]:
        """The same for one file, whatever its size."""
        if file_systems.is_local(self.path):
            self._compare(name, self._explained(name, _digest))
            yield paths.join(self.path, name)
            return
        with tempfile.TemporaryDirectory(prefix="trueserve-") as target:
            self._fetch(name, file := Path(target, name.rpartition("/")[2]))
            yield str(file)

    def damaged(self, name: str, problem: str) -> UsageError:
        return UsageError(f"the baseline {self.path} is damaged: {name} has {problem}; {AGAIN}")

    def _compare(self, name: str, actual: FileDigest) -> None:
        expected = self.files[name]
        if actual.bytes != expected.bytes:
            raise self.damaged(name, f"{actual.bytes:,} bytes, expected {expected.bytes:,}")
        if actual.sha256 != expected.sha256:
            problem = f"the SHA-256 {actual.sha256[:_SHOWN]}…, expected {expected.sha256[:_SHOWN]}…"
            raise self.damaged(name, problem)

    def _fetch(self, name: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self._compare(name, self._explained(name, lambda path: _digest(path, target)))

    def _explained(self, name: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(paths.join(self.path, name))
        except InputError as error:
            raise UsageError(f"the baseline {self.path} cannot be read: {error}") from error

    def _sizes(self, closed: str) -> dict[str, int]:
        """Sizes of the recorded files that are there, and of all files in the closed folder."""
        if file_systems.is_local(self.path):
            return dict(self._local_sizes(closed))
        base = self.path.rstrip("/") + "/"
        return {file.path.removeprefix(base): file.bytes for file in match_remote(base + "**")}

    def _local_sizes(self, closed: str) -> Iterator[tuple[str, int]]:
        listed = [f"{closed}/{name}" for name in paths.list_files(paths.join(self.path, closed))]
        for name in {*self.files, *listed}:
            file = Path(self.path, name)
            with contextlib.suppress(OSError):
                if file.is_file():
                    yield name, file.stat().st_size


def _is_below(name: str, folder: str) -> bool:
    return name.startswith(f"{folder}/")


def _digest(path: str, target: Path | None = None) -> FileDigest:
    """Reads a file once, in pieces; writes what it read to `target` too, if that is given."""
    digest, size = hashlib.sha256(), 0
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(paths.open_stored(path))
        copy = stack.enter_context((target or Path(os.devnull)).open("wb"))
        stack.enter_context(explained("read", path))
        while piece := stream.read(_CHUNK):
            digest.update(piece)
            copy.write(piece)
            size += len(piece)
    return FileDigest(size, digest.hexdigest())
