"""Tables of one row a record: CSV with a header, and Parquet, to columns.

CSV: every value is text; an empty one, quoted or not, is missing. Parquet: integers of any width and
booleans are int; floats, doubles and decimals float; strings and binaries bytes; dictionaries what they
stand for; timestamps and dates int, in microseconds since 1970 UTC; lists of these lists, from which nulls
are dropped. A whole number is taken for a float where one is expected, and the reverse.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

import numpy as np

from transforms.core.arrow import pa, pa_csv, pc
from transforms.core.batches import Decoded, Reject
from transforms.files.tfrecord import is_of_data
from transforms.logs.carriers.parquet_reader import read_batches
from transforms.logs.carriers.table_error import TableError as TableError  # noqa: PLC0414 - part of this module, too
from transforms.logs.features import LISTS, VALUES, Array, Column, FeatureType, Settings, lists, type_of
from transforms.logs.rows.rows import Counts, Finisher, RecordPosition, Rows, metadata_of, rejected

MAX_ROWS = 8192
_BLOCK_BYTES = 8 << 20
_HEADER_BYTES = 1 << 20

# Not what Arrow alone takes for numbers (it knows 0x1F), nor what Python does (it knows 1_000).
_PATTERNS = {
    FeatureType.INT: r"^[+-]?[0-9]+$",
    FeatureType.FLOAT: r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[nN][aA][nN]|[iI][nN][fF])$",
}
_BIG_INTEGER = r"^[+-]?[0-9]{20,}$"
_ORDER = (FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES)


def csv_header(stream: BinaryIO) -> list[str]:
    """The column names; [] for an empty file. Raises TableError for names that are no header."""
    with _csv_errors():
        start = stream.read(_HEADER_BYTES).decode("utf-8-sig", "surrogateescape")
    try:
        names = next(csv.reader(io.StringIO(start, newline="")), [])
        if not names and start.strip():
            raise TableError("bad_header", "the first line is empty; expected the names of the columns")
        "".join(names).encode()
    except (UnicodeError, csv.Error) as error:
        raise TableError("bad_header", "the first line is no CSV header in UTF-8") from error
    times = Counter(names)
    odd = [at for at, name in enumerate(names, 1) if times[name] > 1 or not name.strip()]
    if odd:
        # By their numbers: of a file without a header these would be somebody's values.
        at = ", ".join(map(str, odd[:10])) + (", ..." if len(odd) > 10 else "")
        detail = f"column names are empty or stand twice in the CSV header, those of columns {at}"
        raise TableError("bad_header", detail)
    return names


def csv_types(stream: BinaryIO, names: list[str]) -> dict[str, FeatureType]:
    """The narrowest type of all values in each column; columns without any value have none."""
    types: dict[str, FeatureType] = {}
    for batch in _csv_batches(stream, names, []):
        batch_types = {name: narrowest(column) for name, column in zip(names, batch.columns, strict=True)}
        types = widest([types, {name: kind for name, kind in batch_types.items() if kind is not None}])
    return types


def widest(parts: Iterable[Mapping[str, FeatureType]]) -> dict[str, FeatureType]:
    """The types that hold what all parts hold: int, then float, then bytes."""
    types: dict[str, FeatureType] = {}
    for part in parts:
        for name, kind in part.items():
            types[name] = max(types.get(name, kind), kind, key=_ORDER.index)
    return types


def narrowest(values: pa.Array) -> FeatureType | None:
    """The narrowest type that every value of a binary column can be read as; None if there is no value."""
    present = values.drop_null()
    if not len(present):
        return None
    for kind in (FeatureType.INT, FeatureType.FLOAT):
        if parse_numbers(present, kind).null_count == 0 and not _any_big(present):
            return kind
    return FeatureType.BYTES


def decode_csv(
    stream: BinaryIO, names: list[str], settings: Settings, position: RecordPosition
) -> Iterator[Decoded]:
    """Rows of a CSV file. A row with another number of values than the header is a reject.

    Without `expected` the types are those of `settings.seen`, inferred over the whole data before. A value
    that is no number where one is expected is kept as bytes, and so counted as such and left out. Raises
    TableError when the file cannot be read on.
    """
    finisher, wanted = Finisher(settings, sampling=True), _expected_types(settings)
    rejects: list[Reject] = []
    skipped: set[int] = set()
    first = position.first_record
    for batch in _csv_batches(stream, names, rejects, position):
        columns = [
            column
            for name, values in zip(names, batch.columns, strict=True)
            for column in _csv_columns(
                name, values, wanted.get(name) or _kind_of_unknown(name, values, settings)
            )
        ]
        skipped.update(reject.record for reject in rejects)
        records = _numbers_without(first, batch.num_rows, skipped)
        metadata = metadata_of(batch.num_rows, position.file, record=pa.array(records))
        yield finisher.finish(Rows(columns, metadata), rejects, Counts(batch.num_rows + len(rejects)))
        first = int(records[-1]) + 1 if len(records) else first
        rejects.clear()
    if rejects:
        yield finisher.finish(None, rejects, Counts(len(rejects)))


def _numbers_without(first: int, count: int, skipped: set[int]) -> Array:
    """The first `count` numbers from `first` on that are not in `skipped`."""
    numbers = np.arange(first, first + count + len(skipped), dtype=np.int64)
    return numbers[~np.isin(numbers, list(skipped))][:count]


def decode_parquet(source: BinaryIO, settings: Settings, position: RecordPosition) -> Iterator[Decoded]:
    """Rows of a Parquet file, which must be able to seek. Raises TableError when it cannot be read."""
    finisher, wanted, first = (
        Finisher(settings, sampling=True),
        _expected_types(settings),
        position.first_record,
    )
    try:
        for batch in read_batches(source, MAX_ROWS):
            columns = _parquet_columns(batch, wanted, settings.expected is not None)
            record = pa.array(np.arange(first, first + batch.num_rows), pa.int64())
            rows = Rows(columns, metadata_of(batch.num_rows, position.file, record=record))
            yield finisher.finish(rows, (), Counts(batch.num_rows))
            first += batch.num_rows
    except (pa.ArrowException, UnicodeDecodeError) as error:
        # Without their own words, which may quote a value.
        raise TableError("bad_parquet", "cannot read it as Parquet: it is damaged") from error


def parse_numbers(values: pa.Array, kind: FeatureType) -> pa.Array:
    """The numbers in a binary column, null where there is none."""
    try:
        text = pc.utf8_trim_whitespace(values.cast(pa.large_string()))
        if pc.all(pc.match_substring_regex(text, _PATTERNS[kind])).as_py() is not False:
            return text.cast(VALUES[kind])
    except pa.ArrowInvalid:
        pass  # a value out of range, a leading plus, or bytes that are no text
    return pa.array([_number(value, kind) for value in values.to_pylist()], VALUES[kind])


def _number(value: bytes | None, kind: FeatureType) -> int | float | None:
    text = (value or b"").decode("utf-8", "replace").strip()
    if not re.match(_PATTERNS[kind], text):
        return None
    if kind is FeatureType.FLOAT:
        return float(text)
    # Python refuses to read integers of thousands of digits.
    number = int(text) if len(text) <= 40 else 1 << 64
    return number if -(1 << 63) <= number < 1 << 63 else None


def _any_big(values: pa.Array) -> bool:
    """Whether an integer is too long for int64: an identifier, which a float would garble."""
    return bool(pc.any(pc.match_substring_regex(values, _BIG_INTEGER)).as_py())


def _csv_batches(
    stream: BinaryIO, names: list[str], rejects: list[Reject], position: RecordPosition | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of binary columns; rows of another length than the header's are appended to `rejects`."""

    def reject(row: pa_csv.InvalidRow) -> str:
        detail = f"expected {row.expected_columns} values, as the header has, and got {row.actual_columns}"
        index = len(rejects) if row.number is None else row.number - 2
        rejects.append(rejected(position or RecordPosition("", 0), index, "bad_csv_row", detail, None))
        return "skip"

    with _csv_errors():
        reader = pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            # Of one column, an empty line is a row without a value.
            parse_options=pa_csv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=reject, ignore_empty_lines=len(names) > 1
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), null_values=[""], strings_can_be_null=True
            ),
        )
        for batch in reader:
            for start in range(0, batch.num_rows, MAX_ROWS):
                yield _own_copy(batch.slice(start, MAX_ROWS))


