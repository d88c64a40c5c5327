from __future__ import annotations

import bz2
import datetime as dt
import decimal
import gzip
import io
import json
import struct
import tracemalloc
import zlib
from typing import Any, cast

import fastavro
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.carriers import (
    TIMESTAMP,
    Types,
    avro_file,
    avro_of,
    carried,
    csv_of,
    gzipped,
    json_of,
    parquet_of,
    until_error,
    values,
)

from transforms.logs.carriers import avro_schema, csv_records, lines
from transforms.logs.carriers import records as limits
from transforms.logs.carriers.read_records import Carrier, carrier_of, read_records
from transforms.logs.carriers.table_error import TableError
from transforms.logs.request import BadRecordError

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


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_json_lines_as_they_come_from_elsewhere(pack: Any) -> None:
    data = b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": NaN}\n{"a"\n[1]\n{"a": "\\u2028\r"}'
    records = values(pack(data))
    assert records[0] == {"a": 1}
    assert records[1]["a"] != records[1]["a"]
    assert records[2:4] == ["not_json", "not_an_object"]
    assert records[4:] in ([{"a": "\u2028\r"}], ["not_json"])
    assert [record.payload for record in carried(pack(data))][:3] == [b'{"a": 1}', b'{"a": NaN}', b'{"a"']


def test_lines_in_any_pieces_are_the_same() -> None:
    class Dribbling(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(1)

    data = b'\xef\xbb\xbf{"a": 1}\n\n{"b": [2]}\r\n{"c": 3}'
    [chunk] = read_records(Dribbling(data), "log")
    assert [record.value for record in chunk] == [{"a": 1}, {"b": [2]}, {"c": 3}]


def test_a_line_that_is_too_long_is_a_reject_and_reading_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LARGEST_RECORD", 100)
    longest = b'{"a": "%s"}' % (b"x" * 91)
    data = b"\n".join([b'{"a": 1}', longest, longest[:-1] + b" }", b'{"a": 2}', longest + b"  "])
    records = values(data)
    assert records == [{"a": 1}, {"a": "x" * 91}, "record_too_large", {"a": 2}, "record_too_large"]
    assert isinstance(carried(data)[2].value, BadRecordError)


def test_a_line_without_end_takes_no_more_memory_than_the_longest() -> None:
    packed = gzip.compress(b'{"a": "' + b"x" * (160 << 20) + b'"}\n{"a": 1}\n', compresslevel=1, mtime=0)
    tracemalloc.start()
    try:
        records = values(packed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert records == ["record_too_large", {"a": 1}]
    assert peak < 2 * limits.LARGEST_RECORD


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_what_stands_before_compressed_data_end_is_read(pack: Any) -> None:
    text = b"".join(b'{"a": %d, "b": "%s"}\n' % (i, b"%x" % hash(str(i))) for i in range(60_000))
    packed = pack(text)
    records, error = until_error(packed[: len(packed) * 3 // 4])
    assert error is not None
    assert error.reason == "truncated"
    # A block of bzip2 is decompressed whole, or not at all.
    assert len(records) > 20_000
    assert [value["a"] for value in records] == list(range(len(records)))


def test_damaged_compressed_data_are_an_error() -> None:
    packed = bytearray(gzip.compress(b'{"a": 1}\n' * 1000, mtime=0))
    packed[-6] ^= 1
    records, error = until_error(bytes(packed))
    assert len(records) == 1000
    assert error is not None
    assert error.reason == "compression"


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


@pytest.mark.parametrize("tail", [b"x" * 200, b"x\n" * 100, b'\n","' * 60])
def test_a_quote_that_is_never_closed_ends_the_file(monkeypatch: pytest.MonkeyPatch, tail: bytes) -> None:
    for module in (lines, csv_records):
        monkeypatch.setattr(module, "LARGEST_RECORD", 100)
    records, error = until_error(b'a,b\n1,2\n3,"' + tail)
    assert records == [{"a": "1", "b": "2"}]
    assert error is not None
    assert error.reason == "record_too_large"


def test_csv_without_a_header_is_an_error() -> None:
    records, error = until_error(b"a,a\n1,2\n")
    assert not records
    assert error is not None
    assert error.reason == "bad_header"


def long(number: int) -> bytes:
    """A whole number as Avro has it."""
    rest = (number << 1) ^ (number >> 63)
    data = bytearray()
    while rest > 0x7F:
        data.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*data, rest])


def avro_header(schema: Any, codec: bytes = b"null") -> bytes:
    text = json.dumps(schema).encode()
    meta = long(2)
    for key, value in ((b"avro.schema", text), (b"avro.codec", codec)):
        meta += long(len(key)) + key + long(len(value)) + value
    return b"Obj\x01" + meta + long(0) + b"s" * 16


def avro_block(count: int, data: bytes, length: int | None = None) -> bytes:
    return long(count) + long(len(data) if length is None else length) + data + b"s" * 16


def record(**fields: Any) -> dict[str, Any]:
    of = [{"name": name, "type": kind} for name, kind in fields.items()]
    return {"type": "record", "name": "Row", "fields": of}


LONGS = record(a="long")


def snappy_file(rows: list[dict[str, Any]]) -> bytes:
    """By hand, as fastavro lacks the codec here."""
    plain = b"".join(long(row["a"]) for row in rows)
    packed = cast(bytes, pa.compress(plain, codec="snappy", asbytes=True))
    return avro_header(LONGS, b"snappy") + avro_block(
        len(rows), packed + struct.pack(">I", zlib.crc32(plain))
    )


def zstandard_file(rows: list[dict[str, Any]]) -> bytes:
    plain = b"".join(long(row["a"]) for row in rows)
    packed = cast(bytes, pa.compress(plain, codec="zstd", asbytes=True))
    return avro_header(LONGS, b"zstandard") + avro_block(len(rows), packed)


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
    assert read_back == {**row, "day": dt.datetime(2013, 7, 14, tzinfo=dt.UTC)}
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


def nested(depth: int) -> Any:
    kind: Any = "long"
    for _ in range(depth):
        kind = {"type": "array", "items": kind}
    return record(a=kind)


def laughs(depth: int) -> Any:
    """Each record twice in the next, and nothing in the first."""
    kind: Any = {"type": "record", "name": "R0", "fields": []}
    for n in range(1, depth):
        fields = [{"name": "x", "type": kind}, {"name": "y", "type": f"R{n - 1}"}]
        kind = {"type": "record", "name": f"R{n}", "fields": fields}
    return record(a=kind, b="long")


@pytest.mark.parametrize(
    ("schema", "detail"),
    [
        (record(a={"type": "array", "items": "null"}), "array of what takes no bytes"),
        (record(a={"type": "map", "values": ["null", "Row"]}), "nested in themselves"),
        (record(a="null"), "take no bytes"),
        (record(a="long", **{f"n{i}": "null" for i in range(101)}), "more than 100 fields"),
        (laughs(40), "more than 100 fields"),
        (nested(100), "too deep"),
        (nested(400), "too deep"),
        ("long", "no record"),
        (record(a="no_such_type"), "its schema is none"),
        ({"type": "record"}, "its schema is none"),
        (record(a={"type": "enum", "name": "E"}), "its schema is none"),
    ],
)
def test_schemas_that_stand_for_values_without_end_are_refused(schema: Any, detail: str) -> None:
    records, error = until_error(avro_header(schema) + avro_block(1, long(1) * 50))
    assert not records
    assert error is not None
    assert error.reason == "bad_avro"
    assert detail in error.detail


def test_an_avro_file_of_an_unknown_codec() -> None:
    _, error = until_error(avro_header(LONGS, b"lz99"))
    assert error is not None
    assert "deflate" in error.detail


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
            "nanos": NOON,
            "day": dt.datetime(2013, 7, 14, tzinfo=dt.UTC),
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
    hour = 3600 * 10**6
    table = pa.table({"text": bad_text, "far": far, "clock": clock})
    assert values(parquet(table)) == [
        {"text": "\udcff", "far": 2**62, "clock": hour},
        {"text": "ok", "far": dt.datetime(1970, 1, 1, tzinfo=dt.UTC), "clock": 2 * hour},
    ]


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
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


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


@given(st.lists(st.dictionaries(TEXT, JSON_VALUES, max_size=4), max_size=8), st.booleans(), st.booleans())
@hypothesis_settings(max_examples=60, deadline=None)
def test_json_rows_come_back(rows: list[dict[str, Any]], packed: bool, returns: bool) -> None:
    text = b"".join(orjson.dumps(row) + (b"\r\n" if returns else b"\n") for row in rows)
    assert values(gzip.compress(text, mtime=0) if packed else text, "log.json") == rows


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8), st.booleans())
@hypothesis_settings(max_examples=60, deadline=None)
def test_csv_rows_come_back(rows: list[tuple[str, str]], packed: bool) -> None:
    types: Types = {"a": ("string", pa.string()), "b": ("string", pa.string())}
    given_rows = [{"a": a, "b": b} for a, b in rows]
    data = csv_of(given_rows, types)
    wanted = [{n: v for n, v in row.items() if v} for row in given_rows]
    assert values(gzip.compress(data, mtime=0) if packed else data, "log.csv") == wanted


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
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_bytes_are_records_or_a_table_error(start: bytes, rest: bytes, name: str) -> None:
    assert_readable(*until_error(start + rest, name))


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
    assert_readable(*until_error(bytes(broken[:cut] if data.draw(st.booleans()) else broken), "log.csv"))


