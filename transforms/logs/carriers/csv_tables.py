"""CSV with a header to columns: every value is text, and an empty one, quoted or not, is missing.

A whole number is taken for a float where one is expected, and the reverse.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np

from trueserve.transforms.core.arrow import pa, pa_csv, pc
from trueserve.transforms.core.batches import Decoded, Reject
from trueserve.transforms.logs.carriers.csv_header import csv_errors
from trueserve.transforms.logs.carriers.escaped_bytes import EscapedStream, unescaped
from trueserve.transforms.logs.carriers.tables import (
    MAX_ROWS,
    expected_types,
    is_row_number,
    single_value_lists,
)
from trueserve.transforms.logs.carriers.text.separators import with_decimal_points
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.logs.carriers.text_types import (
    MISSING_TEXT,
    NUMBER_TEXT,
    POINT_ZERO,
    narrowest,
    number_texts,
    parse_numbers,
    widest,
    without_missing_texts,
    without_point_zero,
)
from trueserve.transforms.logs.columns.conversions import convert_of_table
from trueserve.transforms.logs.features import VALUES, Array, Column, FeatureType, Settings
from trueserve.transforms.logs.rows.rows import (
    Counts,
    DecodedRows,
    Finisher,
    RecordPosition,
    metadata_of,
    rejected,
)
from trueserve.transforms.logs.rows.times import times

_BLOCK_BYTES = 8 << 20
_COMMAS = TextForm(",")
_NO_ROWS = np.zeros(0, np.int64)
# In CSV every number is one in quotes, so to speak, and empty text is what is missing.
_OF_TEXT = frozenset({"quoted_number", "empty_text"})
_FLOAT_FOR_INT = "float_for_int"


def csv_types(stream: BinaryIO, names: list[str], text: TextForm = _COMMAS) -> dict[str, FeatureType]:
    """The narrowest type of all values in each column; columns without any value have none."""
    types: dict[str, FeatureType] = {}
    for batch in _csv_batches(stream, names, [], text.separator):
        named = (pair for pair in zip(names, batch.columns, strict=True) if not is_row_number(pair[0]))
        batch_types = {name: _narrowest(column, text) for name, column in named}
        types = widest([types, {name: kind for name, kind in batch_types.items() if kind is not None}])
    return types


def _narrowest(column: pa.Array, text: TextForm) -> FeatureType | None:
    values, _ = without_missing_texts(column, text.missing_values)
    return narrowest(with_decimal_points(values) if text.separator == ";" else values)


def decode_csv(
    stream: BinaryIO, names: list[str], settings: Settings, position: RecordPosition, separator: str = ","
) -> Iterator[Decoded]:
    """Rows of a CSV file. A row with another number of values than the header is a reject.

    Without `expected` the types are those of `settings.seen`, inferred over the whole data before. A value
    that is no number where one is expected is kept as bytes, and so counted as such and left out. Raises
    TableError when the file cannot be read on.
    """
    finisher, wanted = Finisher(settings, sampling=True), expected_types(settings)
    rejects: list[Reject] = []
    skipped: set[int] = set()
    first = position.first_record
    settings = dataclasses.replace(settings, text=settings.text._replace(separator=separator))
    for batch in _csv_batches(stream, names, rejects, separator, position):
        columns, forms = _typed(batch, names, wanted, settings)
        skipped.update(reject.record for reject in rejects)
        records = _numbers_without(first, batch.num_rows, skipped)
        time = {} if (text := _time_texts(batch, names, wanted, settings)) is None else {"time": times(text)}
        metadata = metadata_of(batch.num_rows, position.file, record=pa.array(records), **time)
        rows, counts = DecodedRows(columns, metadata, forms), Counts(batch.num_rows + len(rejects))
        yield finisher.finish(rows, rejects, counts)
        first = int(records[-1]) + 1 if len(records) else first
        rejects.clear()
    if rejects:
        yield finisher.finish(None, rejects, Counts(len(rejects)))


def _numbers_without(first: int, count: int, skipped: set[int]) -> Array:
    """The first `count` numbers from `first` on that are not in `skipped`."""
    numbers = np.arange(first, first + count + len(skipped), dtype=np.int64)
    return numbers[~np.isin(numbers, list(skipped))][:count]


def _csv_batches(
    stream: BinaryIO,
    names: list[str],
    rejects: list[Reject],
    separator: str | None = ",",
    position: RecordPosition | None = None,
) -> Iterator[pa.RecordBatch]:
    """Batches of binary columns; rows of another length than the header's are appended to `rejects`."""

    def reject(row: pa_csv.InvalidRow) -> str:
        detail = f"expected {row.expected_columns} values, as the header has, and got {row.actual_columns}"
        index = len(rejects) if row.number is None else row.number - 2
        rejects.append(rejected(position or RecordPosition("", 0), index, "bad_csv_row", detail, None))
        return "skip"

    # Arrow hands over a wrong row as text: of other bytes it would lose the whole file.
    text = EscapedStream(stream)
    with csv_errors():
        reader = pa_csv.open_csv(
            io.BufferedReader(text, _BLOCK_BYTES),
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            # Of one column, an empty line is a row without a value.
            parse_options=pa_csv.ParseOptions(
                delimiter=separator or ",",
                newlines_in_values=True,
                invalid_row_handler=reject,
                ignore_empty_lines=len(names) > 1,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), null_values=[""], strings_can_be_null=True
            ),
        )
        for escaped in reader:
            batch = _unescaped(escaped) if text.has_escapes else escaped
            for start in range(0, batch.num_rows, MAX_ROWS):
                yield _own_copy(batch.slice(start, MAX_ROWS))


