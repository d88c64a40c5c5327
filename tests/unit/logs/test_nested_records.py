"""The fields of a record in a row are features by their path, in every carrier that has records."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.carriers import Rows, avro_file, json_of, parquet_of
from support.logs import rows_of

from trueserve.transforms.core.accounting import total
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs import decode_file as decoding
from trueserve.transforms.logs.carriers.parquet.column_types import settled
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
GEO = {"lat": 1.5, "at": {"city": "x", "zip": None}}
_AT_OF_AVRO = {
    "type": "record",
    "name": "At",
    "fields": [{"name": "city", "type": ["null", "string"]}, {"name": "zip", "type": ["null", "string"]}],
}
_GEO_OF_AVRO = {
    "type": "record",
    "name": "Geo",
    "fields": [{"name": "lat", "type": ["null", "double"]}, {"name": "at", "type": ["null", _AT_OF_AVRO]}],
}
_GEO_OF_ARROW = pa.struct(
    [("lat", pa.float64()), ("at", pa.struct([("city", pa.string()), ("zip", pa.string())]))]
)
NESTED = {
    "json": lambda: json_of([{"geo": GEO, "n": 1}, {"n": 2}, {"geo": None}, {"geo": {"lat": 2.5}}], {}),
    "avro": lambda: avro_file(
        {
            "type": "record",
            "name": "Row",
            "fields": [
                {"name": "geo", "type": ["null", _GEO_OF_AVRO]},
                {"name": "n", "type": ["null", "long"], "default": None},
            ],
        },
        [{"geo": GEO, "n": 1}, {"n": 2}, {"geo": None}, {"geo": {"lat": 2.5, "at": None}}],
    ),
    "parquet": lambda: parquet_of(
        [{"geo": GEO, "n": 1}, {"n": 2}, {"geo": None}, {"geo": {"lat": 2.5}}],
        {"geo": (None, _GEO_OF_ARROW), "n": ("long", pa.int64())},
    ),
}


@pytest.mark.parametrize("carrier", NESTED)
def test_fields_of_records_are_features_by_their_path(tmp_path: Path, carrier: str) -> None:
    path, data = tmp_path / f"nested.{carrier}", NESTED[carrier]()
    path.write_bytes(data)
    types = {"geo.lat": FLOAT, "geo.at.city": BYTES, "n": INT}
    given = Settings(expected=Expected(types, single=frozenset(types)))
    parts = list(decoding.decode_file(FileSize(str(path), len(data)), Format.TABLE, given))
    assert rows_of(parts) == [
        {"geo.lat": [1.5], "geo.at.city": [b"x"], "n": [1]},
        {"n": [2]},
        {},
        {"geo.lat": [2.5]},
    ]
    if carrier == "parquet":
        kinds = settled(decoding.parquet_types(FileSize(str(path), len(data)))).types
        assert kinds == types | {"geo.at.zip": BYTES}


NOON = dt.datetime(2024, 5, 1, 3, tzinfo=dt.UTC)
HALF = decimal.Decimal("12.5")
_MONEY = {"type": "fixed", "size": 8, "name": "Money", "logicalType": "decimal", "precision": 10, "scale": 1}
_SPOT = {
    "type": "record",
    "name": "Place",
    "namespace": "of.places",
    "fields": [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "n", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 1}},
        {"name": "m", "type": ["null", _MONEY]},
    ],
}
_SPOTS: dict[str, Any] = {
    "record": (_SPOT, lambda value: value),
    "union": (["null", _SPOT], lambda value: value),
    "record in a record": (
        {"type": "record", "name": "Outer", "fields": [{"name": "inner", "type": ["null", _SPOT]}]},
        lambda value: {"inner": value},
    ),
    "map": ({"type": "map", "values": _SPOT}, lambda value: {"inner": value}),
}


@pytest.mark.parametrize("kind", _SPOTS)
def test_logical_types_in_records_of_avro_are_those_outside(tmp_path: Path, kind: str) -> None:
    avro, within = _SPOTS[kind]
    fields = [
        {"name": "geo", "type": avro},
        {"name": "again", "type": ["null", "of.places.Place"]},
        {"name": "money", "type": "of.places.Money"},
    ]
    spot = {"at": NOON, "n": HALF, "m": HALF}
    row = {"geo": within(spot), "again": dict(spot), "money": HALF}
    data = avro_file({"type": "record", "name": "Row", "fields": fields}, [row])
    prefix = "geo.inner" if "inner" in within(spot) else "geo"
    types = {"again.at": INT, "again.n": FLOAT, "again.m": BYTES, "money": FLOAT}
    types |= {f"{prefix}.at": INT, f"{prefix}.n": FLOAT, f"{prefix}.m": FLOAT}
    (tmp_path / "log.avro").write_bytes(data)
    given = Settings(expected=Expected(types, single=frozenset(types)))
    [features] = rows_of(
        decoding.decode_file(FileSize(str(tmp_path / "log.avro"), len(data)), Format.TABLE, given)
    )
    micros = 1714532400 * 10**6
    assert features == {
        "again.at": [micros],
        "again.n": [12.5],
        "again.m": [b"12.5"],
        "money": [12.5],
        f"{prefix}.at": [micros],
        f"{prefix}.n": [12.5],
        f"{prefix}.m": [12.5],
    }


UNKNOWN = {"x": 1, "scores": {"alice@example.com": 0.5, "more": {"bob": 2.0}}}
_MORE = {"type": "record", "name": "More", "fields": [{"name": "bob", "type": "double"}]}
_SCORES = {
    "type": "record",
    "name": "Scores",
    "fields": [{"name": "alice", "type": "double"}, {"name": "more", "type": _MORE}],
}
_ARROW_SCORES = pa.struct([("alice", pa.float64()), ("more", pa.struct([("bob", pa.float64())]))])
_KNOWN: Rows = [{"x": 1, "scores": {"alice": 0.5, "more": {"bob": 2.0}}}, {"x": 2}]
UNKNOWN_RECORDS = {
    "json": json_of([UNKNOWN, {"x": 2, "scores": None}], {}),
    "avro": avro_file(
        {
            "type": "record",
            "name": "Row",
            "fields": [{"name": "x", "type": "long"}, {"name": "scores", "type": ["null", _SCORES]}],
        },
        _KNOWN,
    ),
    "map": avro_file(
        {
            "type": "record",
            "name": "Row",
            "fields": [
                {"name": "x", "type": "long"},
                {"name": "scores", "type": ["null", {"type": "map", "values": "double"}]},
            ],
        },
        [{"x": 1, "scores": {"alice@example.com": 0.5}}, {"x": 2}],
    ),
    "parquet": parquet_of(_KNOWN, {"x": ("long", pa.int64()), "scores": (None, _ARROW_SCORES)}),
}


def decoded(folder: Path, data: bytes, **changes: Any) -> list[Any]:
    (folder / "log").write_bytes(data)
    return list(
        decoding.decode_file(FileSize(str(folder / "log"), len(data)), Format.TABLE, Settings(**changes))
    )


@pytest.mark.parametrize("carrier", UNKNOWN_RECORDS)
def test_a_record_that_nobody_knows_is_one_unknown_name(tmp_path: Path, carrier: str) -> None:
    expected = Expected({"x": INT, "scores_": FLOAT}, elsewhere=frozenset({"y.z"}))
    parts = decoded(tmp_path, UNKNOWN_RECORDS[carrier], expected=expected)
    assert total(part.accounting for part in parts).forms[("scores", "unknown_feature")] == 1
    assert len([form for form in total(part.accounting for part in parts).forms if form[0] != "x"]) == 1


def test_names_in_unknown_records_cost_nothing(tmp_path: Path) -> None:
    record = {"x": 1, "k" * 20_000: {str(n): n for n in range(5000)}}
    parts = decoded(tmp_path, json_of([record], {}), expected=Expected({"x": INT}))
    forms = total(part.accounting for part in parts).forms
    assert forms["k" * 1000, "unknown_feature"] == 1
    assert [name for name, _ in forms if name != "x"] == ["k" * 1000]


@pytest.mark.parametrize("where", ["elsewhere", "time", "version"])
def test_records_are_looked_into_for_what_the_schema_does_not_serve(tmp_path: Path, where: str) -> None:
    row = {"x": 1, "meta": {"it": "2024-05-01T03:00:00Z"}}
    changes: dict[str, Any] = {
        "elsewhere": {"expected": Expected({"x": INT}, elsewhere=frozenset({"meta.it"}))},
        "time": {"expected": Expected({"x": INT}), "time_feature": "meta.it"},
        "version": {"expected": Expected({"x": INT}), "version_feature": "meta.it"},
    }
    parts = decoded(tmp_path, json_of([row], {}), **changes[where])
    assert not total(part.accounting for part in parts).forms.keys() - {("x", "scalar")}
    [metadata] = parts[0].batch.metadata.to_pylist()
    assert metadata["time"] == (NOON if where == "time" else None)
    assert metadata["version"] == ("2024-05-01T03:00:00Z" if where == "version" else None)


BOTH: Rows = [
    {"geo": {"lat": 2.5}, "geo.lat": 1.5},
    {"geo": {"lat": 2.5}},
    {"geo": {"lat": None}, "geo.lat": 1.5},
]


@pytest.mark.parametrize("carrier", ["json", "parquet"])
def test_a_column_wins_over_the_field_of_a_record(tmp_path: Path, carrier: str) -> None:
    arrow = {"geo": (None, pa.struct([("lat", pa.float64())])), "geo.lat": (None, pa.float64())}
    data = json_of(BOTH, {}) if carrier == "json" else parquet_of(BOTH, arrow)
    expected = Expected({"geo.lat": FLOAT}, single=frozenset({"geo.lat"}))
    parts = decoded(tmp_path, data, expected=expected)
    assert rows_of(parts) == [{"geo.lat": [1.5]}, {"geo.lat": [2.5]}, {"geo.lat": [1.5]}]
