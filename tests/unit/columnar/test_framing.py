"""TFRecords in blocks: where records stand, how reading goes on, and what a damaged file says."""

from __future__ import annotations

import gzip
import io
import itertools
import struct
from typing import Any

import google_crc32c
import numpy as np
import pytest

from trueserve.transforms.columnar import framing
from trueserve.transforms.columnar.framing import (
    ABSURD_LENGTH,
    BAD_DATA_CHECKSUM,
    BAD_LENGTH_CHECKSUM,
    FULL,
    MORE,
    block_of,
    find_records,
    read_blocks,
)
from trueserve.transforms.files.tfrecord import MAX_RECORD_BYTES, TFRecordError, frame


def masked(data: bytes) -> bytes:
    crc = int(google_crc32c.value(data))
    return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)


def claimed(length: int) -> bytes:
    """The header of a record of this length, with its checksum."""
    head = struct.pack("<Q", length)
    return head + masked(head)


def found_in(data: bytes, max_records: int = 10, start: int = 0) -> tuple[list[bytes], tuple[int, ...]]:
    """The records in the data, and count, position, state and bytes needed."""
    array = np.frombuffer(data, np.uint8)
    starts, ends = np.zeros(max_records, np.int64), np.zeros(max_records, np.int64)
    result = find_records(array, start, starts, ends)
    spans = zip(starts[: result[0]], ends[: result[0]], strict=True)
    return [data[begin:end] for begin, end in spans], tuple(result)


# Lengths on both sides of the eight bytes that a checksum takes at a time.
RECORDS = [b"", b"a", b"1234567", b"12345678", b"123456789", b"x" * 300]


def test_whole_records() -> None:
    data = b"".join(map(frame, RECORDS))
    assert found_in(data) == (RECORDS, (6, len(data), MORE, 12))
    assert found_in(data, max_records=6) == (RECORDS, (6, len(data), FULL, 0))
    assert found_in(data, max_records=2) == (RECORDS[:2], (2, 33, FULL, 0))
    assert found_in(data, start=16) == (RECORDS[1:], (5, len(data), MORE, 12))


@pytest.mark.parametrize(("length", "needed"), [(0, 12), (5, 12), (11, 12), (12, 19), (15, 19), (18, 19)])
def test_a_record_that_a_block_cuts_off(length: int, needed: int) -> None:
    data = frame(b"good") + frame(b"xyz")[:length]
    assert found_in(data) == ([b"good"], (1, 20, MORE, needed))


@pytest.mark.parametrize("at", range(12))
def test_a_damaged_length(at: int) -> None:
    data = bytearray(frame(b"good") + frame(b"abc"))
    data[20 + at] ^= 1
    assert found_in(bytes(data)) == ([b"good"], (1, 20, BAD_LENGTH_CHECKSUM, 0))


@pytest.mark.parametrize("at", range(12, 12 + 3 + 4))
def test_damaged_data(at: int) -> None:
    data = bytearray(frame(b"good") + frame(b"abc"))
    data[20 + at] ^= 0x80
    assert found_in(bytes(data)) == ([b"good"], (1, 20, BAD_DATA_CHECKSUM, 0))


def test_absurd_lengths() -> None:
    most = claimed(MAX_RECORD_BYTES)
    assert found_in(most) == ([], (0, 0, MORE, MAX_RECORD_BYTES + 16))
    assert found_in(claimed(MAX_RECORD_BYTES + 1)) == ([], (0, 0, ABSURD_LENGTH, MAX_RECORD_BYTES + 1))
    assert found_in(claimed(2**63 + 5)) == ([], (0, 0, ABSURD_LENGTH, 5))


def test_a_block_of_bytes_objects() -> None:
    block = block_of(RECORDS)
    assert len(block) == 6
    assert [block.record(i) for i in range(6)] == RECORDS
    assert block.num_bytes == sum(map(len, RECORDS))
    assert len(block_of([])) == 0
    assert block_of([]).num_bytes == 0


def records_of(stream: Any, *sizes: int) -> list[bytes]:
    return list(itertools.chain(*blocks_of(stream, *sizes)))


def blocks_of(stream: Any, *sizes: int) -> list[list[bytes]]:
    return [[block.record(i) for i in range(len(block))] for block in read_blocks(stream, *sizes)]


