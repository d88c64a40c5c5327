"""TFRecord framing: where the records of a block of bytes stand, both checksums of each verified.

A record is its length (uint64, little endian), the masked CRC-32C of those eight bytes, the data, and the
masked CRC-32C of the data.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numba import types

from trueserve.transforms.columnar.crc32c import masked_crc32c
from trueserve.transforms.columnar.memory import load32, load64
from trueserve.transforms.compiling.compiled import BYTES, Int, compiled
from trueserve.transforms.files.tfrecord import HEADER_BYTES, MAX_RECORD_BYTES, TFRecordError, is_of_data

Array = np.ndarray[Any, Any]

# Small enough for a processor's cache; more where records are so large that a block has few of them.
BLOCK_BYTES, MAX_BLOCK_BYTES = 8 << 20, 64 << 20
_FEW_RECORDS = 1024
# Bounds the arrays that have an element for every row, whatever the size of a record.
BLOCK_RECORDS = 1 << 16
OVERHEAD_BYTES = 16

FULL, MORE, BAD_LENGTH_CHECKSUM, BAD_DATA_CHECKSUM, ABSURD_LENGTH = range(5)


@compiled(types.UniTuple(types.int64, 4)(BYTES, types.int64, types.int64[::1], types.int64[::1]))
def find_records(data: Array, start: Int, starts: Array, ends: Array) -> tuple[Int, Int, Int, Int]:
    """Writes where the data of each record in `data[start:]` begins and ends.

    Returns how many were found, the position after the last, why it stopped there, and how many bytes the
    record there needs (as far as is known): WHOLE where `starts` is full, MORE where the block ends first.
    """
    position, count, size = start, 0, data.size
    while count < starts.size:
        if size - position < HEADER_BYTES:
            return count, position, MORE, HEADER_BYTES
        if load32(data, position + 8) != masked_crc32c(data, position, position + 8):
            return count, position, BAD_LENGTH_CHECKSUM, 0
        length_field = load64(data, position)
        if length_field > np.uint64(MAX_RECORD_BYTES):
            return count, position, ABSURD_LENGTH, np.int64(length_field & np.uint64(0x7FFFFFFFFFFFFFFF))
        length = np.int64(length_field)
        if size - position - OVERHEAD_BYTES < length:
            return count, position, MORE, length + OVERHEAD_BYTES
        first = position + HEADER_BYTES
        if load32(data, first + length) != masked_crc32c(data, first, first + length):
            return count, position, BAD_DATA_CHECKSUM, 0
        starts[count], ends[count] = first, first + length
        count += 1
        position = first + length + 4
    return count, position, FULL, 0


@dataclasses.dataclass(frozen=True)
class Block:
    """Records that stand in one array of bytes: record i is `data[starts[i]:ends[i]]`."""

    data: Array
    starts: Array
    ends: Array

    def __len__(self) -> int:
        return len(self.starts)

    def record(self, index: int) -> bytes:
        """The bytes of one record."""
        return self.data[self.starts[index] : self.ends[index]].tobytes()

    @property
    def num_bytes(self) -> int:
        """Bytes of all the records."""
        return int((self.ends - self.starts).sum())


def block_of(records: list[bytes]) -> Block:
    """A block of records that are bytes objects."""
    ends = np.cumsum([len(record) for record in records], dtype=np.int64)
    starts = np.append(np.zeros(1, np.int64), ends)[: len(records)]
    return Block(np.frombuffer(b"".join(records), np.uint8), starts, ends)


def read_blocks(
    stream: BinaryIO, block_bytes: int = BLOCK_BYTES, block_records: int = BLOCK_RECORDS, offset: int = 0
) -> Iterator[Block]:
    """The records of `stream` in order, in blocks of about `block_bytes` (more for large records) and at most
    `block_records`.

    What is held in memory is bounded by a block and a record, never by a length that is only claimed.
    Raises TFRecordError, after all whole records before it have been given; its offset counts from `offset`.
    """
    window = Window(stream, block_bytes, offset)
    starts, ends = np.empty(block_records, np.int64), np.empty(block_records, np.int64)
    needed = HEADER_BYTES
    while window.fill(needed):
        count, position, state, needed = find_records(window.data, window.position, starts, ends)
        if state == MORE and count < _FEW_RECORDS:
            window.block_bytes = max(window.block_bytes, min(2 * window.block_bytes, MAX_BLOCK_BYTES))
        if count:
            yield Block(window.data, starts[:count].copy(), ends[:count].copy())
        window.position = position
        if state not in (FULL, MORE):
            raise _error(window.offset, state, needed)
        needed = max(needed, HEADER_BYTES)
    if window.left:
        raise _truncated(window, needed)


def _error(offset: int, state: int, length: int) -> TFRecordError:
    if state == ABSURD_LENGTH:
        detail = f"a record claims {length} bytes; the most there can be is {MAX_RECORD_BYTES}"
        return TFRecordError(offset, "length", detail)
    part = "length" if state == BAD_LENGTH_CHECKSUM else "data"
    return TFRecordError(offset, "checksum", f"checksum error in the {part} of a record")


def _truncated(window: Window, needed: int) -> TFRecordError:
    if window.left < HEADER_BYTES:
        detail = f"truncated: {window.left} bytes are no whole record header"
    else:
        detail = f"truncated: a record needs {needed} bytes, and {window.left} are left"
    return TFRecordError(window.offset, "truncated", detail)


class Window:
    """What has been read of a stream: `data[position:]` has not been used yet.

    `offset` is that of the first byte that the stream will give.
    """

    def __init__(self, stream: BinaryIO, block_bytes: int, offset: int = 0) -> None:
        self._stream = stream
        self._base = offset  # offset in the file of data[0]
        self.block_bytes = block_bytes
        self.data: Array = np.empty(0, np.uint8)
        self.position = 0

    @property
    def offset(self) -> int:
        """The offset in the file of the first unused byte."""
        return self._base + self.position

    @property
    def left(self) -> int:
        """Unused bytes."""
        return len(self.data) - self.position

    def fill(self, needed: int) -> bool:
        """Whether `needed` unused bytes are there, after reading on if need be."""
        while self.left < needed:
            # In pieces, so that memory follows the bytes that come and not the length that is claimed.
            if not self._read_on(max(self.block_bytes, self.left)):
                return False
        return True

    def _read_on(self, count: int) -> int:
        """Makes the unused bytes and up to `count` more the data; how many more there are."""
        left = self.left
        data = np.empty(left + count, np.uint8)
        data[:left] = self.data[self.position :]
        read = self._read(memoryview(data[left:]))  # type: ignore[arg-type]
        self._base += self.position
        self.position, self.data = 0, data[: left + read]
        return read

    def _read(self, buffer: memoryview) -> int:
        try:
            return _read_into(self._stream, buffer)
        except EOFError as error:
            raise TFRecordError(self.offset, "truncated", "truncated: compressed data end early") from error
        except (OSError, zlib.error) as error:
            if not is_of_data(error):
                raise
            raise TFRecordError(self.offset, "compression", f"cannot read on: {error}") from error


def _read_into(stream: BinaryIO, buffer: memoryview) -> int:
    """Reads until `buffer` is full or the stream ends; how many bytes."""
    read_into, done = getattr(stream, "readinto", None), 0
    while done < len(buffer):
        if read_into is not None:
            count = read_into(buffer[done:])
        else:
            part = stream.read(len(buffer) - done)
            count = len(part)
            buffer[done : done + count] = part
        if not count:
            break
        done += count
    return done
