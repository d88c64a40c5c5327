"""What strangers may send as a file of logs: rejects or one clear fault, within bounded memory."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from support.hostile_logs import INSTANCE, LINES, RECORDS, SOUND, Read, read
from support.logs import EXPECTED, settings

from trueserve.transforms.core.batches import Fault
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import frame, masked_crc32c
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.formats.format_names import Format

MEGABYTE = 1 << 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.mark.parametrize("log_format", LINES)
def test_a_mark_and_carriage_returns_and_a_last_line_without_end_are_read(
    log: Path, log_format: Format
) -> None:
    line = SOUND[log_format]
    for data in (
        b"\xef\xbb\xbf" + line + b"\n" + line + b"\n",
        line + b"\r\n" + line + b"\r\n",
        line + b"\n\n  \n" + line,
    ):
        decoded = read(log, data, log_format)
        assert (decoded.faults, decoded.reasons) == ([], [])
        assert (decoded.counts.read, decoded.counts.rows) == (2, 2)


@pytest.mark.parametrize("log_format", LINES)
def test_a_compressed_file_that_ends_early_is_a_fault_after_what_there_is(
    log: Path, log_format: Format
) -> None:
    data = gzip.compress(b"\n".join([SOUND[log_format]] * 2000), mtime=0)
    assert read(log, data, log_format).counts.rows == 2000
    for keep in (len(data) - 4, len(data) // 2, 12):
        [fault] = read(log, data[:keep], log_format).faults
        assert fault.reason == "truncated"


@pytest.mark.parametrize("log_format", sorted(RECORDS))
def test_records_of_a_compressed_file_that_ends_early(log: Path, log_format: Format) -> None:
    data = gzip.compress(frame(RECORDS[log_format]) * 2000, mtime=0)
    assert read(log, data, log_format).counts.rows == 2000
    [fault] = read(log, data[: len(data) // 2], log_format).faults
    assert fault.reason == "truncated"


def length_header(length: int) -> bytes:
    header = struct.pack("<Q", length)
    return header + struct.pack("<I", masked_crc32c(header))


@pytest.mark.parametrize("log_format", sorted(RECORDS))
@pytest.mark.parametrize("length", [1 << 60, (1 << 64) - 1, 1 << 31, 1 << 20])
def test_a_length_that_is_only_claimed_is_a_fault_within_bounded_memory(
    log: Path, log_format: Format, length: int
) -> None:
    sound = frame(RECORDS[log_format])
    read(log, sound, log_format)  # what is loaded and compiled at first is not measured
    tracemalloc.start()
    decoded = read(log, sound + length_header(length) + b"x" * 1000, log_format)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [fault.reason for fault in decoded.faults] in (["length"], ["truncated"])
    assert decoded.counts.rows == 1
    assert peak < 64 * MEGABYTE


def test_much_base64_takes_a_multiple_of_its_size(log: Path) -> None:
    encoded = base64.b64encode(b"x" * (24 * MEGABYTE)).decode()
    line = json.dumps({"instances": [{"word": {"b64": encoded}}]}).encode()
    tracemalloc.start()
    decoded = read(log, line, Format.REST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert decoded.counts.rows == 1
    assert peak < 20 * len(line)


@pytest.mark.parametrize("log_format", LINES)
def test_a_line_beyond_the_largest_record_is_a_reject_within_bounded_memory(
    log: Path, log_format: Format
) -> None:
    """A gigabyte in all: gzip makes little of it on disk."""
    with gzip.open(log, "wb", compresslevel=1) as stream:
        stream.write(b'{"word": "')
        for _ in range(1024 if log_format is Format.REST else 80):
            stream.write(b"A" * MEGABYTE)
        stream.write(b'"}\n' + SOUND[log_format])
    tracemalloc.start()
    decoded = Read(list(decode_file(FileSize(str(log), log.stat().st_size), log_format, settings())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (decoded.faults, len(decoded.reasons), decoded.counts.rows) == ([], 1, 1)
    assert peak < 160 * MEGABYTE


@pytest.mark.parametrize("log_format", LINES)
def test_other_formats_in_one_file_are_rejects(log: Path, log_format: Format) -> None:
    """A table takes any object for a row: what is in it are features that nobody knows.

    Objects of features are bodies, and lines of SageMaker's batch transforms are bodies, too.
    """
    others = [line for other, line in SOUND.items() if other is not log_format]
    decoded = read(
        log, b"\n".join([SOUND[log_format], *others, b"a,b,c", frame(b"x"), SOUND[log_format]]), log_format
    )
    assert decoded.faults == []
    assert decoded.counts.rows >= 2
    if log_format is not Format.TABLE:
        read_as_well = 2 if log_format is Format.SAGEMAKER else 1
        assert len(decoded.reasons) >= len(others) + 2 - read_as_well


@pytest.mark.parametrize("log_format", sorted(RECORDS))
def test_text_in_the_place_of_records_is_a_fault(log: Path, log_format: Format) -> None:
    [fault] = read(log, SOUND[Format.REST] + b"\n", log_format).faults
    assert fault.reason in ("checksum", "length", "truncated")


@pytest.mark.parametrize("log_format", LINES)
def test_a_feature_that_nobody_knows_is_counted_and_fails_nothing(log: Path, log_format: Format) -> None:
    line = SOUND[log_format].replace(b'"age"', b'"new"').replace(b'\\"age\\"', b'\\"new\\"')
    decoded = read(log, line, log_format)
    assert (decoded.faults, decoded.reasons, decoded.counts.rows) == ([], [], 1)
    assert decoded.counts.forms["new", "unknown_feature"] == 1


def test_every_format_is_here() -> None:
    assert {*LINES, *RECORDS} == set(Format) - {Format.CSV, Format.PARQUET}
    assert EXPECTED.types.keys() >= INSTANCE.keys()


@pytest.mark.parametrize("data", [b"age,fare\n1\xff,2,3,sesame\n1,2\n", b"age,fare\n1,2,sesame\n1,2\n"])
def test_csv_rows_of_another_length_tell_no_value(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(data)
    parts = list(decode_file(FileSize(str(path), len(data)), Format.TABLE, settings()))
    assert "sesame" not in repr(parts)
    assert any(isinstance(part, Fault) or part.rejects for part in parts)


@pytest.mark.parametrize("log_format", [Format.TABLE, Format.AI_PLATFORM])
def test_a_header_of_very_many_columns_is_a_fault_at_once_and_tells_none(
    tmp_path: Path, log_format: Format
) -> None:
    path = tmp_path / "log.csv"
    started = time.monotonic()
    [fault] = read(path, b"sesame," * 100_000 + b"\n1,2\n", log_format).faults
    assert time.monotonic() - started < 5
    assert fault.reason == "bad_header"
    assert "sesame" not in fault.detail
    assert len(fault.detail) < 200
