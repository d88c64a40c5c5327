"""The same row gives the same features in every carrier, whichever the schema was inferred from.

docs/logs.md has the table of conversions as it is here; TRUESERVE_WRITE_DOCS=1 writes it anew.
"""

from __future__ import annotations

import datetime as dt
import decimal
import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from support.carriers import Types, avro_of, csv_of, json_of, parquet_of
from support.logs import rows_of
from support.repo import ROOT
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs import decode_file as decoding
from trueserve.transforms.logs.carriers.parquet.column_types import settled
from trueserve.transforms.logs.features import Expected, FeatureType, Settings, expected_features
from trueserve.transforms.logs.formats.format_names import Format

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
CARRIERS = ("csv", "json", "avro", "parquet")
NOON = dt.datetime(2024, 5, 1, 3, tzinfo=dt.UTC)


class Value(NamedTuple):
    """A value as text, JSON, and in the types of Avro and Arrow."""

    text: str
    json: Any
    value: Any
    avro: Any
    arrow: pa.DataType


def _logical(kind: str, name: str, **more: Any) -> Any:
    return {"type": kind, "logicalType": name, **more}


_DECIMAL = _logical("bytes", "decimal", precision=18, scale=9)
_DAY, _CLOCK = dt.date(2024, 5, 9), dt.time(5, 30)
_TEXT_OF_NOON = "2024-05-01 03:00:00 UTC"
_FRACTION, _TEXT_OF_FRACTION = NOON.replace(microsecond=1500), "2024-05-01 03:00:00.001500 UTC"
_LOCAL, _TEXT_OF_LOCAL = NOON.replace(tzinfo=None), "2024-05-01T03:00:00"
VALUES = {
    "int": Value("3", 3, 3, "long", pa.int64()),
    "int beyond 2^53": Value(str(2**53 + 1), 2**53 + 1, 2**53 + 1, "long", pa.int64()),
    "whole float": Value("3.0", 3.0, 3.0, "double", pa.float64()),
    "float": Value("2.5", 2.5, 2.5, "double", pa.float64()),
    "number as text": Value("3", "3", "3", "string", pa.string()),
    "text": Value("x", "x", "x", "string", pa.string()),
    "boolean": Value("true", True, True, "boolean", pa.bool_()),
    "boolean as text": Value("False", "False", "False", "string", pa.string()),
    "whole decimal": Value("12", 12, decimal.Decimal("12.000000000"), _DECIMAL, pa.decimal128(18, 9)),
    "decimal": Value("12.5", 12.5, decimal.Decimal("12.500000000"), _DECIMAL, pa.decimal128(18, 9)),
    "date": Value("2024-05-09", "2024-05-09", _DAY, _logical("int", "date"), pa.date32()),
    "time, ms": Value("05:30:00", "05:30:00", _CLOCK, _logical("int", "time-millis"), pa.time32("ms")),
    "time, us": Value("05:30:00", "05:30:00", _CLOCK, _logical("long", "time-micros"), pa.time64("us")),
    "timestamp, ms": Value(
        _TEXT_OF_NOON, _TEXT_OF_NOON, NOON, _logical("long", "timestamp-millis"), pa.timestamp("ms", tz="UTC")
    ),
    "timestamp, us": Value(
        _TEXT_OF_FRACTION,
        _TEXT_OF_FRACTION,
        _FRACTION,
        _logical("long", "timestamp-micros"),
        pa.timestamp("us", tz="UTC"),
    ),
    "local timestamp, ms": Value(
        _TEXT_OF_LOCAL, _TEXT_OF_LOCAL, _LOCAL, _logical("long", "local-timestamp-millis"), pa.timestamp("ms")
    ),
    "local timestamp, us": Value(
        _TEXT_OF_LOCAL, _TEXT_OF_LOCAL, _LOCAL, _logical("long", "local-timestamp-micros"), pa.timestamp("us")
    ),
}
Row = Mapping[str, Value]


