"""Parquet files of one row a record to columns.

Integers of any width and booleans are int; floats, doubles and decimals float; strings and binaries bytes;
dictionaries what they stand for; timestamps and dates int, in microseconds since 1970 UTC, times of day in
microseconds since midnight; lists of these lists, from which nulls are dropped. Where a schema has another
type, values are taken for it row by row, as those of other carriers are (`columns.carried_values`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.logs.carriers.parquet.reader import read_batches
from trueserve.transforms.logs.carriers.parquet.records import is_temporal, micros_of, values_of
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.carriers.tables import (
    MAX_ROWS,
    expected_types,
    is_row_number,
    known_records,
    single_value_lists,
)
from trueserve.transforms.logs.carriers.text_types import POINT_ZERO
from trueserve.transforms.logs.columns.any_values import column_of_any_values
from trueserve.transforms.logs.columns.carried_values import BOOLEAN, plain_value
from trueserve.transforms.logs.columns.conversions import is_loss
from trueserve.transforms.logs.columns.left_out import Forms, left_out_columns
from trueserve.transforms.logs.columns.row_values import ABSENT
from trueserve.transforms.logs.features import (
    BOOLEANS,
    LISTS,
    VALUES,
    Array,
    Column,
    Expected,
    FeatureType,
    Settings,
    lists,
)
from trueserve.transforms.logs.rows.rows import Counts, DecodedRows, Finisher, RecordPosition, metadata_of
from trueserve.transforms.logs.rows.times import micros_of_floats, times

_TOO_LARGE = 2.0**63  # for an int64
_WHOLE_NUMBER, _NAN, _TOO_LONG = "whole_number", "nan", "long_int_for_int"
# The columns of a feature, one for each type that its values have, and the rows by the forms they came in.
_Typed = tuple[list[pa.Array], dict[str, Array]]


def decode_parquet(
    source: BinaryIO, settings: Settings, position: RecordPosition, start: int = 0, stop: int = END_OF_FILE
) -> Iterator[Decoded]:
    """Rows of a Parquet file, which must be able to seek: of the row groups that begin in these bytes.

    Raises TableError when it cannot be read.
    """
    finisher, first = Finisher(settings, sampling=True), position.first_record
    try:
        for batch in read_batches(source, MAX_ROWS, start, stop):
            columns, forms = _parquet_columns(batch, settings)
            record = pa.array(np.arange(first, first + batch.num_rows), pa.int64())
            metadata = metadata_of(batch.num_rows, position.file, record=record, **_time(batch, settings))
            rows = DecodedRows(columns, metadata, forms)
            yield finisher.finish(rows, (), Counts(batch.num_rows))
            first += batch.num_rows
    except (pa.ArrowException, UnicodeDecodeError) as error:
        # Without their own words, which may quote a value.
        raise TableError("bad_parquet", "cannot read it as Parquet: it is damaged") from error


def _parquet_columns(
    batch: pa.RecordBatch, settings: Settings
) -> tuple[list[Column], dict[tuple[str, str], Array]]:
    columns: list[Column] = []
    forms: dict[tuple[str, str], Array] = {}
    wanted = expected_types(settings)
    for name, values in _leaves(batch, settings):
        if is_row_number(name) and name not in wanted:
            continue
        has_type = value_type(values.type) is not None or pa.types.is_null(values.type)
        if name == settings.time_feature and name not in wanted and pa.types.is_floating(values.type):
            columns.append((name, _epoch_micros(values)))
        elif name in wanted or settings.expected is None or has_type:
            of_feature, rows_by_form = _feature_columns(name, values, settings)
            columns += [(name, column) for column in of_feature]
            forms |= {(name, form): rows for form, rows in rows_by_form.items()}
        else:
            # A struct, say: no feature, and none that is asked for, but to be counted.
            is_there = pa.array([b""] * len(values), mask=np.asarray(values.is_null()))
            columns.append((name, single_value_lists(is_there, FeatureType.BYTES)))
    return columns, forms


def _leaves(batch: pa.RecordBatch, settings: Settings) -> Iterator[tuple[str, pa.Array]]:
    """The columns by name: those of a struct by `NAME.FIELD`, unless NAME is a feature.

    Columns come before the fields of structs, so that they win over those of the same name. A struct of which
    the schema knows no field is one column.
    """
    wanted, records = expected_types(settings), known_records(settings)
    structs = [("", batch.schema.names, batch.columns)]
    for prefix, names, columns in structs:
        for key, column in zip(names, columns, strict=True):
            name, kind = f"{prefix}{key}", column.type
            is_record = pa.types.is_struct(kind) and kind.num_fields and name not in wanted
            if is_record and (settings.expected is None or name in records):
                structs.append((f"{name}.", [field.name for field in kind], column.flatten()))
            else:
                yield name, column


def _time(batch: pa.RecordBatch, settings: Settings) -> dict[str, pa.Array]:
    """The times that the schema has as floats of 32 bits, which hold none."""
    name = settings.time_feature or ""
    at = batch.schema.get_field_index(name)
    is_float = at >= 0 and expected_types(settings).get(name) is FeatureType.FLOAT
    if not is_float or not pa.types.is_floating(batch.schema.types[at]):
        return {}
    return {"time": times(_epoch_micros(batch.column(at)))}


def _epoch_micros(values: pa.Array) -> pa.Array:
    """Times as floats, which 32 bits could not hold, in microseconds; null where there is none."""
    micros = micros_of_floats(np.asarray(values.cast(pa.float64()).fill_null(0)))
    return single_value_lists(pa.array(micros, mask=micros == 0), FeatureType.INT)


def _feature_columns(name: str, values: pa.Array, settings: Settings) -> _Typed:
    """A feature's columns and forms. Without a schema another type is left to who holds the types."""
    kind, wanted = value_type(values.type), expected_types(settings).get(name)
    if pa.types.is_null(values.type):
        return [values], {}
    if kind is None:
        raise TableError(
            "unsupported_type", f"column {name!r} is {values.type}, which is no feature; drop it"
        )
    try:
        if settings.expected is None or wanted is None:
            return _of_numbers(values, kind, wanted)[0], {}
        if _is_by_row(values.type, kind, wanted):
            return _by_row(values, wanted, settings.expected.booleans.get(name, BOOLEANS))
        return _of_numbers(values, kind, wanted)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        # Arrow's own words quote the value.
        reason = f"column {name!r} is {values.type}, and has a value that is no {kind} of a feature"
        raise TableError("bad_parquet", f"cannot read it as Parquet: {reason}") from error


