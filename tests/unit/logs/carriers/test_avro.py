"""Avro files: every codec and type, damaged blocks, and lengths that are only claimed."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import tracemalloc
import zlib
from typing import Any

import fastavro
import pytest
from support.avro_bytes import LONGS, avro_block, avro_header, long, record, snappy_file, zstandard_file
from support.carriers import TIMESTAMP, avro_file, until_error, values

from trueserve.transforms.logs.carriers import records as limits

NOON = dt.datetime(2013, 7, 14, 12, 0, 0, 500_000, tzinfo=dt.UTC)


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_avro_in_every_codec(codec: str) -> None:
    rows = [{"a": i} for i in range(-3000, 3000)]
    assert values(avro_file(LONGS, rows, codec, sync_interval=1000)) == rows


@pytest.mark.parametrize("write", [snappy_file, zstandard_file])
def test_avro_in_codecs_that_fastavro_lacks(write: Any) -> None:
    rows = [{"a": i} for i in range(-3000, 3000)]
    data = write(rows)
    assert values(data) == rows
    broken = bytearray(data)
    broken[-30] ^= 0x55
    assert until_error(bytes(broken))[1] is not None


def test_avro_types_as_bigquery_exports_them() -> None:
    numeric = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9}
    schema = record(
        time=["null", TIMESTAMP],
        millis={"type": "long", "logicalType": "timestamp-millis"},
        day=["null", {"type": "int", "logicalType": "date"}],
        number=["null", numeric],
        text={"type": "string", "sqlType": "JSON"},
        times={"type": "array", "items": TIMESTAMP},
        nested=["null", {**record(x=["null", "long"]), "name": "Nested"}],
        kind={"type": "enum", "name": "Kind", "symbols": ["A", "B"]},
        raw=["null", "bytes"],
    )
    row = {
        "time": NOON,
        "millis": NOON,
        "day": NOON.date(),
        "number": decimal.Decimal("1.500000001"),
        "text": "{}",
        "times": [NOON],
        "nested": {"x": None},
        "kind": "B",
        "raw": b"\xff",
    }
    [read_back] = values(avro_file(schema, [row]))
    assert read_back == row
    assert all(
        time.tzinfo is dt.UTC for time in (read_back["time"], read_back["millis"], *read_back["times"])
    )


def test_avro_times_that_python_does_not_have_stay_numbers() -> None:
    far = 2**62
    data = avro_header(record(t=TIMESTAMP)) + avro_block(2, long(far) + long(0))
    assert values(data) == [{"t": far}, {"t": dt.datetime(1970, 1, 1, tzinfo=dt.UTC)}]


DAMAGED = {
    "a length of 2^60": avro_block(1, b"", 1 << 60),
    "a negative length": avro_block(1, b"", -2),
    "2^60 records": avro_block(1 << 60, long(1)),
    "-1 records": avro_block(-1, long(1)),
    "fewer bytes": avro_block(2, long(1)),
    "more bytes": avro_block(1, long(1) + long(2)),
    "another marker": avro_block(1, long(1))[:-1] + b"x",
    "a number without end": avro_block(1, b"\xff" * 1000),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_stands_before_a_damaged_block_is_read(name: str) -> None:
    good = avro_header(LONGS) + avro_block(2, long(1) + long(2))
    records, error = until_error(good + DAMAGED[name] + avro_block(1, long(3)))
    assert records[:2] == [{"a": 1}, {"a": 2}]
    assert {"a": 3} not in records
    assert error is not None
    assert error.reason == "bad_avro"


def test_an_avro_file_that_ends_early() -> None:
    data = avro_header(LONGS) + avro_block(2, long(1) + long(2)) + avro_block(1, long(3))
    for cut in range(1, 19):
        records, error = until_error(data[:-cut])
        assert records == [{"a": 1}, {"a": 2}]
        assert error is None if cut == len(avro_block(1, long(3))) else error.reason == "truncated"  # type: ignore[union-attr]


def test_a_snappy_block_that_is_refused_says_why() -> None:
    good = snappy_file([{"a": 1}] * 9)
    wrong_checksum = good[:-17] + bytes([good[-17] ^ 1]) + good[-16:]
    too_long = avro_header(LONGS, b"snappy") + avro_block(1, b"\xff\xff\xff\xff\x0f" + b"x" * 20)
    for data, why in ((wrong_checksum, "checksum of a block is wrong"), (too_long, "longer than the 64 MiB")):
        _, error = until_error(data)
        assert error is not None
        assert why in str(error)


def test_lengths_that_are_claimed_take_no_memory() -> None:
    text = record(a="string")
    header = avro_header(text)
    hostile = [
        b"Obj\x01" + long(1 << 60) + long(1 << 60),
        b"Obj\x01" + long(1) + long(50 << 20),
        header + avro_block(1, b"", 60 << 20),
        header + avro_block(1, long(1 << 60)),
        header + avro_block(1, long(-(1 << 60))),
        avro_header(record(a={"type": "array", "items": "long"})) + avro_block(1, long(1 << 60) + long(1)),
        avro_header(record(a={"type": "fixed", "name": "F", "size": 1 << 60})) + avro_block(1, b"x"),
        avro_header(LONGS, b"snappy") + avro_block(1, b"\xff\xff\xff\xff\x0f" + b"x" * 20),
    ]
    tracemalloc.start()
    try:
        for data in hostile:
            records, error = until_error(data)
            assert not records
            assert error is not None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_a_block_that_unpacks_without_end_is_refused() -> None:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(bytes(limits.LARGEST_RECORD + 1)) + packer.flush()
    records, error = until_error(avro_header(LONGS, b"deflate") + avro_block(1, packed))
    assert not records
    assert error is not None
    assert "is longer than the 64 MiB" in error.detail


def test_an_avro_file_of_an_unknown_codec() -> None:
    _, error = until_error(avro_header(LONGS, b"lz99"))
    assert error is not None
    assert "deflate" in error.detail


def test_fastavro_reads_what_these_tests_write() -> None:
    data = avro_header(LONGS) + avro_block(2, long(-1) + long(2**40))
    assert list(fastavro.reader(io.BytesIO(data))) == [{"a": -1}, {"a": 2**40}]