def write(carrier: str, row: Row) -> bytes:
    """A file of one row."""
    types: Types = {name: (value.avro, value.arrow) for name, value in row.items()}
    if carrier == "csv":
        return csv_of([{name: value.text for name, value in row.items()}], types)
    if carrier == "json":
        return json_of([{name: value.json for name, value in row.items()}], types)
    typed = [{name: value.value for name, value in row.items()}]
    return avro_of(typed, types) if carrier == "avro" else parquet_of(typed, types)


def read(folder: Path, carrier: str, row: Row, given: Settings) -> tuple[dict[str, Any], dict[str, set[str]]]:
    """The features of the one row, and the forms of each."""
    path, data = folder / f"log.{carrier}", write(carrier, row)
    path.write_bytes(data)
    parts = list(decoding.decode_file(FileSize(str(path), len(data)), Format.TABLE, given))
    assert all(isinstance(part, Decoded) for part in parts), parts
    forms: dict[str, set[str]] = {}
    for name, form in total(part.accounting for part in parts if isinstance(part, Decoded)).forms:
        forms.setdefault(name, set()).add(form)
    [features] = rows_of(parts)
    return features, forms


@functools.cache
def conversions(folder: Path) -> dict[tuple[str, FeatureType], dict[str, tuple[Any, frozenset[str]]]]:
    """What comes of each value where each type is wanted, by carrier, with its forms."""
    return {
        (kind, wanted): {carrier: conversion(folder, carrier, kind, wanted) for carrier in CARRIERS}
        for kind in VALUES
        for wanted in FeatureType
    }