def test_blocks_are_as_large_as_they_may_be() -> None:
    records = [b"%04d" % i for i in range(30)]  # of twenty bytes each, framed
    data = b"".join(map(frame, records))
    assert blocks_of(io.BytesIO(data), 1000, 12) == [records[:12], records[12:24], records[24:]]
    assert [len(block) for block in blocks_of(io.BytesIO(data), 1 << 20, 100)] == [30]
    assert records_of(io.BytesIO(data), 1, 100) == records
    assert blocks_of(io.BytesIO(b"")) == []


def test_blocks_grow_where_they_have_few_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_BLOCK_BYTES", 160)
    data = b"".join(frame(b"%04d" % i) for i in range(30))
    # 40 bytes hold two records; then twice as many bytes, up to 160.
    assert [len(block) for block in blocks_of(io.BytesIO(data), 40, 100)] == [2, 4, 8, 8, 8]
    monkeypatch.setattr(framing, "_FEW_RECORDS", 2)
    assert [len(block) for block in blocks_of(io.BytesIO(data), 40, 100)] == [2] * 15


def test_a_record_larger_than_a_block() -> None:
    records = [b"small", b"x" * 100_000, b"small"]
    assert records_of(io.BytesIO(b"".join(map(frame, records))), 1000) == records


class ReadsOnly:
    """A stream that has `read` alone, and gives less than it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def read(self, count: int) -> bytes:
        return self._stream.read(min(count, 7))


def test_a_stream_that_gives_little_at_a_time() -> None:
    records = [b"a" * n for n in range(50)]
    assert records_of(ReadsOnly(b"".join(map(frame, records))), 64) == records


def failed(stream: Any, block_bytes: int = 64) -> tuple[list[bytes], int, str, str]:
    """The records before a failure, its offset, reason and message."""
    records: list[bytes] = []
    try:
        for block in read_blocks(stream, block_bytes):
            records += [block.record(i) for i in range(len(block))]
    except TFRecordError as error:
        return records, error.offset, error.reason, str(error)
    raise AssertionError("nothing failed")


@pytest.mark.parametrize(
    ("rest", "reason", "text"),
    [
        (b"\x01", "truncated", "1 bytes are no whole record header"),
        (frame(b"xyz")[:11], "truncated", "11 bytes are no whole record header"),
        (frame(b"xyz")[:12], "truncated", "a record needs 19 bytes, and 12 are left"),
        (frame(b"xyz")[:18], "truncated", "a record needs 19 bytes, and 18 are left"),
        (b"\x01" + frame(b"xyz")[1:], "checksum", "checksum error in the length of a record"),
        (frame(b"xyz")[:-1] + b"\x00", "checksum", "checksum error in the data of a record"),
        (claimed(2**40), "length", f"claims {2**40} bytes; the most there can be is {MAX_RECORD_BYTES}"),
        (claimed(2**30) + b"x" * 200, "truncated", f"a record needs {2**30 + 16} bytes, and 212 are left"),
    ],
)
@pytest.mark.parametrize("block_bytes", [16, 64, 4096])
def test_a_damaged_file(rest: bytes, reason: str, text: str, block_bytes: int) -> None:
    good = [b"first", b"second"]
    records, offset, why, message = failed(io.BytesIO(b"".join(map(frame, good)) + rest), block_bytes)
    assert (records, offset, why) == (good, 21 + 22, reason)
    assert text in message


def test_compressed_data_that_end_early_or_are_damaged() -> None:
    compressed = gzip.compress(b"".join(frame(b"%d" % i) for i in range(2000)))
    _, _, reason, message = failed(gzip.GzipFile(fileobj=io.BytesIO(compressed[: len(compressed) // 2])))
    assert (reason, "compressed data end early" in message) == ("truncated", True)
    damaged = compressed[:-8] + b"\x00" * 4 + compressed[-4:]
    _, _, reason, message = failed(gzip.GzipFile(fileobj=io.BytesIO(damaged)))
    assert (reason, "cannot read on" in message) == ("compression", True)


class Fails:
    """A stream of a file system that fails, once a record has come."""

    def __init__(self) -> None:
        self._stream = io.BytesIO(frame(b"good"))

    def read(self, count: int) -> bytes:
        if part := self._stream.read(count):
            return part
        raise TimeoutError(110, "the connection timed out")


def test_a_file_system_that_fails_is_no_fault_of_the_data() -> None:
    with pytest.raises(TimeoutError):
        blocks_of(Fails(), 64)
