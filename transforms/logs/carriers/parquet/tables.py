"""Parquet files of one row a record to columns.

Integers of any width and booleans are int; floats, doubles and decimals float; strings and binaries bytes;
dictionaries what they stand for; timestamps and dates int, in microseconds since 1970 UTC; lists of these
lists, from which nulls are dropped. A whole number is taken for a float where one is expected, and the
reverse, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np

from transforms.core.arrow import pa, pc
from transforms.core.batches import Decoded
from transforms.files.ranges import END_OF_FILE
from transforms.logs.carriers.parquet.reader import read_batches
from transforms.logs.carriers.table_error import TableError
from transforms.logs.carriers.tables import MAX_ROWS, expected_types, is_row_number, single_value_lists
from transforms.logs.features import LISTS, VALUES, Array, Column, FeatureType, Settings, lists
from transforms.logs.rows.rows import Counts, DecodedRows, Finisher, RecordPosition, metadata_of
from transforms.logs.rows.times import micros_of_floats

_TOO_LARGE = 2.0**63  # for an int64


def decode_parquet(
    source: BinaryIO, settings: Settings, position: RecordPosition, start: int = 0, stop: int = END_OF_FILE
) -> Iterator[Decoded]:
    """Rows of a Parquet file, which must be able to seek: of the row groups that begin in these bytes.

    Raises TableError when it cannot be read.
    """
    finisher, wanted, first = (
        Finisher(settings, sampling=True),
        expected_types(settings),
        position.first_record,
    )
    try:
        for batch in read_batches(source, MAX_ROWS, start, stop):
            columns = _parquet_columns(batch, wanted, settings)
            record = pa.array(np.arange(first, first + batch.num_rows), pa.int64())
            rows = DecodedRows(columns, metadata_of(batch.num_rows, position.file, record=record))
            yield finisher.finish(rows, (), Counts(batch.num_rows))
            first += batch.num_rows
    except (pa.ArrowException, UnicodeDecodeError) as error:
        # Without their own words, which may quote a value.
        raise TableError("bad_parquet", "cannot read it as Parquet: it is damaged") from error


def _parquet_columns(
    batch: pa.RecordBatch, wanted: Mapping[str, FeatureType], settings: Settings
) -> list[Column]:
    columns: list[Column] = []
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if is_row_number(name) and name not in wanted:
            continue
        has_type = value_type(values.type) is not None or pa.types.is_null(values.type)
        if name == settings.time_feature and name not in wanted and pa.types.is_floating(values.type):
            columns.append((name, _epoch_micros(values)))
        elif name in wanted or settings.expected is None or has_type:
            columns += [(name, column) for column in _feature_columns(name, values, wanted.get(name))]
        else:
            # A struct, say: no feature, and none that is asked for, but to be counted.
            columns.append((name, single_value_lists(pa.array([b""] * len(values)), FeatureType.BYTES)))
    return columns


def _epoch_micros(values: pa.Array) -> pa.Array:
    """Times as floats, which 32 bits could not hold, in microseconds; null where there is none."""
    micros = micros_of_floats(np.asarray(values.cast(pa.float64()).fill_null(0)))
    return single_value_lists(pa.array(micros, mask=micros == 0), FeatureType.INT)


def _feature_columns(name: str, values: pa.Array, wanted: FeatureType | None) -> list[pa.Array]:
    """A feature's columns; one for each type that its values have."""
    kind = value_type(values.type)
    if pa.types.is_null(values.type):
        return [values]
    if kind is None:
        raise TableError(
            "unsupported_type", f"column {name!r} is {values.type}, which is no feature; drop it"
        )
    try:
        if (kind, wanted) == (FeatureType.FLOAT, FeatureType.INT):
            return _whole_and_others(_as_lists(values, pa.float64()))
        column = _as_lists(values, VALUES[kind])
        # Whole numbers as floats: those are rounded wherever they come from.
        as_floats = (kind, wanted) == (FeatureType.INT, FeatureType.FLOAT)
        return [column.cast(LISTS[FeatureType.FLOAT], safe=False) if as_floats else column]
    except (pa.ArrowException, UnicodeDecodeError) as error:
        # Arrow's own words quote the value.
        reason = f"column {name!r} is {values.type}, and has a value that is no {kind} of a feature"
        raise TableError("bad_parquet", f"cannot read it as Parquet: {reason}") from error


def _as_lists(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """A list column of values of that type."""
    if not _is_list(values.type):
        valid = np.asarray(values.is_valid())
        return lists(_values(values.drop_null(), kind), valid.astype(np.int64), ~valid)
    lengths, null = _lengths(values), np.asarray(values.is_null())
    flat = _values(values.flatten(), kind)
    row = np.repeat(np.arange(len(values)), lengths)
    valid = np.asarray(flat.is_valid())
    return lists(flat.drop_null(), np.bincount(row[valid], minlength=len(values)), null)


def _whole_and_others(column: pa.Array) -> list[pa.Array]:
    """Rows of doubles whose values are whole numbers as int, and if there are such, the others as float."""
    values, rows = np.asarray(column.flatten()), np.arange(len(column))
    is_whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < _TOO_LARGE)
    row_of_value = np.repeat(rows, _lengths(column))
    is_other = np.bincount(row_of_value[~is_whole], minlength=len(column)) > 0
    ints = column.take(pa.array(rows, mask=is_other)).cast(LISTS[FeatureType.INT])
    if not is_other.any():
        return [ints]
    return [ints, column.take(pa.array(rows, mask=~is_other)).cast(LISTS[FeatureType.FLOAT], safe=False)]


def _lengths(values: pa.Array) -> Array:
    return np.asarray(pc.list_value_length(values).fill_null(0), np.int64)


def _values(values: pa.Array, kind: pa.DataType) -> pa.Array:
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if pa.types.is_timestamp(plain.type) or pa.types.is_date(plain.type):
        plain = plain.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_decimal(plain.type):
        plain = plain.cast(pa.float64())
    return plain.cast(kind)


def _is_list(arrow_type: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_list(arrow_type) or types.is_large_list(arrow_type) or types.is_fixed_size_list(arrow_type)
    )


def value_type(arrow_type: pa.DataType) -> FeatureType | None:
    """The type of the values in a column, or None for an Arrow type that no feature has."""
    types = pa.types
    plain = arrow_type.value_type if _is_list(arrow_type) else arrow_type
    plain = plain.value_type if types.is_dictionary(plain) else plain
    if (
        types.is_integer(plain)
        or types.is_boolean(plain)
        or types.is_timestamp(plain)
        or types.is_date(plain)
    ):
        return FeatureType.INT
    if types.is_floating(plain) or types.is_decimal(plain):
        return FeatureType.FLOAT
    is_text = types.is_string(plain) or types.is_large_string(plain)
    is_bytes = types.is_binary(plain) or types.is_large_binary(plain) or types.is_fixed_size_binary(plain)
    return FeatureType.BYTES if is_text or is_bytes else None