def conversion(folder: Path, carrier: str, kind: str, wanted: FeatureType) -> tuple[Any, frozenset[str]]:
    given = Settings(expected=Expected({"c": wanted}, single=frozenset("c")))
    features, forms = read(folder, carrier, {"c": VALUES[kind]}, given)
    return next(iter(features.get("c", [])), None), frozenset(forms.get("c", ()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("same_row")


@pytest.mark.parametrize("wanted", FeatureType)
@pytest.mark.parametrize("kind", VALUES)
def test_every_carrier_gives_the_same(folder: Path, kind: str, wanted: FeatureType) -> None:
    by_carrier = conversions(folder)[kind, wanted]
    assert {value for value, _ in by_carrier.values()} == {by_carrier["csv"][0]}, by_carrier
    # Lost in one carrier is lost in all, and never silently.
    lost = {form for _, forms in by_carrier.values() for form in forms if "_for_" in form}
    assert (by_carrier["csv"][0] is None) == bool(lost)


@pytest.mark.parametrize(
    ("kind", "wanted", "result"),
    [
        ("date", INT, 1715212800 * 10**6),
        ("date", BYTES, b"2024-05-09"),
        ("time, ms", INT, 19800 * 10**6),
        ("time, us", BYTES, b"05:30:00"),
        ("timestamp, us", INT, 1714532400 * 10**6 + 1500),
        ("timestamp, ms", BYTES, _TEXT_OF_NOON.encode()),
        ("local timestamp, us", BYTES, _TEXT_OF_LOCAL.encode()),
        ("local timestamp, ms", INT, 1714532400 * 10**6),
        ("decimal", FLOAT, 12.5),
        ("decimal", BYTES, b"12.5"),
        ("whole decimal", INT, 12),
        ("boolean", INT, 1),
        ("boolean", FLOAT, 1.0),
        ("boolean", BYTES, b"true"),
        ("boolean as text", INT, 0),
        ("int beyond 2^53", INT, 2**53 + 1),
        ("number as text", INT, 3),
        ("float", INT, None),
        ("text", INT, None),
    ],
)
def test_what_it_is(folder: Path, kind: str, wanted: FeatureType, result: Any) -> None:
    assert conversions(folder)[kind, wanted]["parquet"][0] == result


@pytest.mark.parametrize("served", CARRIERS)
@pytest.mark.parametrize("trained", ["csv", "parquet"])
def test_a_row_served_is_the_row_trained_on(folder: Path, trained: str, served: str) -> None:
    row = {kind.replace(",", "").replace(" ", "_"): value for kind, value in VALUES.items()}
    given = Settings(expected=expected_features(inferred(folder, trained, row), serving=True))
    wanted, _ = read(folder, trained, row, given)
    features, forms = read(folder, served, row, given)
    assert features == wanted
    assert features.keys() == row.keys()
    assert not [form for of_feature in forms.values() for form in of_feature if "_for_" in form]


def inferred(folder: Path, carrier: str, row: Row) -> schema_pb2.Schema:
    """The schema of training data of this row, with the values of texts that are booleans."""
    path, data = folder / f"train.{carrier}", write(carrier, row)
    path.write_bytes(data)
    file = FileSize(str(path), len(data))
    types = (
        decoding.csv_types(file) if carrier == "csv" else dict(settled(decoding.parquet_types(file)).types)
    )
    schema = schema_pb2.Schema()
    for name, kind in types.items():
        feature = schema.feature.add(name=name, type=schema_pb2.FeatureType.Value(kind.name))
        feature.value_count.max = 1
        if kind is BYTES and name.startswith("boolean"):
            feature.string_domain.value.append(row[name].text)
    return schema


@pytest.mark.parametrize(
    ("known", "spelled"),
    [
        (["True", "False"], b"True"),
        (["False"], b"True"),
        (["TRUE", "FALSE"], b"TRUE"),
        (["yes"], b"true"),
        (["true", "True"], b"true"),
        ([], b"true"),
    ],
)
def test_booleans_are_spelled_as_in_training(folder: Path, known: list[str], spelled: bytes) -> None:
    schema = schema_pb2.Schema()
    schema.feature.add(name="c", type=schema_pb2.BYTES, domain="d" if known else "")
    schema.string_domain.add(name="d", value=known)
    given = Settings(expected=expected_features(schema, serving=True))
    for carrier in ("json", "avro", "parquet"):
        assert read(folder, carrier, {"c": VALUES["boolean"]}, given)[0] == {"c": [spelled]}


def test_the_documentation_has_the_table(folder: Path) -> None:
    path = ROOT / "docs/logs.md"
    text = path.read_text(encoding="utf-8")
    start, end = "<!-- conversions -->\n", "<!-- end of conversions -->\n"
    before, _, rest = text.partition(start)
    table, found_end, after = rest.partition(end)
    assert found_end, f"docs/logs.md has no {start!r}"
    rendered = rendered_table(folder)
    if os.environ.get("TRUESERVE_WRITE_DOCS"):
        path.write_text(before + start + rendered + end + after, encoding="utf-8")
        return
    assert table == rendered, "TRUESERVE_WRITE_DOCS=1 writes it anew"


def rendered_table(folder: Path) -> str:
    lines = ["| came | for an int | for a float | for bytes |", "| --- | --- | --- | --- |"]
    for kind, value in VALUES.items():
        cells = [cell(conversions(folder)[kind, wanted]) for wanted in FeatureType]
        lines.append(f"| {kind}: `{value.text}` | {' | '.join(cells)} |")
    return "\n" + "\n".join(lines) + "\n\n"


def cell(by_carrier: Mapping[str, tuple[Any, frozenset[str]]]) -> str:
    """The value, and each form with the carriers that have it, if not all."""
    value = by_carrier["csv"][0]
    shown = "missing" if value is None else f"`{value.decode() if isinstance(value, bytes) else value}`"
    by_form: dict[str, list[str]] = {}
    for carrier, (_, forms) in by_carrier.items():
        for form in sorted(forms):
            by_form.setdefault(form, []).append(carrier)
    notes = [
        f"`{form}`" + ("" if len(carriers) == len(CARRIERS) else f" ({', '.join(carriers)})")
        for form, carriers in sorted(by_form.items())
    ]
    return "; ".join([shown, *notes])
