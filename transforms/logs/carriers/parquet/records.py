"""Parquet, row by row: for logs whose columns hold whole bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.files.tfrecord import is_of_data
from trueserve.transforms.logs.carriers.parquet.reader import read_batches
from trueserve.transforms.logs.carriers.records import (
    date_of_micros,
    local_time_of_micros,
    row,
    time_of_day,
    time_of_micros,
)
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.request import Carried

_BATCH_ROWS = 1024
# A list that was loaded into BigQuery from Parquet without list inference is there, and in exports, a struct
# of `list`, of structs of `item` or `element`.
_OF_LIST = ("item", "element")


def records(source: BinaryIO, start: int = 0, stop: int = END_OF_FILE) -> Iterator[Carried]:
    """The rows as Python's values by column name; a null is absent, and times are UTC.

    They are those of the row groups that begin in these bytes. Raises TableError when the file, which must be
    able to seek, cannot be read on.
    """
    try:
        for batch in read_batches(source, _BATCH_ROWS, start, stop):
            yield from _rows(batch)
    except TableError:
        raise
    except Exception as error:
        if not is_of_data(error):
            raise
        raise TableError("bad_parquet", "it cannot be read as Parquet, or not to its end") from error


def _rows(batch: pa.RecordBatch) -> Iterator[Carried]:
    names, columns = batch.schema.names, [values_of(column) for column in batch.columns]
    for values in zip(*columns, strict=True):
        yield row({name: value for name, value in zip(names, values, strict=True) if value is not None})


def values_of(column: pa.Array) -> list[Any]:
    """The value of each row as Python has it; times are UTC, or without a zone where the column has none."""
    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        return values_of(column.dictionary_decode())
    if is_temporal(kind):
        make = _maker(kind)
        return [None if value is None else make(value) for value in micros_of(column).to_pylist()]
    if types.is_string(kind) or types.is_large_string(kind):
        return _texts(column)
    if (inner := _wrapped(kind)) is not None:
        return [_unwrapped(value, inner) for value in column.to_pylist()]
    return list(column.to_pylist())


def is_temporal(kind: pa.DataType) -> bool:
    """Whether it is a type of dates, times, timestamps or durations."""
    types = pa.types
    return bool(
        types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind) or types.is_duration(kind)
    )


def micros_of(column: pa.Array) -> pa.Array:
    """A column of a temporal type as int64 microseconds: since 1970, since midnight, or how many."""
    types, kind = pa.types, column.type
    if types.is_time(kind):
        return column.cast(pa.time64("us"), safe=False).cast(pa.int64())
    return column.cast(pa.duration("us") if types.is_duration(kind) else pa.timestamp("us"), safe=False).cast(
        pa.int64()
    )


def _maker(kind: pa.DataType) -> Callable[[int], Any]:
    """What makes Python's value of microseconds."""
    types = pa.types
    if types.is_timestamp(kind):
        return local_time_of_micros if kind.tz is None else time_of_micros
    if types.is_duration(kind):
        return int
    return date_of_micros if types.is_date(kind) else time_of_day


def _texts(column: pa.Array) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode("utf-8", "surrogateescape") for value in raw]


def _wrapped(kind: pa.DataType) -> str | None:
    """The name that stands around each value of a list that is a struct; None for other types."""
    if not pa.types.is_struct(kind) or kind.num_fields != 1 or kind[0].name != "list":
        return None
    items = kind[0].type
    if not (pa.types.is_list(items) or pa.types.is_large_list(items)):
        return None
    item = items.value_type
    if not pa.types.is_struct(item) or item.num_fields != 1 or item[0].name not in _OF_LIST:
        return None
    return str(item[0].name)


def _unwrapped(value: Any, name: str) -> list[Any] | None:
    if value is None or value["list"] is None:
        return None
    return [None if item is None else item[name] for item in value["list"]]