def _unescaped(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(map(unescaped, batch.columns)), schema=batch.schema)


def _own_copy(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A copy that shares no memory: a part, when it is pickled, would drag the whole along."""
    return batch.take(pa.array(np.arange(batch.num_rows)))


def _typed(
    batch: pa.RecordBatch, names: list[str], wanted: Mapping[str, FeatureType], settings: Settings
) -> tuple[list[Column], dict[tuple[str, str], Array]]:
    """The columns in the types that are wanted, and the positions of the rows that came in other forms."""
    columns: list[Column] = []
    forms: dict[tuple[str, str], Array] = {}
    for name, text in zip(names, batch.columns, strict=True):
        if is_row_number(name) and name not in wanted:
            continue
        present, missing = without_missing_texts(text, settings.text.missing_values)
        kind = wanted.get(name) or _kind_of_unknown(name, present, settings)
        values, with_point = _as_numbers(present, kind, settings.text)
        of_feature, rows_by_form = _csv_columns(values, kind, settings)
        columns += [(name, column) for column in of_feature]
        rows_by_form[MISSING_TEXT] = missing
        # 1e3 is a whole number with a point, too, if one of another spelling.
        rows_by_form[POINT_ZERO] = np.union1d(rows_by_form.get(POINT_ZERO, _NO_ROWS), with_point)
        if settings.expected is None and kind is FeatureType.BYTES:
            as_numbers, _ = _as_numbers(values, FeatureType.FLOAT, settings.text)
            rows_by_form[NUMBER_TEXT] = number_texts(as_numbers)
        forms |= {(name, form): rows for form, rows in rows_by_form.items()}
    return columns, forms


def _time_texts(
    batch: pa.RecordBatch, names: list[str], wanted: Mapping[str, FeatureType], settings: Settings
) -> pa.Array | None:
    """The texts of times which the schema has as floats of 32 bits, that hold none."""
    name = settings.time_feature
    if name not in names or wanted.get(name) is not FeatureType.FLOAT:
        return None
    return single_value_lists(batch.column(names.index(name)), FeatureType.BYTES)


def _csv_columns(
    values: pa.Array, kind: FeatureType | None, settings: Settings
) -> tuple[list[pa.Array], dict[str, Array]]:
    """The column of a CSV feature, and one of the bytes that are none of its type if there are such."""
    if kind is None:
        return [pa.nulls(len(values))], {}
    if kind is FeatureType.BYTES:
        return [single_value_lists(values, kind)], {}
    numbers = parse_numbers(values, kind)
    if numbers.null_count == values.null_count:
        return [single_value_lists(numbers, kind)], {}
    rest = pc.if_else(numbers.is_null(), values, pa.scalar(None, values.type))
    forms: dict[str, Array] = {}
    floats = pa.nulls(len(values), VALUES[FeatureType.FLOAT])
    if settings.expected is not None:
        converted, rest, floats, forms = _converted(rest, kind)
        numbers = pc.coalesce(numbers, converted)
    columns = [single_value_lists(numbers, kind)]
    if floats.null_count < len(floats):
        columns.append(single_value_lists(floats, FeatureType.FLOAT))
    if rest.null_count < len(rest):
        columns.append(single_value_lists(rest, FeatureType.BYTES))
    return columns, forms


def _converted(texts: pa.Array, kind: FeatureType) -> tuple[pa.Array, pa.Array, pa.Array, dict[str, Array]]:
    """The numbers of texts that are none as such (dates, booleans), the texts that have none, and forms.

    Before the forms come floats that stand for ints; who has the columns counts these.
    """
    encoded = texts.dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    converted = [convert_of_table(text, kind) for text in distinct]
    numbers = pa.array([number for number, _ in converted], VALUES[kind]).take(encoded.indices)
    is_text = pa.array([f"{FeatureType.BYTES}_for_{kind}" in forms for _, forms in converted], pa.bool_())
    rest = pc.if_else(is_text.take(encoded.indices), texts, pa.scalar(None, texts.type))
    pairs = zip(distinct, converted, strict=True)
    of_float = [float(text) if _FLOAT_FOR_INT in forms else None for text, (_, forms) in pairs]
    floats = pa.array(of_float, pa.float64()).cast(pa.float32(), safe=False).take(encoded.indices)
    rows_by_form: dict[str, Array] = {}
    counted = {f"bytes_for_{kind}", _FLOAT_FOR_INT}
    for form in {form for _, forms in converted for form in forms} - _OF_TEXT - counted:
        has_form = pa.array([form in forms for _, forms in converted], pa.bool_()).take(encoded.indices)
        rows_by_form[form] = np.flatnonzero(np.asarray(has_form.fill_null(False)))
    return numbers, rest, floats, rows_by_form


def _as_numbers(values: pa.Array, kind: FeatureType | None, text: TextForm) -> tuple[pa.Array, Array]:
    """Values of a column as numbers are written in it elsewhere, and which were ints with a point."""
    if kind in (FeatureType.INT, FeatureType.FLOAT) and text.separator == ";":
        values = with_decimal_points(values)
    return without_point_zero(values) if kind is FeatureType.INT else (values, _NO_ROWS)


def _kind_of_unknown(name: str, values: pa.Array, settings: Settings) -> FeatureType | None:
    if name == settings.time_feature:
        # As text a time with a fraction is read to the microsecond; a float of 32 bits holds none of today.
        kind = narrowest(values)
        return FeatureType.BYTES if kind is FeatureType.FLOAT else kind
    return None if settings.expected is None else FeatureType.BYTES
