"""Schemas of strangers at every limit, and what their logical types make of values."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from typing import Any

import pytest

from trueserve.transforms.logs.carriers import avro_schema
from trueserve.transforms.logs.carriers.avro_schema import AvroSchema
from trueserve.transforms.logs.carriers.records import LARGEST_RECORD, local_time_of_micros, time_of_micros
from trueserve.transforms.logs.carriers.table_error import TableError


def record(*types: Any, name: str = "r") -> dict[str, Any]:
    fields = [{"name": f"f{n}", "type": kind} for n, kind in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def parse(schema: Any) -> AvroSchema:
    return avro_schema.avro_schema(json.dumps(schema).encode())


def refusal(schema: Any) -> str:
    with pytest.raises(TableError) as error:
        parse(schema)
    return str(error.value).rpartition(": ")[2]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (["int"], "its schema is that of no record"),
        ("int", "its schema is that of no record"),
        (record(), "its records take no bytes"),
        (record("null"), "its records take no bytes"),
        (record({"type": "array", "items": "null"}), "it has an array of what takes no bytes"),
        (record("int", "r"), "its records are nested in themselves"),
        (record("nothing"), "its schema is none"),
    ],
)
def test_schemas_that_are_not_read(schema: Any, reason: str) -> None:
    assert refusal(schema) == reason


def fixed(size: int, name: str = "x") -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size}


def test_fields_that_take_no_bytes_are_a_hundred_at_most() -> None:
    assert parse(record("int", *["null"] * 100))
    assert refusal(record("int", *["null"] * 101)) == (
        "its records have more than 100 fields that take no bytes"
    )
    assert parse(record("int", *[fixed(0, f"x{n}") for n in range(100)]))
    assert "more than 100" in refusal(record("int", *[fixed(0, f"x{n}") for n in range(101)]))
    inner = record(*["null"] * 50, name="inner")
    assert parse(record("int", inner, *["null"] * 49))
    assert "more than 100" in refusal(record("int", inner, *["null"] * 50))


def nested(depth: int) -> dict[str, Any]:
    kind: Any = "int"
    for number in range(depth):
        kind = record(kind, name=f"r{number}")
    return kind  # type: ignore[no-any-return]


def test_records_are_nested_sixty_three_times_at_most() -> None:
    assert parse(nested(63))
    assert refusal(nested(64)) == "its records are nested too deeply"


def json_nested(depth: int) -> Any:
    kind: Any = {"doc": "x"}
    for _ in range(depth):
        kind = {"a": kind}
    return kind


def test_json_is_nested_as_deeply_as_it_may() -> None:
    schema = {**record("int"), "x": json_nested(255)}
    assert parse(schema)
    assert refusal({**record("int"), "x": json_nested(256)}) == "its schema is nested too deeply"


@pytest.mark.parametrize(
    ("types", "growth"),
    # The most bytes of memory that one byte of a list takes.
    [
        ([{"type": "array", "items": "int"}], 40),
        ([{"type": "array", "items": "double"}], 4),
        ([{"type": "map", "values": "int"}], 104),
        ([{"type": "array", "items": {"type": "array", "items": "int"}}], 76),
        ([{"type": "array", "items": record("int", name="q")}], 40 + 208 + 34),
        ([{"type": "array", "items": record("int", "long", name="q")}], 40 + (208 + 68) / 2),
        ([{"type": "array", "items": fixed(2)}], 22),
        ([{"type": "array", "items": {"type": "enum", "name": "e", "symbols": ["A"]}}], 43),
        ([{"type": "array", "items": ["null", "int"]}], 40),
        ([{"type": "array", "items": "double"}, {"type": "array", "items": "int"}], 40),
    ],
)
def test_the_largest_record_takes_a_gigabyte_of_memory_at_most(types: list[Any], growth: float) -> None:
    assert parse(record("int", *types)).largest == int(min(LARGEST_RECORD, (1 << 30) // growth))


def test_records_without_lists_may_be_as_large_as_any() -> None:
    assert parse(record("string")).largest == LARGEST_RECORD


def converted(kind: Any, value: Any) -> Any:
    return parse(record("int", kind)).converts["f1"](value)


def logical(kind: str, logical_type: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": logical_type, **more}


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (logical("long", "timestamp-millis"), 1500, time_of_micros(1_500_000)),
        (logical("int", "local-timestamp-millis"), -1, local_time_of_micros(-1000)),
        (logical("long", "timestamp-micros"), 1500, time_of_micros(1500)),
        (logical("long", "local-timestamp-micros"), 1500, local_time_of_micros(1500)),
        (logical("long", "timestamp-nanos"), 1_999_999, time_of_micros(1999)),
        (logical("long", "local-timestamp-nanos"), -1, local_time_of_micros(-1)),
        (logical("int", "date"), 2, dt.date(1970, 1, 3)),
        (logical("int", "time-millis"), 1500, dt.time(0, 0, 1, 500_000)),
        (logical("long", "time-micros"), 86_399_999_999, dt.time(23, 59, 59, 999_999)),
        (logical("long", "time-micros"), -1, -1),
    ],
)
def test_times_are_in_units_of_their_type(kind: Any, value: int, wanted: Any) -> None:
    assert converted(kind, value) == wanted


def test_values_in_lists_and_those_that_may_be_null_are_converted_too() -> None:
    day = logical("int", "date")
    alone = converted(day, 2)
    assert converted(["null", day], 2) == alone
    assert converted(["null", day], None) is None
    assert converted({"type": "array", "items": day}, [2, 2]) == [alone, alone]


@pytest.mark.parametrize(
    "kind",
    [
        "int",
        ["null", logical("int", "date"), "string"],
        {"type": "array", "items": "int"},
        logical("string", "date"),
        logical("int", "timestamp-nanos"),
        logical("string", "decimal"),
        logical("long", "decimal"),
        logical("bytes", "decimal", scale="2"),
        logical("int", "uuid"),
        ["null"],
    ],
)
def test_other_types_stay_as_they_are(kind: Any) -> None:
    assert parse(record("int", kind)).converts == {}


@pytest.mark.parametrize(
    ("value", "scale", "number"),
    [
        (b"\x01\x00", 2, decimal.Decimal("2.56")),
        (b"\xff", 0, decimal.Decimal(-1)),
        (b"\x05", 128, decimal.Decimal(5).scaleb(-128)),
        (b"\x05", 129, b"\x05"),
        (b"\x05", -1, b"\x05"),
        (b"\x00" * 63 + b"\x05", 1, decimal.Decimal("0.5")),
        (b"\x00" * 64 + b"\x05", 1, b"\x00" * 64 + b"\x05"),
    ],
)
def test_decimals_have_a_bounded_length_and_scale(value: bytes, scale: int, number: Any) -> None:
    assert converted(logical("bytes", "decimal", scale=scale), value) == number


def test_a_decimal_without_a_scale_is_whole() -> None:
    assert converted(logical("bytes", "decimal"), b"\x05") == decimal.Decimal(5)
    assert converted({**fixed(1), "logicalType": "decimal", "scale": 1}, b"\x05") == decimal.Decimal("0.5")