def _of_numbers(values: pa.Array, kind: FeatureType, wanted: FeatureType | None) -> _Typed:
    """Numbers as the numbers that are wanted: whole ones, as floats, are rounded wherever they come from."""
    if (kind, wanted) == (FeatureType.FLOAT, FeatureType.INT):
        return _whole_and_others(_as_lists(values, pa.float64()))
    column = _as_lists(values, VALUES[kind])
    form = BOOLEAN if pa.types.is_boolean(_value_type(values.type)) else None
    if (kind, wanted) == (FeatureType.INT, FeatureType.FLOAT):
        column, form = column.cast(LISTS[FeatureType.FLOAT], safe=False), form or _WHOLE_NUMBER
    return [column], {} if form is None else {form: np.flatnonzero(_lengths(column))}


def _is_by_row(arrow_type: pa.DataType, kind: FeatureType, wanted: FeatureType) -> bool:
    """Whether values become what is wanted one by one: texts of numbers, numbers of texts, decimals."""
    is_decimal = pa.types.is_decimal(_value_type(arrow_type))
    return (kind is not wanted and FeatureType.BYTES in (kind, wanted)) or (
        is_decimal and wanted is FeatureType.INT
    )


def _by_row(values: pa.Array, wanted: FeatureType, booleans: tuple[str, str]) -> _Typed:
    """Values of any type, by the one table of conversions; what is none of the type is left out."""
    if _is_list(values.type):
        items, lengths = values_of(values.flatten()), _lengths(values)
        ends = np.cumsum(lengths)
        bounds = zip((ends - lengths).tolist(), ends.tolist(), values.is_valid().to_pylist(), strict=True)
        carried = [_present(items[start:end]) if valid else None for start, end, valid in bounds]
    else:
        carried = values_of(values)
    plain = [ABSENT if value is None else plain_value(value, wanted, booleans) for value in carried]
    column, forms = column_of_any_values(plain, wanted, not _is_list(values.type), fixed=False, exact=True)
    by_form: Forms = {("", form): np.array(rows, np.int64) for form, rows in forms.items()}
    instances = [{"": value} for value in plain] if any(map(is_loss, forms)) else []
    left_out, by_form = left_out_columns(instances, by_form, Expected({"": wanted}))
    return [column, *(other for _, other in left_out)], {form: rows for (_, form), rows in by_form.items()}


