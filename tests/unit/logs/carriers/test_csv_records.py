"""Rows of CSV as records: quotes, lengths, headers, and a row that never ends."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.carriers import Types, carried, csv_of, until_error, values

from trueserve.transforms.logs.carriers import csv_records, lines


def test_csv_that_holds_bodies() -> None:
    body = json.dumps({"instances": [{"text": 'a "b",\r\nc'}]}, indent=1)
    quoted = body.replace('"', '""')
    data = f'\ufefftime,raw_data,none\r\n1,"{quoted}",\r\n\r\n2,"x\ny\rz",""'.encode() + b"\n3,\xff,4"
    assert values(data) == [
        {"time": "1", "raw_data": body},
        {"time": "2", "raw_data": "x\ny\rz"},
        {"time": "3", "raw_data": "\udcff", "none": "4"},
    ]


def test_csv_rows_of_another_length_and_empty_ones() -> None:
    records = carried(b"a,b\n1,2\n3\n4,5,6\n\n7,8\n")
    assert [getattr(record.value, "reason", record.value) for record in records] == [
        {"a": "1", "b": "2"},
        "bad_csv_row",
        "bad_csv_row",
        {"a": "7", "b": "8"},
    ]
    assert str(records[1].value) == "expected 2 values, as the header has, and got 1"
    assert records[1].payload == b'["3"]'
    assert values(b"a\n1\n\n3\n\n", "log.csv") == [{"a": "1"}, {}, {"a": "3"}, {}]
    assert values(b"a,b\n") == []


def test_a_csv_value_may_be_longer_than_a_block_and_lines_may_end_alone() -> None:
    body = "x" * (20 << 20)
    assert values(f"a,b\r1,{body}\r2,y".encode()) == [{"a": "1", "b": body}, {"a": "2", "b": "y"}]


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"x" * 200, "bad_csv"),
        (b"x\n" * 20, "bad_csv"),
        (b"x\n" * 100, "record_too_large"),
        (b'\n","' * 60, "record_too_large"),
    ],
)
def test_a_quote_that_is_never_closed_ends_the_file(
    monkeypatch: pytest.MonkeyPatch, tail: bytes, reason: str
) -> None:
    for module in (lines, csv_records):
        monkeypatch.setattr(module, "LARGEST_RECORD", 100)
    records, error = until_error(b'a,b\n1,2\n3,"' + tail)
    assert records == [{"a": "1", "b": "2"}]
    assert error is not None
    assert error.reason == reason


def test_csv_without_a_header_is_an_error() -> None:
    records, error = until_error(b"a,a\n1,2\n")
    assert not records
    assert error is not None
    assert error.reason == "bad_header"


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8), st.booleans())
@hypothesis_settings(max_examples=60, deadline=None)
def test_csv_rows_come_back(rows: list[tuple[str, str]], packed: bool) -> None:
    types: Types = {"a": ("string", pa.string()), "b": ("string", pa.string())}
    given_rows = [{"a": a, "b": b} for a, b in rows]
    data = csv_of(given_rows, types)
    wanted = [{n: v for n, v in row.items() if v} for row in given_rows]
    assert values(gzip.compress(data, mtime=0) if packed else data, "log.csv") == wanted
