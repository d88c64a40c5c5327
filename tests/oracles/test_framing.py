"""The compiled framing of TFRecords gives what the plain reader gives, for any bytes and any blocks."""

from __future__ import annotations

import io
from typing import Any

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from trueserve.transforms.columnar import crc32c
from trueserve.transforms.columnar.framing import read_blocks
from trueserve.transforms.columnar.hashing import hash_bytes
from trueserve.transforms.columnar.memory import load64
from trueserve.transforms.columnar.utf8 import is_utf8
from trueserve.transforms.files.tfrecord import TFRecordError, frame, read_records

Outcome = tuple[list[bytes], tuple[int, str] | None]


def plainly(data: bytes) -> Outcome:
    records: list[bytes] = []
    try:
        for some in read_records(io.BytesIO(data)):
            records += some
    except TFRecordError as error:
        return records, (error.offset, error.reason)
    return records, None


def in_blocks(stream: Any, block_bytes: int, block_records: int = 1000) -> Outcome:
    records: list[bytes] = []
    try:
        for block in read_blocks(stream, block_bytes, block_records):
            records += [block.record(i) for i in range(len(block))]
    except TFRecordError as error:
        return records, (error.offset, error.reason)
    return records, None


_records = st.lists(st.binary(max_size=40), max_size=8)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(b"".join(map(frame, draw(_records))))
    if data and draw(st.booleans()):
        data[draw(st.integers(0, len(data) - 1))] ^= draw(st.integers(1, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=14))


@settings(deadline=None, max_examples=300)
@given(_records, st.integers(1, 100), st.integers(1, 5))
def test_whole_files(records: list[bytes], block_bytes: int, block_records: int) -> None:
    data = b"".join(map(frame, records))
    assert in_blocks(io.BytesIO(data), block_bytes, block_records) == (records, None)


@settings(deadline=None, max_examples=500)
@given(damaged(), st.integers(1, 100))
def test_damaged_files_fail_at_the_same_byte(data: bytes, block_bytes: int) -> None:
    assert in_blocks(io.BytesIO(data), block_bytes) == plainly(data)


def test_an_absurd_length_takes_no_memory() -> None:
    for length in (1 << 40, (2 << 30) - 100):
        head = length.to_bytes(8, "little")
        crc = google_crc32c.value(head)
        masked = ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF
        data = frame(b"good") + head + masked.to_bytes(4, "little") + b"x" * 1000
        assert in_blocks(io.BytesIO(data), 64) == plainly(data)


@pytest.mark.parametrize("by", ["instruction", "tables"])
def test_checksums(by: str) -> None:
    step, byte = (crc32c._word_step, crc32c._byte_step)
    if by == "tables":
        step, byte = crc32c.tabled_word, crc32c.tabled_byte

    @njit  # type: ignore[untyped-decorator]
    def crc(data: Any, start: int, end: int) -> Any:
        value, position = np.uint32(0xFFFFFFFF), start
        while end - position >= 8:
            value = step(value, load64(data, position))
            position += 8
        while position < end:
            value = byte(value, data[position])
            position += 1
        return value ^ np.uint32(0xFFFFFFFF)

    data = np.random.default_rng(0).integers(0, 256, 300, np.uint8)
    for start, end in [(0, 0), (0, 1), (3, 11), (5, 300), (0, 299)]:
        assert crc(data, start, end) == google_crc32c.value(data[start:end].tobytes())


@njit  # type: ignore[untyped-decorator]
def _is_utf8(data: Any) -> bool:
    return is_utf8(data, 0, data.size)


@njit  # type: ignore[untyped-decorator]
def _hash(data: Any, start: int, length: int) -> Any:
    return hash_bytes(data, start, length)


@settings(deadline=None, max_examples=1000)
@given(
    st.one_of(st.binary(max_size=20), st.text(max_size=12).map(lambda t: t.encode("utf-8", "surrogatepass")))
)
def test_utf8(data: bytes) -> None:
    try:
        data.decode()
        expected = True
    except UnicodeDecodeError:
        expected = False
    assert _is_utf8(np.frombuffer(data, np.uint8)) == expected


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=30), st.binary(max_size=9), st.binary(max_size=9))
def test_a_hash_depends_on_the_bytes_alone(data: bytes, before: bytes, after: bytes) -> None:
    around = np.frombuffer(before + data + after, np.uint8)
    alone = np.frombuffer(data, np.uint8)
    assert _hash(around, len(before), len(data)) == _hash(alone, 0, len(data))
