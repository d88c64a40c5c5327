"""The carrier of a file is found by content, then by name, and the row is the same whatever carries it."""

from __future__ import annotations

import bz2
import contextlib
import datetime as dt
import gzip
import io
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.avro_bytes import LONGS, avro_header, snappy_file, zstandard_file
from support.carriers import (
    TIMESTAMP,
    Types,
    avro_of,
    carried,
    csv_of,
    gzipped,
    json_of,
    parquet_of,
    until_error,
    values,
)

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.logs.carriers.read_records import Carrier, carrier_of, read_records
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.request import BadRecordError

NOON = dt.datetime(2013, 7, 14, 12, 0, 0, 500_000, tzinfo=dt.UTC)
TYPES: Types = {
    "id": ("string", pa.string()),
    "count": ("long", pa.int64()),
    "share": ("double", pa.float64()),
    "time": (TIMESTAMP, pa.timestamp("us", tz="UTC")),
    "payload": ({"type": "array", "items": "string"}, pa.list_(pa.string())),
}
ROWS: list[dict[str, Any]] = [
    {"id": "a", "count": 1, "share": 0.5, "time": NOON, "payload": ["x", "y"]},
    {"id": 'b"\n,', "count": -(2**63), "payload": []},
    {"share": 2.0, "time": dt.datetime(1969, 1, 1, tzinfo=dt.UTC)},
]


@pytest.mark.parametrize(
    ("data", "name", "wanted"),
    [
        (b'{"a": 1}\n', "log", Carrier.JSON_LINES),
        (b'\xef\xbb\xbf\r\n {"a": 1}', "log.csv", Carrier.JSON_LINES),
        (b'"tail": 1}]}\n{"a": 1}\n', "log", Carrier.JSON_LINES),
        (b"garbage\n", "log.jsonl", Carrier.JSON_LINES),
        (gzip.compress(b"garbage\n", mtime=0), "log.ndjson.gz", Carrier.JSON_LINES),
        (gzip.compress(b'{"a": 1}\n', mtime=0), "log.gz", Carrier.JSON_LINES),
        (bz2.compress(b'{"a": 1}\n'), "log", Carrier.JSON_LINES),
        (b'[{"a": 1}, {"a": 2}]\n', "log", Carrier.JSON_LINES),
        (b'[ {"a": 1},\n', "log.csv", Carrier.JSON_LINES),
        (b"2023-05-31T09:13:48.803Z START a, b\n", "log", Carrier.JSON_LINES),
        (b"2023-05-31T09:13:48.803Z,b\n", "log", Carrier.CSV),
        (b"2023-05-31 09:13:48,b\n", "log", Carrier.CSV),
        (b"[a],b\n1,2\n", "log", Carrier.CSV),
        (b"a,b\n1,2\n", "log", Carrier.CSV),
        (b'time,raw_data\n1,"{\n""a"": 1}"\n', "log", Carrier.CSV),
        (avro_of(ROWS, TYPES), "log", Carrier.AVRO),
        (gzip.compress(avro_of(ROWS, TYPES), mtime=0), "log.json", Carrier.AVRO),
        (parquet_of(ROWS, TYPES), "log.csv", Carrier.PARQUET),
        (b"", "log", Carrier.CSV),
    ],
)
def test_a_carrier_is_told_by_content_then_by_name(data: bytes, name: str, wanted: Carrier) -> None:
    assert carrier_of(io.BytesIO(data), name) is wanted


def test_payloads_are_json_where_rows_can_be() -> None:
    assert [orjson.loads(record.payload)["id"] for record in carried(parquet_of(ROWS[:2], TYPES))] == [
        "a",
        'b"\n,',
    ]
    [odd] = carried(b"a,b\n\xff,1\n")
    assert odd.payload == b"{'a': '\\udcff', 'b': '1'}"


def test_records_come_in_chunks_that_are_bounded() -> None:
    rows = [{"a": "x" * 1000} for _ in range(6_000)]
    types: Types = {"a": ("string", pa.string())}
    for write in (csv_of, json_of, avro_of, parquet_of):
        chunks = list(read_records(io.BytesIO(write(rows, types)), "log.csv"))
        assert sum(map(len, chunks)) == len(rows)
        assert max(map(len, chunks)) <= 4200


