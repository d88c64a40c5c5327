from __future__ import annotations

import bz2
import gzip
import io
import itertools
import struct
import tracemalloc
from pathlib import Path

import pytest
import tensorflow as tf
from apache_beam.io.filesystem import BeamIOError
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.files.tfrecord import (
    MAX_RECORD_BYTES,
    TFRecordError,
    frame,
    is_header,
    masked_crc32c,
    read_records,
)

RECORDS = st.lists(st.binary(max_size=200), max_size=12)


def read_all(data: bytes, **limits: int) -> list[bytes]:
    return list(itertools.chain.from_iterable(read_records(io.BytesIO(data), **limits)))


def read_until_error(data: bytes) -> tuple[list[bytes], TFRecordError | None]:
    records: list[bytes] = []
    try:
        for part in read_records(io.BytesIO(data)):
            records += part
    except TFRecordError as error:
        return records, error
    return records, None


def test_reads_what_tensorflow_wrote_and_writes_what_it_reads(tmp_path: Path) -> None:
    records = [b"", b"one", bytes(range(256)) * 40]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert read_all((tmp_path / "theirs").read_bytes()) == records
    (tmp_path / "ours").write_bytes(b"".join(map(frame, records)))
    assert [r.numpy() for r in tf.data.TFRecordDataset(str(tmp_path / "ours"))] == records


@given(RECORDS, st.integers(1, 5), st.integers(1, 300))
def test_lists_hold_all_records_in_order_within_the_limits(
    records: list[bytes], max_records: int, max_bytes: int
) -> None:
    parts = list(read_records(io.BytesIO(b"".join(map(frame, records))), max_records, max_bytes))
    assert [r for part in parts for r in part] == records
    assert all(0 < len(part) <= max_records for part in parts)
    assert all(sum(map(len, part[:-1])) < max_bytes for part in parts)


@given(RECORDS.filter(bool), st.data())
def test_a_changed_byte_is_an_error_at_the_record_it_is_in(records: list[bytes], data: st.DataObject) -> None:
    framed = [frame(record) for record in records]
    file_bytes = bytearray(b"".join(framed))
    at = data.draw(st.integers(0, len(file_bytes) - 1))
    file_bytes[at] ^= data.draw(st.integers(1, 255))
    starts = list(itertools.accumulate(map(len, framed), initial=0))
    broken = max(i for i, start in enumerate(starts) if start <= at)
    read, error = read_until_error(bytes(file_bytes))
    assert error is not None
    assert error.offset == starts[broken]
    assert read == records[:broken]


@given(RECORDS.filter(bool), st.data())
def test_a_stream_that_ends_inside_a_record_is_truncated(records: list[bytes], data: st.DataObject) -> None:
    framed = [frame(record) for record in records]
    starts = list(itertools.accumulate(map(len, framed), initial=0))
    end = data.draw(st.integers(1, starts[-1]).filter(lambda n: n not in starts))
    with pytest.raises(TFRecordError) as caught:
        read_all(b"".join(framed)[:end])
    assert caught.value.reason == "truncated"
    assert caught.value.offset == max(start for start in starts if start < end)


@given(st.binary(max_size=300))
def test_any_bytes_are_records_or_an_error(data: bytes) -> None:
    records, error = read_until_error(data)
    written = b"".join(map(frame, records))
    assert data.startswith(written)
    assert len(written) == (len(data) if error is None else error.offset)


@pytest.mark.parametrize("length", [1 << 60, MAX_RECORD_BYTES + 1, MAX_RECORD_BYTES])
def test_a_claimed_length_is_not_allocated(length: int) -> None:
    header = struct.pack("<Q", length)
    data = frame(b"first") + header + struct.pack("<I", masked_crc32c(header)) + b"short"
    tracemalloc.start()
    with pytest.raises(TFRecordError) as caught:
        read_all(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.offset == len(frame(b"first"))
    assert caught.value.reason == ("truncated" if length == MAX_RECORD_BYTES else "length")
    assert peak < 32 << 20


def test_gzip_that_ends_early_is_truncated() -> None:
    packed = gzip.compress(b"".join(frame(bytes([i])) for i in range(100)), mtime=0)
    stream = gzip.GzipFile(fileobj=io.BytesIO(packed[:-20]))
    with pytest.raises(TFRecordError) as caught:
        list(read_records(stream))  # type: ignore[arg-type]
    assert caught.value.reason == "truncated"


def test_gzip_with_a_changed_byte_is_an_error_of_ours() -> None:
    packed = bytearray(gzip.compress(frame(bytes(1000)) * 20, mtime=0))
    packed[len(packed) // 2] ^= 0xFF
    stream = gzip.GzipFile(fileobj=io.BytesIO(bytes(packed)))
    with pytest.raises(TFRecordError):
        list(read_records(stream))  # type: ignore[arg-type]


def test_knows_a_header() -> None:
    assert is_header(frame(b"x"))
    assert not is_header(b"age,fare,word\n1,2,a\n")
    assert not is_header(frame(b"x")[:11])


class _Failing(io.BytesIO):
    """A stream whose next read fails, as one of a remote store may."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [TimeoutError("timed out"), ConnectionResetError(104, "reset"), BeamIOError("503"), OSError(5, "io")],
)
def test_what_a_file_system_raises_is_left_to_the_runner_which_tries_again(error: OSError) -> None:
    with pytest.raises(type(error)):
        list(read_records(_Failing(error)))


def test_bzip2_with_a_changed_byte_is_an_error_of_ours() -> None:
    packed = bytearray(bz2.compress(frame(bytes(1000)) * 20))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(TFRecordError) as caught:
        list(read_records(bz2.BZ2File(io.BytesIO(bytes(packed)))))  # type: ignore[arg-type]
    assert caught.value.reason == "compression"
