"""A file system of Beam's that lives in memory, to run the branches for object stores without one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from apache_beam.io.filesystem import BeamIOError, CompressedFile, FileMetadata, FileSystem

from trueserve.transforms.files import paths

SCHEME = "memory"
OBJECTS: dict[str, bytes] = {}


class Faults:
    """Which upload or deletion fails, counted from 0, and how; nothing fails without `how`.

    `how` is one of
      open: before anything is stored.
      half: half is written, and closing stores that half, as the clients of stores do.
      close: nothing is stored.
      stored: all is stored, and then an error comes.
      delete: a deletion that does nothing.

    Attributes:
      lasting: whether all that follow fail, too (a full disk), or but that one.
    """

    def __init__(self) -> None:
        self.set(0, "")

    def set(self, at: int, how: str, lasting: bool = False) -> None:
        self.at, self.how, self.lasting = at, how, lasting
        self.uploads = self.deletions = 0

    @property
    def were_reached(self) -> bool:
        return (self.deletions if self.how == "delete" else self.uploads) > self.at

    def of_upload(self) -> str:
        """How this upload fails; empty if it does not."""
        self.uploads += 1
        return self.how if self.how != "delete" and self._is_due(self.uploads - 1) else ""

    def of_deletion(self) -> bool:
        self.deletions += 1
        return self.how == "delete" and self._is_due(self.deletions - 1)

    def _is_due(self, number: int) -> bool:
        return number == self.at or (self.lasting and number > self.at)


FAULTS = Faults()


class MemoryFileSystem(FileSystem):
    """Objects by full path; as in a store there are no folders, and an object appears when closed."""

    @classmethod
    def scheme(cls) -> str:
        return SCHEME

    def join(self, basepath: str, *parts: str) -> str:
        return "/".join([basepath.rstrip("/"), *parts])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        """Nothing: object stores have no folders to make, but Beam's sinks ask for them."""

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[Any]:
        for path, data in list(OBJECTS.items()):
            if path.startswith(dir_or_prefix):
                yield FileMetadata(path, len(data))

    def create(self, path: str, mime_type: str = "", compression_type: str = "auto") -> BinaryIO:
        compression = self._get_compression_type(path, compression_type)
        if (fault := FAULTS.of_upload()) == "open":
            raise BeamIOError("403 Forbidden")
        upload = Upload(path, fault)
        return upload if compression == "uncompressed" else CompressedFile(upload, compression)

    def open(self, path: str, mime_type: str = "", compression_type: str = "auto") -> BinaryIO:
        assert compression_type == "uncompressed"
        if path not in OBJECTS:
            raise BeamIOError("no such object", {path: FileNotFoundError()})
        return io.BytesIO(OBJECTS[path])

    def exists(self, path: str) -> bool:
        return path in OBJECTS

    def delete(self, paths: list[str]) -> None:
        if FAULTS.of_deletion():
            raise BeamIOError("503 Service Unavailable", dict.fromkeys(paths, OSError()))
        for path in paths:
            # Beam's sinks delete their temporary folders by name; ours never do.
            below = [name for name in OBJECTS if name.startswith(path.rstrip("/") + "/")]
            for name in below or [path]:
                if OBJECTS.pop(name, None) is None:
                    raise BeamIOError("no such object", {path: FileNotFoundError()})

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for source, destination in zip(source_file_names, destination_file_names, strict=True):
            OBJECTS[destination] = OBJECTS[source]

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        self.copy(source_file_names, destination_file_names)
        self.delete(source_file_names)

    def size(self, path: str) -> int:
        return len(OBJECTS[path])

    def last_updated(self, path: str) -> float:
        return 0.0

    def checksum(self, path: str) -> str:
        return ""

    def metadata(self, path: str) -> Any:
        return FileMetadata(path, len(OBJECTS[path]))


class Upload(io.BytesIO):
    mode = "wb"

    def __init__(self, path: str, fault: str = "") -> None:
        super().__init__()
        self._path, self._fault = path, fault

    def write(self, data: Any) -> int:
        if self._fault == "half":
            super().write(data[: len(data) // 2])
            raise BeamIOError("503 Service Unavailable")
        return super().write(data)

    def close(self) -> None:
        if not self.closed:
            content, fault = self.getvalue(), self._fault
            super().close()
            if fault != "close":
                OBJECTS[self._path] = content
            if fault in {"close", "stored"}:
                raise BeamIOError("503 Service Unavailable")


def write_names(folder: str, *names: str) -> None:
    """Files in a folder on any file system, each with its name as content."""
    for name in names:
        paths.write_atomically(paths.join(folder, name), name.encode())