def test_the_row_is_the_same_whatever_carries_it() -> None:
    assert values(avro_of(ROWS, TYPES)) == values(parquet_of(ROWS, TYPES)) == ROWS
    texts = [{n: v for n, v in row.items() if n in ("id", "count", "share")} for row in ROWS]
    types = {name: TYPES[name] for name in ("id", "count", "share")}
    assert values(json_of(texts, types)) == texts
    assert values(csv_of(texts, types)) == [{n: str(v) for n, v in row.items()} for row in texts]


def test_what_a_file_system_raises_is_left_to_the_runner() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ConnectionResetError(104, "reset")
            return super().read(size)

        def read1(self, size: int | None = -1) -> bytes:
            return self.read(size)

    rows = ROWS * 5_000
    for write in (csv_of, json_of, avro_of, parquet_of):
        with pytest.raises(ConnectionResetError):
            list(read_records(Failing(write(rows, TYPES)), "log.csv"))


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
TIMES = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))
STRATEGIES = {
    "id": TEXT,
    "count": st.integers(-(2**63), 2**63 - 1),
    "share": st.floats(allow_nan=False),
    "time": TIMES,
    "payload": st.lists(TEXT, max_size=3),
}


@given(st.lists(st.fixed_dictionaries({}, optional=STRATEGIES), max_size=8), st.booleans())
@hypothesis_settings(max_examples=60, deadline=None)
def test_typed_rows_come_back(rows: list[dict[str, Any]], packed: bool) -> None:
    for write in (avro_of, parquet_of):
        assert (
            values(
                gzip.compress(write(rows, TYPES), mtime=0)
                if packed and write is avro_of
                else write(rows, TYPES)
            )
            == rows
        )


def assert_is_read(data: bytes, name: str) -> None:
    """As `assert_readable`; a compression that is not read is an InputError before any record."""
    with contextlib.suppress(InputError):
        assert_readable(*until_error(data, name))


def assert_readable(records: list[Any], error: TableError | None) -> None:
    """Every record has fields or a reason, and so has the error."""
    assert all(
        isinstance(record, dict) or (isinstance(record, BadRecordError) and record.reason)
        for record in records
    )
    assert error is None or (error.reason and error.detail)


STARTS = st.sampled_from(
    [b"", b"{", b"a,b\n", b"Obj\x01", b"PAR1", b"\x1f\x8b\x08", b"BZh9", avro_header(LONGS)]
)
NAMES = st.sampled_from(["log", "log.json", "log.csv"])


@given(STARTS, st.binary(max_size=300), NAMES)
@example(b"PK\x03\x04", b"", "log")
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_bytes_are_records_or_a_table_error(start: bytes, rest: bytes, name: str) -> None:
    assert_is_read(start + rest, name)


GOOD = [
    write(ROWS, TYPES)
    for write in (csv_of, json_of, avro_of, parquet_of, *map(gzipped, (csv_of, json_of, avro_of)))
] + [avro_of(ROWS, TYPES, "deflate"), snappy_file([{"a": 1}] * 9), zstandard_file([{"a": 1}] * 9)]


@given(st.sampled_from(GOOD), st.data())
@hypothesis_settings(max_examples=300, deadline=None)
def test_a_file_that_is_cut_or_changed_never_crashes(good: bytes, data: st.DataObject) -> None:
    broken = bytearray(good)
    for _ in range(data.draw(st.integers(0, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(broken)))
    assert_is_read(bytes(broken[:cut] if data.draw(st.booleans()) else broken), "log.csv")


def test_errors_say_nothing_of_values() -> None:
    for data in (b'{"a": "secret"', avro_of(ROWS, TYPES)[:-3], b'{"a": secret}\n'):
        records, error = until_error(data)
        reasons = [str(record) for record in records if isinstance(record, BadRecordError)]
        assert "secret" not in " ".join([*reasons, str(error)])
    assert isinstance(until_error(gzip.compress(b"{}\n" * 99, mtime=0)[:-9])[1], TableError)
