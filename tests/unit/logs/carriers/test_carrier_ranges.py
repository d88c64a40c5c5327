"""JSON lines, Avro and Parquet in ranges: records are those of the file wherever it is cut."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import fastavro
import pytest
from support.avro_bytes import LONGS, record

from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.files.section import WrongCutError
from trueserve.transforms.logs.carriers import avro, json_lines
from trueserve.transforms.logs.carriers.parquet.child import groups_between
from trueserve.transforms.logs.request import BadRecordError, Carried

MARKER = bytes(range(1, 17))
TEXTS = record(a="bytes")


def avro_of(schema: Any, rows: list[dict[str, Any]], codec: str = "null") -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, schema, rows, codec=codec, sync_interval=20, sync_marker=MARKER)
    return stream.getvalue()


def values(records: Iterator[Carried]) -> list[Any]:
    return [
        record.value.reason if isinstance(record.value, BadRecordError) else record.value
        for record in records
    ]


Read = Callable[[BinaryIO, int, int], Iterator[Carried]]


def cut(read: Read, data: bytes, *cuts: int) -> list[Any]:
    spans = itertools.pairwise([0, *cuts, END_OF_FILE])
    return [value for start, stop in spans for value in values(read(io.BytesIO(data), start, stop))]


LINES = [
    b'{"a": 1}\n\n{"a": 2}\r\n  \n{"b": "\\n"}\n{\n"}\n{"a": 3}\n',
    b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"a": 2}\n{"a": 3}',
    b"\n\n\n",
    b'{"a": 1}',
]


@pytest.mark.parametrize("data", LINES)
def test_lines_are_those_of_the_file_wherever_it_is_cut(data: bytes) -> None:
    expected = values(json_lines.records(io.BytesIO(data)))
    for at in range(1, len(data) + 2):
        assert cut(json_lines.records_of_range, data, at) == expected, at
    assert cut(json_lines.records_of_range, data, *range(1, len(data))) == expected


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_blocks_are_those_of_the_file_wherever_it_is_cut(codec: str) -> None:
    rows = [{"a": i} for i in range(60)]
    data = avro_of(LONGS, rows, codec)
    assert data.count(MARKER) > 3
    for at in range(1, len(data) + 2):
        assert cut(avro.records_of_range, data, at) == rows, at
    assert cut(avro.records_of_range, data, *range(1, len(data), 3)) == rows


@pytest.mark.parametrize("inner", [MARKER, MARKER + b"\x02\x7f" + MARKER, MARKER[:9], MARKER + b"\xff" * 20])
def test_a_marker_in_a_record_that_begins_no_block_is_passed_over(inner: bytes) -> None:
    rows = [{"a": b"first"}, {"a": b"x" * 5 + inner + b"y" * 5}, {"a": b"last"}]
    data = avro_of(TEXTS, rows)
    for at in range(1, len(data)):
        assert cut(avro.records_of_range, data, at) == rows, at


def test_a_block_in_a_record_is_found_out() -> None:
    rows = [{"a": b"first" * 5}, {"a": MARKER + b"\x02\x04\x02z" + MARKER + b"y" * 5}, {"a": b"last"}]
    data, wrong = avro_of(TEXTS, rows), 0
    for at in range(1, len(data)):
        try:
            assert cut(avro.records_of_range, data, at) == rows, at
        except WrongCutError:
            wrong += 1
    assert 0 < wrong < 80


def test_each_row_group_is_in_one_range_wherever_a_file_is_cut() -> None:
    for starts in ([4, 40, 90, 120], [4, 90, 40, 120], [-1, 0, 0, 7], []):
        for at in range(130):
            parts = [groups_between(starts, 0, at), groups_between(starts, at, END_OF_FILE)]
            assert [*parts[0], *parts[1]] == list(range(len(starts)))
    assert list(groups_between([4, 40, 90], 40, 90)) == [1]