@contextlib.contextmanager
def _csv_errors() -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise TableError("truncated", "truncated: compressed data end early") from error
    except (pa.ArrowException, OSError, zlib.error) as error:
        if not is_of_data(error):
            raise
        raise TableError("bad_csv", f"cannot read it as CSV: {_one_line(error)}") from error


def _own_copy(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A copy that shares no memory: a part, when it is pickled, would drag the whole along."""
    return batch.take(pa.array(np.arange(batch.num_rows)))


def _csv_columns(name: str, values: pa.Array, kind: FeatureType | None) -> list[Column]:
    """The column of a CSV feature, and one of the bytes that are none of its type if there are such."""
    if kind is None:
        return [(name, pa.nulls(len(values)))]
    if kind is FeatureType.BYTES:
        return [(name, _single_value_lists(values, kind))]
    numbers = parse_numbers(values, kind)
    columns = [(name, _single_value_lists(numbers, kind))]
    if numbers.null_count > values.null_count:
        rest = pc.if_else(numbers.is_null(), values, pa.scalar(None, values.type))
        columns.append((name, _single_value_lists(rest, FeatureType.BYTES)))
    return columns


def _kind_of_unknown(name: str, values: pa.Array, settings: Settings) -> FeatureType | None:
    if name == settings.time_feature:
        return narrowest(values)
    return None if settings.expected is None else FeatureType.BYTES


def _expected_types(settings: Settings) -> Mapping[str, FeatureType]:
    return settings.seen if settings.expected is None else settings.expected.types


def _single_value_lists(values: pa.Array, kind: FeatureType) -> pa.LargeListArray:
    """A list column with the one value of each row, null where it is null."""
    valid = np.asarray(values.is_valid())
    return lists(values.drop_null().cast(VALUES[kind]), valid.astype(np.int64), ~valid)


def _parquet_columns(
    batch: pa.RecordBatch, wanted: Mapping[str, FeatureType], skip_unknown: bool
) -> list[Column]:
    columns = []
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        has_type = value_type(values.type) is not None or pa.types.is_null(values.type)
        if name in wanted or not skip_unknown or has_type:
            columns.append((name, _cast_exact_numbers(_feature_column(name, values), wanted.get(name))))
        else:
            # A struct, say: no feature, and none that is asked for, but to be counted.
            columns.append((name, _single_value_lists(pa.array([b""] * len(values)), FeatureType.BYTES)))
    return columns


def _feature_column(name: str, values: pa.Array) -> pa.Array:
    kind = value_type(values.type)
    if pa.types.is_null(values.type):
        return values
    if kind is None:
        raise TableError(
            "unsupported_type", f"column {name!r} is {values.type}, which is no feature; drop it"
        )
    try:
        return _as_lists(values, kind)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        # Arrow's own words quote the value.
        reason = f"column {name!r} is {values.type}, and has a value that is no {kind} of a feature"
        raise TableError("bad_parquet", f"cannot read it as Parquet: {reason}") from error


def _as_lists(values: pa.Array, kind: FeatureType) -> pa.Array:
    if not _is_list(values.type):
        return _single_value_lists(_values(values, kind), kind)
    lengths, null = _lengths(values), np.asarray(values.is_null())
    flat = _values(values.flatten(), kind)
    row = np.repeat(np.arange(len(values)), lengths)
    valid = np.asarray(flat.is_valid())
    return lists(flat.drop_null(), np.bincount(row[valid], minlength=len(values)), null)


def _cast_exact_numbers(column: pa.Array, wanted: FeatureType | None) -> pa.Array:
    """Whole numbers as floats, or floats that are all whole as int, where those are wanted."""
    kind = type_of(column)
    if {kind, wanted} != {FeatureType.INT, FeatureType.FLOAT} or wanted is None:
        return column
    try:
        # Safely, so that no part of a number is lost; but floats are rounded wherever they come from.
        return column.cast(LISTS[wanted], safe=wanted is FeatureType.INT)
    except pa.ArrowInvalid:
        return column


def _lengths(values: pa.Array) -> Array:
    return np.asarray(pc.list_value_length(values).fill_null(0), np.int64)


def _values(values: pa.Array, kind: FeatureType) -> pa.Array:
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if pa.types.is_timestamp(plain.type) or pa.types.is_date(plain.type):
        plain = plain.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_decimal(plain.type):
        plain = plain.cast(pa.float64())
    return plain.cast(VALUES[kind])


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


def _one_line(error: Exception) -> str:
    # Arrow quotes the row of which it says this.
    message = re.sub(r"(columns, got \d+):.*", r"\1", str(error), flags=re.DOTALL)
    return " ".join(message.split())[:200]
