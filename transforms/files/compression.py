"""How files are compressed, told by their first bytes: what is read, and what is only named."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from trueserve.transforms.core.errors import InputError

#: So many bytes tell how a file is compressed.
MAGIC_BYTES = 8
# What is lost where data end early is less than such a piece.
_PIECE = 64 << 10
_SKIPPABLE = tuple(bytes((number, 0x2A, 0x4D, 0x18)) for number in range(0x50, 0x60))
# What is not read, by its first bytes. A TFRecord begins with its length, whose upper bytes are zero.
_NOT_READ = {
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xff\x06\0\0sNaPpY": "snappy",
    b"\x1f\x9d": "compress (.Z)",
    b"LZIP\x01": "lzip",
}


def decompressing(magic: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    """What makes a decompressed stream of a file that begins so; None for one that is not compressed.

    Raises InputError for a compression that is not read, and names it.
    """
    if magic.startswith(b"\x1f\x8b\x08"):
        return lambda stored: cast(BinaryIO, gzip.GzipFile(fileobj=stored, mode="rb"))
    if magic.startswith(b"BZh"):
        return lambda stored: cast(BinaryIO, bz2.BZ2File(stored, mode="rb"))
    if magic.startswith((b"\x28\xb5\x2f\xfd", *_SKIPPABLE)):
        return lambda stored: cast(BinaryIO, io.BufferedReader(_Zstandard(stored), _PIECE))
    if (why := why_not_read(magic)) is not None:
        raise InputError(why)
    return None


def why_not_read(magic: bytes) -> str | None:
    """That a file is compressed in a way which is not read; None for all others."""
    for start, name in _NOT_READ.items():
        if magic.startswith(start[:MAGIC_BYTES]) and magic[4:8] != bytes(4):
            return f"the file is compressed by {name}, which is not read; expected gzip, bzip2 or Zstandard"
    return None


class _Unclosed:
    """A file that Arrow may not close: whoever opened it reads it again."""

    closed = False

    def __init__(self, stored: BinaryIO) -> None:
        self.read = stored.read

    def close(self) -> None:
        """Leaves it open."""


class _Zstandard(io.RawIOBase):
    """What Zstandard has compressed, a piece at a time. Arrow reads it on every stack.

    Raises EOFError for data that end early, as Python's own streams do.
    """

    def __init__(self, stored: BinaryIO) -> None:
        super().__init__()
        # Imported late: commands that read no such file need no Arrow.
        from trueserve.transforms.core.arrow import pa

        self._stream: Any = pa.CompressedInputStream(pa.PythonFile(_Unclosed(stored), mode="r"), "zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            piece: bytes = self._stream.read(min(len(buffer), _PIECE))
        except OSError as error:
            if error.errno is None and "runcated" in str(error):
                raise EOFError("compressed data end early") from error
            raise
        buffer[: len(piece)] = piece
        return len(piece)
