"""Avro schemas whose values take no bytes or have no end are refused."""

from __future__ import annotations

from typing import Any

import pytest
from support.avro_bytes import avro_block, avro_header, long, record
from support.carriers import until_error

from trueserve.transforms.logs.carriers import avro_schema


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