def test_fastavro_reads_what_these_tests_write() -> None:
    data = avro_header(LONGS) + avro_block(2, long(-1) + long(2**40))
    assert list(fastavro.reader(io.BytesIO(data))) == [{"a": -1}, {"a": 2**40}]


def test_errors_say_nothing_of_values() -> None:
    for data in (b'{"a": "secret"', avro_of(ROWS, TYPES)[:-3], b'{"a": secret}\n'):
        records, error = until_error(data)
        reasons = [str(record) for record in records if isinstance(record, BadRecordError)]
        assert "secret" not in " ".join([*reasons, str(error)])
    assert isinstance(until_error(gzip.compress(b"{}\n" * 99, mtime=0)[:-9])[1], TableError)


def test_tiny_records_in_a_record_are_bounded_by_the_memory_they_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(avro_schema, "_MEMORY", 1 << 20)
    inner = {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": "long"}]}
    schema = {
        "type": "record",
        "name": "Root",
        "fields": [{"name": "items", "type": {"type": "array", "items": inner}}],
    }
    small = long(1) + long(1) + long(0)
    big = long(5000) + long(1) * 5000 + long(0)
    records, error = until_error(avro_header(schema) + avro_block(3, small + small + big))
    assert (len(records), error and error.reason) == (2, "bad_avro")
    records, error = until_error(avro_header(schema) + avro_block(4000, small * 4000))
    assert (len(records), error) == (4000, None)