def _present(items: list[Any]) -> list[Any]:
    return [item for item in items if item is not None]


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


def _whole_and_others(column: pa.Array) -> _Typed:
    """Rows of doubles whose values are whole numbers as int, and if there are such, the others as float.

    NaN is how some writers say that an integer is missing: it is left out, and counted.
    """
    values, rows = np.asarray(column.flatten()), np.arange(len(column))
    row_of_value, is_nan = np.repeat(rows, _lengths(column)), np.isnan(values)
    forms: dict[str, Array] = {}
    if is_nan.any():
        forms[_NAN] = np.unique(row_of_value[is_nan])
        values, row_of_value = values[~is_nan], row_of_value[~is_nan]
        lengths = np.bincount(row_of_value, minlength=len(column))
        column = lists(pa.array(values), lengths, lengths == 0)
    is_whole = values == np.floor(values)
    is_long = is_whole & np.isfinite(values) & ~((values >= -_TOO_LARGE) & (values < _TOO_LARGE))
    is_int = is_whole & np.isfinite(values) & ~is_long
    if is_long.any():
        forms[_TOO_LONG] = np.unique(row_of_value[is_long])

    def has(mask: Array) -> Array:
        return np.bincount(row_of_value[mask], minlength=len(column)) > 0

    is_other, is_lost = has(~is_int & ~is_long), has(~is_int)
    ints = column.take(pa.array(rows, mask=is_lost)).cast(LISTS[FeatureType.INT])
    forms[POINT_ZERO] = np.unique(row_of_value[is_int & ~is_lost[row_of_value]])
    if not is_other.any():
        return [ints], forms
    others = column.take(pa.array(rows, mask=~is_other)).cast(LISTS[FeatureType.FLOAT], safe=False)
    return [ints, others], forms


def _lengths(values: pa.Array) -> Array:
    return np.asarray(pc.list_value_length(values).fill_null(0), np.int64)


def _values(values: pa.Array, kind: pa.DataType) -> pa.Array:
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if is_temporal(plain.type):
        plain = micros_of(plain)
    if pa.types.is_decimal(plain.type):
        plain = plain.cast(pa.float64())
    return plain.cast(kind)


def _is_list(arrow_type: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_list(arrow_type) or types.is_large_list(arrow_type) or types.is_fixed_size_list(arrow_type)
    )


def _value_type(arrow_type: pa.DataType) -> pa.DataType:
    """The Arrow type of the values in a column, of what a dictionary stands for."""
    plain = arrow_type.value_type if _is_list(arrow_type) else arrow_type
    return plain.value_type if pa.types.is_dictionary(plain) else plain


def value_type(arrow_type: pa.DataType) -> FeatureType | None:
    """The type of the values in a column, or None for an Arrow type that no feature has."""
    types, plain = pa.types, _value_type(arrow_type)
    if types.is_integer(plain) or types.is_boolean(plain) or is_temporal(plain):
        return FeatureType.INT
    if types.is_floating(plain) or types.is_decimal(plain):
        return FeatureType.FLOAT
    is_text = types.is_string(plain) or types.is_large_string(plain)
    is_bytes = types.is_binary(plain) or types.is_large_binary(plain) or types.is_fixed_size_binary(plain)
    return FeatureType.BYTES if is_text or is_bytes else None
