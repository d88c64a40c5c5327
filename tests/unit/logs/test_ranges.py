"""Files of every carrier read in ranges give what they give whole: rows, counts, rejects and faults.

Tests of the carriers cut at every byte.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import carriers, kserve, logs, ranges
from support.carriers import TIMESTAMP
from support.ranges import Log

from trueserve.transforms.core.batches import Window
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.format_names import Format

NUMBERS: list[dict[str, Any]] = [
    {"age": i, "fare": i / 2, "word": "w" * (i % 4) + '\n"x",\'' * (i % 2)} for i in range(9)
]
TYPES = {
    "age": ("long", pa.int64()),
    "fare": ("double", pa.float64()),
    "word": ("string", pa.string()),
    "time": (TIMESTAMP, pa.timestamp("us", tz="UTC")),
}


def second(number: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(number, dt.UTC)


def tfrecords() -> bytes:
    examples = [logs.example(age=[i], word=[b"w" * i]) for i in range(8)]
    inner = b"".join(map(frame, examples[:2]))
    return b"".join(map(frame, [*examples, b"garbage", logs.example(word=[inner]), b"", *examples[:2]]))


def prediction_logs() -> bytes:
    requests = [logs.examples_log([logs.example(age=[i])] * (i % 3), i, version=i % 2) for i in range(6)]
    return b"".join(map(frame, [*requests, b"garbage", *requests]))


def json_lines() -> bytes:
    lines = [json.dumps(row).encode() for row in NUMBERS[:6]]
    mark = b"\xef\xbb\xbf"
    return b"\n".join([mark + lines[0], b"", b"  ", b"{", lines[1] + b"\r", mark + lines[2], *lines[3:]])


def csv_table() -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["age", "fare", "word\n,"])
    writer.writerows([*(row.values() for row in NUMBERS), ["1", "2"], [], ["", "", ""], ["7", "x", "a\rb"]])
    return text.getvalue().encode() + b'\n3,4,5"6\n\n8,9,"a"b"\n1,2,"\n\n\n",\n5,6,'


def csv_bodies() -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    bodies = [json.dumps({"instances": [row]}, indent=1) for row in NUMBERS[:4]]
    writer.writerows([["id", "request"], *([number, body] for number, body in enumerate(bodies)), ["x"]])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def avro() -> bytes:
    marker = bytes(range(16))
    rows = [*NUMBERS, {"age": 9, "word": marker.decode() + "\x02\x02" + marker.decode()}]
    return carriers.avro_of(rows, TYPES, sync_interval=60, sync_marker=marker)


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(NUMBERS), stream, row_group_size=2)
    return stream.getvalue()


READS = logs.settings()
CASES: dict[str, tuple[Callable[[], bytes], Format, Settings, int]] = {
    "tf_example": (tfrecords, Format.TF_EXAMPLE, READS, 5),
    "sample": (tfrecords, Format.TF_EXAMPLE, logs.settings(sample=0.5), 7),
    "payloads": (tfrecords, Format.TF_EXAMPLE, logs.settings(keep_payloads=True), 7),
    "prediction_log": (
        prediction_logs,
        Format.PREDICTION_LOG,
        logs.settings(window=Window(second(1), second(5)), exclude=(("version", "1"),)),
        31,
    ),
    "json_lines": (json_lines, Format.TABLE, READS, 3),
    "csv_table": (csv_table, Format.CSV, READS, 3),
    "csv_bodies": (csv_bodies, Format.REST, READS, 7),
    "avro": (avro, Format.TABLE, READS, 7),
    "parquet": (parquet, Format.PARQUET, READS, 97),
    "parquet_rows": (parquet, Format.REST, READS, 397),
    "gzip": (lambda: gzip.compress(tfrecords(), mtime=0), Format.TF_EXAMPLE, READS, 29),
    "gzip_csv": (lambda: gzip.compress(csv_table(), mtime=0), Format.TABLE, READS, 29),
}


def log_of(folder: Path, data: bytes, file_format: Format, settings: Settings) -> Log:
    path = folder / "log"
    path.write_bytes(data)
    return Log(FileSize(str(path), len(data)), file_format, settings)


@pytest.mark.parametrize("name", CASES)
def test_a_file_cut_in_two_gives_what_it_gives_whole(name: str, tmp_path: Path) -> None:
    make, file_format, settings, step = CASES[name]
    log = log_of(tmp_path, make(), file_format, settings)
    expected = ranges.read_file(log)
    assert expected.summary.accounting.read > 3
    assert not expected.summary.faults
    for at in range(1, log.file.bytes, step):
        assert ranges.in_ranges(log, [at]) == expected, at


@pytest.mark.parametrize("name", CASES)
def test_any_number_of_ranges_gives_the_same(name: str, tmp_path: Path) -> None:
    make, file_format, settings, step = CASES[name]
    log = log_of(tmp_path, make(), file_format, settings)
    expected, draw = ranges.read_file(log), random.Random(0)
    every = [*range(1, log.file.bytes, max(step // 8, 1))]
    for cuts in (every[::11], *(sorted(draw.sample(every, 5)) for _ in range(3))):
        assert ranges.in_ranges(log, cuts) == expected, cuts


def damaged() -> dict[str, bytes]:
    """Files with a fault and records after it, or a fault at the end."""
    records, table = tfrecords(), avro()
    wrong = records[:300] + bytes([records[300] ^ 1]) + records[301:]
    return {"checksum": wrong, "truncated": records[:-9], "avro": table[:500] + b"?" + table[501:]}


@pytest.mark.parametrize("name", damaged())
def test_a_file_with_a_fault_counts_up_to_it_wherever_it_is_cut(name: str, tmp_path: Path) -> None:
    file_format = Format.TABLE if name == "avro" else Format.TF_EXAMPLE
    log = log_of(tmp_path, damaged()[name], file_format, READS)
    expected = ranges.read_file(log)
    assert len(expected.summary.faults) == 1
    for cuts in ([at] for at in range(1, log.file.bytes, 41)):
        result = ranges.in_ranges(log, [*cuts])
        assert ranges.without_bytes(result) == ranges.without_bytes(expected), cuts
    assert ranges.without_bytes(ranges.in_ranges(log, [100, 200, 310, 320, 550])) == ranges.without_bytes(
        expected
    )


def test_requests_and_answers_that_are_apart_are_read_by_one(tmp_path: Path) -> None:
    events = [kserve.structured({"instances": [{"age": i}]}, key=str(i)) for i in range(4)]
    answers = [kserve.structured({"predictions": [i]}, kind="response", key=str(i)) for i in range(4)]
    data = "\n".join(map(json.dumps, [*events, *answers])).encode()
    log = log_of(tmp_path, data, Format.KSERVE, logs.settings(responses=True))
    expected = ranges.read_file(log)
    assert [row["response"] for _, row in expected.rows] == ["0", "1", "2", "3"]
    assert ranges.in_ranges(log, [len(data) // 2]) == expected


def test_a_file_that_has_grown_or_shrunk_is_read_as_it_is(tmp_path: Path) -> None:
    data = json_lines()
    for listed in (len(data) // 2, 3 * len(data)):
        log = log_of(tmp_path, data, Format.TABLE, READS)
        log = log._replace(file=log.file._replace(bytes=listed))
        assert ranges.in_ranges(log, [listed // 2]) == ranges.read_file(log)


def test_an_empty_file_and_one_that_is_gone_have_one_account(tmp_path: Path) -> None:
    empty = log_of(tmp_path, b"", Format.TF_EXAMPLE, READS)
    assert ranges.in_ranges(empty, [5]) == ranges.read_file(empty)
    gone = empty._replace(file=FileSize(str(tmp_path / "gone"), 100))
    expected = ranges.read_file(gone)
    assert [fault.reason for fault in expected.summary.faults] == ["unreadable"]
    assert ranges.in_ranges(gone, [50]) == expected
