"""Values that came in another type than the schema's, as its type: to be compared, and for nothing else.

The features of a row do not have them: a server refuses such a row, or takes the value for missing. They are
compared all the same, since a type mostly changes together with something else: pixels that are integers are
0..255 where training has 0..1. A conversion loses nothing that a comparison of distributions would miss:

    came     for int                   for float                  for bytes
    int                                the number                 its digits
    float    the number, as a float                               its digits, without a point if it is whole
    bytes    the number in a text      the number in a text

Bytes that are as long as all values of the feature would be in memory are these values (`tobytes()`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.accounting import of_other_type
from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.logs.carriers.text_types import POINT_ZERO, parse_numbers
from trueserve.transforms.logs.features import (
    LISTS,
    Array,
    Column,
    Expected,
    FeatureType,
    lists,
    merged,
    type_of,
)

# No number is written in more bytes; what is longer is an image, say.
_LONGEST_NUMBER = 40
# Of fewer values the length of their bytes says nothing: a text may have it as well.
_LEAST_VALUES = 16
#: The types of numbers that bytes in memory are taken for, by the form that they are compared under.
IN_MEMORY: Mapping[str, np.dtype[Any]] = {
    "uint8_bytes": np.dtype("u1"),
    "float32_bytes": np.dtype("<f4"),
    "float64_bytes": np.dtype("<f8"),
}

_Forms = Iterator[tuple[str, pa.Array]]


def other_types(
    columns: Sequence[Column], num_rows: int, expected: Expected, forms: Mapping[tuple[str, str], Array]
) -> pa.RecordBatch | None:
    """The values of all columns that do not have the expected type; None where none can be converted.

    Args:
      columns: as for `features.conform`, which leaves these values out.
      forms: the positions of rows by (feature, form). Where whole numbers among floats were taken for ints,
        they are among the floats here.

    Returns:
      A `large_list<float32 | large_binary>` for each feature and form, named by `accounting.of_other_type`.
    """
    converted_values: dict[str, pa.Array] = {}
    for name, column in columns:
        kind, wanted = type_of(column), expected.types.get(name)
        if kind is None or wanted is None or kind is wanted:
            continue
        if (kind, wanted) == (FeatureType.FLOAT, FeatureType.INT):
            came = _with_whole_numbers(column, name, columns, forms.get((name, POINT_ZERO)))
        else:
            came = column
        for form, values in _converted(came, kind, wanted, expected.sizes.get(name, 0)):
            if values.null_count < num_rows:
                converted_values[of_other_type(form, name)] = values
    return (
        pa.RecordBatch.from_arrays(list(converted_values.values()), names=list(converted_values))
        if converted_values
        else None
    )


def _with_whole_numbers(
    floats: pa.Array, name: str, columns: Sequence[Column], rows: Array | None
) -> pa.Array:
    """The floats, and in `rows` the ints that came as floats, too: else 0.0 and 1.0 would lack of 0..1."""
    ints = [column for other, column in columns if other == name and type_of(column) is FeatureType.INT]
    if rows is None or not len(rows) or not ints:
        return floats
    at = np.arange(len(floats))
    came_as_floats = ints[0].take(pa.array(at, mask=~np.isin(at, rows)))
    return merged(floats, came_as_floats.cast(LISTS[FeatureType.FLOAT], safe=False))


def _converted(column: pa.Array, kind: FeatureType, wanted: FeatureType, size: int) -> _Forms:
    form = f"{kind}_for_{wanted}"
    if kind is FeatureType.BYTES:
        numbers = _numbers_of_texts(column)
        yield form, numbers
        if size >= _LEAST_VALUES:
            yield from _in_memory(column, numbers, size)
    elif wanted is FeatureType.BYTES:
        yield form, column.cast(pa.large_list(pa.large_string())).cast(LISTS[FeatureType.BYTES])
    else:
        yield form, column.cast(LISTS[FeatureType.FLOAT], safe=False)


def _numbers_of_texts(column: pa.Array) -> pa.Array:
    """The numbers of rows whose texts are all numbers; other rows are null."""
    flat, lengths = _flat(column)
    is_short = np.asarray(pc.binary_length(flat)) <= _LONGEST_NUMBER
    numbers = parse_numbers(flat.filter(pa.array(is_short)), FeatureType.FLOAT)
    is_number = is_short.copy()
    is_number[is_short] = np.asarray(numbers.is_valid())
    row = np.repeat(np.arange(len(lengths)), lengths)
    is_good = (lengths > 0) & (np.bincount(row[is_number], minlength=len(lengths)) == lengths)
    kept = numbers.filter(pa.array(is_good[row[is_short]]))
    return lists(kept, np.where(is_good, lengths, 0), ~is_good)


def _in_memory(column: pa.Array, numbers: pa.Array, size: int) -> _Forms:
    """The values of rows with one text that is as long as `size` numbers are in memory."""
    flat, lengths = _flat(column)
    first = np.cumsum(lengths) - lengths
    is_text = (lengths == 1) & np.asarray(numbers.is_null())
    num_bytes = np.zeros(len(lengths), np.int64)
    num_bytes[is_text] = np.asarray(pc.binary_length(flat))[first[is_text]]
    for form, dtype in IN_MEMORY.items():
        rows = np.flatnonzero(is_text & (num_bytes == size * dtype.itemsize))
        data = b"".join(flat.take(pa.array(first[rows])).to_pylist())
        of_row = np.zeros(len(lengths), np.int64)
        of_row[rows] = size
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.frombuffer(data, dtype).astype(np.float32)
        yield form, lists(pa.array(values), of_row, of_row == 0)


def _flat(column: pa.Array) -> tuple[pa.Array, Array]:
    """All values, and how many of them each row has."""
    return column.flatten(), np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)
