"""Avro schemas of strangers: what may be read with them, and what their logical types mean.

A schema can make a few bytes stand for values without end: arrays of what takes no bytes, records in records
in themselves. None of these is a log, so they are refused before a record is read.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import fastavro
import orjson

from trueserve.transforms.logs.carriers.records import (
    LARGEST_RECORD,
    date_of_micros,
    local_time_of_micros,
    time_of_day,
    time_of_micros,
)
from trueserve.transforms.logs.carriers.table_error import TableError

Convert = Callable[[Any], Any]

_DEEPEST_JSON = 256
_DEEPEST = 64
_MOST_FREE = 100
_LEAST = {
    "null": 0,
    "boolean": 1,
    "int": 1,
    "long": 1,
    "float": 4,
    "double": 8,
    "bytes": 1,
    "string": 1,
}
_RECORDS = ("record", "error")
_NAMED = (*_RECORDS, "enum", "fixed")
_DAY = dt.timedelta(days=1) // dt.timedelta(microseconds=1)
# What makes a value of so many microseconds, and how many of them a unit has; nanoseconds have part of one.
_TIMES: Mapping[str, tuple[Convert, int]] = {
    "timestamp-millis": (time_of_micros, 1000),
    "local-timestamp-millis": (local_time_of_micros, 1000),
    "timestamp-micros": (time_of_micros, 1),
    "local-timestamp-micros": (local_time_of_micros, 1),
    "timestamp-nanos": (time_of_micros, 0),
    "local-timestamp-nanos": (local_time_of_micros, 0),
    "date": (date_of_micros, _DAY),
    "time-millis": (time_of_day, 1000),
    "time-micros": (time_of_day, 1),
}
_DIGITS = decimal.Context(prec=200)
_LONGEST_DECIMAL = 64
# About how many bytes of memory the values of one record may take.
_MEMORY = 1 << 30
# The most that a byte of a value in a list takes, about: an int of one is an object of 32, and a pointer.
_GROWTH = {"null": 0, "boolean": 8, "int": 40, "long": 40, "float": 8, "double": 4, "bytes": 28, "string": 28}
_OF_LIST, _OF_MAP, _OF_RECORD, _OF_FIELD = 72, 64, 208, 34


class AvroSchema(NamedTuple):
    """How to read records.

    Attributes:
      parsed: for fastavro, without logical types: a value out of their range would leave the reader in the
        middle of a record.
      converts: what makes the values of some fields out of those that are read (see `convert_fields`).
      largest: the longest record that is read, in bytes. Of small values in lists, Python's objects take
        some hundred times the bytes that they are written in.
    """

    parsed: Any
    converts: Mapping[str, Convert]
    largest: int


def avro_schema(text: bytes) -> AvroSchema:
    """The schema of a file's records. Raises TableError for what is none, and for what is not read."""
    try:
        schema = orjson.loads(text)
        plain = _without_logical_types(schema, 0)
        parsed = fastavro.parse_schema(plain)
        cost = _Costs().of(parsed, 0)
    except TableError:
        raise
    except Exception as error:
        raise avro_error("its schema is none") from error
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise avro_error("its schema is that of no record")
    if not cost.least:
        raise avro_error("its records take no bytes")
    if cost.free > _MOST_FREE:
        raise avro_error(f"its records have more than {_MOST_FREE} fields that take no bytes")
    converts = _Converters().fields_of(schema, "")
    return AvroSchema(parsed, converts, int(min(LARGEST_RECORD, _MEMORY // max(cost.growth, 1))))


def avro_error(detail: str) -> TableError:
    """The error of a file that is not read; `detail` says what is wrong with it."""
    return TableError("bad_avro", f"cannot read it as Avro: {detail}")


def _without_logical_types(node: Any, depth: int) -> Any:
    """The schema without what reading does not need, and where old writers have been careless."""
    if depth > _DEEPEST_JSON:
        raise avro_error("its schema is nested too deeply")
    if isinstance(node, dict):
        unused = ("logicalType", "default", "doc", "aliases")
        return {k: _without_logical_types(v, depth + 1) for k, v in node.items() if k not in unused}
    if isinstance(node, list):
        return [_without_logical_types(branch, depth + 1) for branch in node]
    return node


class _Cost(NamedTuple):
    """Of one value: the least bytes it takes, how many parts of it take none, and how deep it is nested.

    Of memory, in bytes: `base` is what a record takes without its fields; `once` what a byte takes at most
    where the value is repeated; `growth` the same of what is repeated in it.
    """

    least: int
    free: int
    depth: int
    base: float = 0
    once: float = 8
    growth: float = 1


class _Costs:
    """Works out costs; it remembers those of named types, None for one that is not finished."""

    def __init__(self) -> None:
        self._named: dict[str, _Cost | None] = {}

    def of(self, schema: Any, depth: int) -> _Cost:
        """Raises TableError for a schema that is not read."""
        cost = self._cost(schema, depth)
        if depth > _DEEPEST or cost.depth > _DEEPEST:
            raise avro_error("its records are nested too deeply")
        return cost

    def _cost(self, schema: Any, depth: int) -> _Cost:
        if isinstance(schema, list):
            return self._container_cost([self.of(branch, depth + 1) for branch in schema])
        if isinstance(schema, str):
            return self._by_name(schema)
        kind = schema["type"]
        if kind in _RECORDS:
            return self._record(schema, depth)
        if kind in ("array", "map"):
            inner = self.of(schema["items" if kind == "array" else "values"], depth + 1)
            if kind == "array" and not inner.least:
                raise avro_error("it has an array of what takes no bytes")
            return _repeated(self._container_cost([inner]), is_map=kind == "map")
        if kind in ("enum", "fixed"):
            size = 1 if kind == "enum" else max(int(schema["size"]), 0)
            self._named[schema["name"]] = cost = _Cost(size, int(not size), 1, once=1 + 42 / max(size, 1))
            return cost
        return self.of(kind, depth + 1)

    def _container_cost(self, inner: list[_Cost]) -> _Cost:
        """Of a union, an array or a map: a byte at least, and what is in them is not there for nothing."""
        free = max((cost.free - (not cost.least) for cost in inner), default=0)
        depth, once, growth = _largest_of(inner)
        return _Cost(1, max(free, 0), depth, 0, once, growth)

    def _by_name(self, name: str) -> _Cost:
        if name in _LEAST:
            return _Cost(_LEAST[name], int(not _LEAST[name]), 1, once=_GROWTH[name])
        cost = self._named[name]
        if cost is None:
            raise avro_error("its records are nested in themselves")
        return cost

    def _record(self, schema: Any, depth: int) -> _Cost:
        self._named[schema["name"]] = None
        fields = [self.of(field["type"], depth + 1) for field in schema["fields"]]
        least = sum(cost.least for cost in fields)
        free = sum(cost.free for cost in fields) + int(not least)
        depth, once, growth = _largest_of(fields)
        base = _OF_RECORD + _OF_FIELD * len(fields) + sum(cost.base for cost in fields if not cost.least)
        cost = _Cost(least, free, depth, base, once + base / max(least, 1), growth)
        self._named[schema["name"]] = cost
        return cost


def _largest_of(inner: list[_Cost]) -> tuple[int, float, float]:
    """The depth, `once` and `growth` of what holds these."""
    return (
        1 + max((cost.depth for cost in inner), default=0),
        max((cost.once for cost in inner), default=0),
        max((cost.growth for cost in inner), default=1),
    )


def _repeated(cost: _Cost, *, is_map: bool) -> _Cost:
    """Of an array or a map, `cost` being that of what is in it: a list without values takes a byte."""
    each = cost.once + _OF_MAP * is_map
    return cost._replace(once=max(_OF_LIST, _OF_LIST / 2 + each), growth=max(cost.growth, each))


class _Converters:
    """Finds what makes values of logical types, wherever in a value; it remembers those of named types."""

    def __init__(self) -> None:
        self._named: dict[str, Convert | None] = {}

    def fields_of(self, record: Mapping[str, Any], space: str) -> dict[str, Convert]:
        """What makes the values of a record's fields, of those that have logical types."""
        _, space = _full_name(record, space)
        converts = {field["name"]: self._of(field["type"], space) for field in record["fields"]}
        return {name: convert for name, convert in converts.items() if convert}

    def _of(self, kind: Any, space: str) -> Convert | None:
        if isinstance(kind, list):
            types = [branch for branch in kind if branch != "null"]
            inner = self._of(types[0], space) if len(types) == 1 else None
            return None if inner is None else lambda value: None if value is None else inner(value)
        if isinstance(kind, str):
            in_space = self._named.get(f"{space}.{kind}")
            return None if kind in _LEAST else in_space or self._named.get(kind)
        if kind["type"] in ("array", "map"):
            return self._of_values(kind, space)
        if isinstance(kind["type"], str) and kind["type"] in _LEAST:
            return _logical_converter(kind)
        if kind["type"] in _NAMED:
            return self._of_named(kind, space)
        return self._of(kind["type"], space)

    def _of_values(self, kind: Mapping[str, Any], space: str) -> Convert | None:
        is_array = kind["type"] == "array"
        each = self._of(kind["items" if is_array else "values"], space)
        if each is None:
            return None
        if is_array:
            return lambda values: [each(value) for value in values]
        return lambda values: {key: each(value) for key, value in values.items()}

    def _of_named(self, kind: Mapping[str, Any], space: str) -> Convert | None:
        name, _ = _full_name(kind, space)
        if kind["type"] not in _RECORDS:
            convert = _logical_converter(kind)
        else:
            fields = self.fields_of(kind, space)
            convert = (lambda values: convert_fields(values, fields)) if fields else None
        self._named[name] = convert
        return convert


def convert_fields(values: dict[str, Any], converts: Mapping[str, Convert]) -> dict[str, Any]:
    """A record as it was read, with the values of its logical types in place."""
    for name, convert in converts.items():
        values[name] = convert(values[name])
    return values


def _full_name(kind: Mapping[str, Any], space: str) -> tuple[str, str]:
    """The name of a named type with its namespace, and the namespace of what is in it."""
    name, own = str(kind["name"]), kind.get("namespace", space)
    if "." not in name and own:
        name = f"{own}.{name}"
    return name, name.rpartition(".")[0]


def _logical_converter(kind: Mapping[str, Any]) -> Convert | None:
    logical, scale = kind.get("logicalType"), kind.get("scale", 0)
    make, unit = _TIMES.get(logical, (None, 1)) if isinstance(logical, str) else (None, 1)
    if make is not None and (kind["type"] == "long" or (kind["type"] == "int" and unit)):
        return lambda value: make(value * unit if unit else value // 1000)
    if kind["type"] in ("bytes", "fixed") and logical == "decimal" and isinstance(scale, int):
        return lambda value: _decimal(value, scale)
    return None


def _decimal(value: bytes, scale: int) -> decimal.Decimal | bytes:
    if len(value) > _LONGEST_DECIMAL or not 0 <= scale <= 2 * _LONGEST_DECIMAL:
        return value
    number = decimal.Decimal(int.from_bytes(value, "big", signed=True))
    return number.scaleb(-scale, _DIGITS)
