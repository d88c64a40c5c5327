"""TFRecord framing: a stream of bytes to the records in it, every checksum verified.

A record is its length (uint64, little endian), the masked CRC32C of those eight bytes, the data, and the
masked CRC32C of the data.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c

MAX_RECORDS = 8192
MAX_BYTES = 32 << 20
# A serialized protocol buffer is at most 2 GiB; what claims to be longer is no record.
MAX_RECORD_BYTES = (2 << 30) - 1

HEADER_BYTES = 12
_OVERHEAD = 16
_READ_BYTES = 4 << 20
_HEADER = struct.Struct("<QI")
_CRC = struct.Struct("<I")


class TFRecordError(Exception):
    """The stream is no sequence of whole records.

    Attributes:
      offset: bytes (decompressed) before the record that is broken.
      reason: `truncated`, `checksum`, `length` or `compression`.
      detail: what was expected and what came.
    """

    def __init__(self, offset: int, reason: str, detail: str) -> None:
        super().__init__(f"{detail} (at byte {offset})")
        self.offset = offset
        self.reason = reason
        self.detail = detail


def is_of_data(error: Exception) -> bool:
    """Whether what was raised while reading comes of the bytes read, and would come again.

    bz2 and Arrow say so with a bare OSError without a number. An OSError of a file system has a number or a
    class of its own: it may pass, so it is left to the runner, which tries again.
    """
    bare = type(error) is OSError and error.errno is None
    return bare or isinstance(error, gzip.BadGzipFile) or not isinstance(error, OSError)


def masked_crc32c(data: bytes) -> int:
    """The CRC32C of `data`, rotated and offset as TFRecords store it."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | (crc & 0x7FFF) << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(record: bytes) -> bytes:
    """`record` as it stands in a TFRecord file."""
    length = struct.pack("<Q", len(record))
    crcs = _CRC.pack(masked_crc32c(length)), _CRC.pack(masked_crc32c(record))
    return b"".join((length, crcs[0], record, crcs[1]))


def is_header(start: bytes) -> bool:
    """Whether bytes that begin with `start` begin with the header of a record."""
    if len(start) < HEADER_BYTES:
        return False
    return bool(_HEADER.unpack_from(start)[1] == masked_crc32c(start[:8]))


def read_records(
    stream: BinaryIO, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES
) -> Iterator[list[bytes]]:
    """The records of `stream` in order, in lists of at most `max_records` and about `max_bytes`.

    What is held in memory is bounded by `max_bytes`, one read and one record, never by a length that is
    only claimed. Raises TFRecordError, after all whole records before it have been given.
    """
    buffer = _Buffer(stream)
    while True:
        records: list[bytes] = []
        try:
            ended = _fill(buffer, records, max_records, max_bytes)
        except TFRecordError:
            if records:
                yield records
            raise
        if records:
            yield records
        if ended:
            return


def _fill(buffer: _Buffer, records: list[bytes], max_records: int, max_bytes: int) -> bool:
    """Appends the next records; whether the stream has ended. One loop, as every record goes through it."""
    size = 0
    while len(records) < max_records and size < max_bytes:
        if not buffer.has(HEADER_BYTES):
            return _check_end(buffer)
        data, start = buffer.data, buffer.position
        length, crc = _HEADER.unpack_from(data, start)
        if crc != masked_crc32c(data[start : start + 8]):
            raise TFRecordError(buffer.offset, "checksum", "checksum error in the length of a record")
        record = _body(buffer, length)
        records.append(record)
        size += length
    return False


def _body(buffer: _Buffer, length: int) -> bytes:
    if length > MAX_RECORD_BYTES:
        detail = f"a record claims {length} bytes; the most there can be is {MAX_RECORD_BYTES}"
        raise TFRecordError(buffer.offset, "length", detail)
    if not buffer.has(length + _OVERHEAD):
        available = len(buffer.data) - buffer.position
        detail = f"truncated: a record needs {length + _OVERHEAD} bytes, and {available} are left"
        raise TFRecordError(buffer.offset, "truncated", detail)
    start = buffer.position + HEADER_BYTES
    record = buffer.data[start : start + length]
    if _CRC.unpack_from(buffer.data, start + length)[0] != masked_crc32c(record):
        raise TFRecordError(buffer.offset, "checksum", "checksum error in the data of a record")
    buffer.position = start + length + 4
    return record


def _check_end(buffer: _Buffer) -> bool:
    left = len(buffer.data) - buffer.position
    if left:
        raise TFRecordError(buffer.offset, "truncated", f"truncated: {left} bytes are no whole record header")
    return True


class _Buffer:
    """A window on the stream: `data[position:]` has been read from it and not yet been used."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._base = 0  # offset in the stream of data[0]
        self.data = b""
        self.position = 0

    @property
    def offset(self) -> int:
        return self._base + self.position

    def has(self, count: int) -> bool:
        """Whether `count` unused bytes are there, after reading more if need be."""
        return len(self.data) - self.position >= count or self._read_more(count)

    def _read_more(self, count: int) -> bool:
        rest = self.data[self.position :]
        self._base += self.position
        self.position = 0
        parts, size = [rest], len(rest)
        # In pieces, so that memory follows the bytes that come and not the length that is claimed.
        while size < count and (part := self._read()):
            parts.append(part)
            size += len(part)
        self.data = b"".join(parts)
        return size >= count

    def _read(self) -> bytes:
        try:
            return self._stream.read(_READ_BYTES)
        except EOFError as error:
            raise TFRecordError(self.offset, "truncated", "truncated: compressed data end early") from error
        except (OSError, zlib.error) as error:
            if not is_of_data(error):
                raise
            raise TFRecordError(self.offset, "compression", f"cannot read on: {error}") from error
