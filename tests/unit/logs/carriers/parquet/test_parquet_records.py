"""Parquet as records: the types that BigQuery exports, and odd values."""

from __future__ import annotations

import datetime as dt
import decimal
import io

import pyarrow as pa
import pyarrow.parquet as pq
from support.carriers import values

NOON = dt.datetime(2013, 7, 14, 12, 0, 0, 500_000, tzinfo=dt.UTC)


def parquet(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def test_parquet_as_bigquery_exports_it() -> None:
    wrapped = pa.struct([("list", pa.list_(pa.struct([("item", pa.string())])))])
    table = pa.table(
        {
            "time": pa.array([NOON], pa.timestamp("us", tz="UTC")),
            "zoned": pa.array([NOON], pa.timestamp("ms", tz="America/New_York")),
            "nanos": pa.array([NOON.replace(tzinfo=None)], pa.timestamp("ns")),
            "day": pa.array([NOON.date()]),
            "number": pa.array([decimal.Decimal("1.500000000")]),
            "payload": pa.array([["a", "b"]], pa.list_(pa.string())),
            "repeated": pa.array([{"list": [{"item": "a"}, {"item": None}]}], wrapped),
            "nested": pa.array([{"x": 1}]),
            "word": pa.array(["w"]).dictionary_encode(),
            "raw": pa.array([b"\xff"]),
            "none": pa.array([None], pa.string()),
        }
    )
    assert values(parquet(table)) == [
        {
            "time": NOON,
            "zoned": NOON,
            "nanos": NOON.replace(tzinfo=None),
            "day": dt.date(2013, 7, 14),
            "number": decimal.Decimal("1.500000000"),
            "payload": ["a", "b"],
            "repeated": ["a", None],
            "nested": {"x": 1},
            "word": "w",
            "raw": b"\xff",
        }
    ]


def test_parquet_of_odd_values_is_read() -> None:
    bad_text = pa.array([b"\xff", b"ok"]).view(pa.string())
    far = pa.array([2**62, 0], pa.int64()).cast(pa.timestamp("us"))
    clock = pa.array([dt.time(1), dt.time(2)], pa.time64("us"))
    table = pa.table({"text": bad_text, "far": far, "clock": clock})
    assert values(parquet(table)) == [
        {"text": "\udcff", "far": 2**62, "clock": dt.time(1)},
        {"text": "ok", "far": dt.datetime(1970, 1, 1), "clock": dt.time(2)},
    ]
