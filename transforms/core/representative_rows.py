"""Which rows of a table show what its features can hold: extremes, missing, empty and several values, words.

Each rule keeps the first rows by a total order that each row brings along, so that choosing from parts and
then from what was chosen gives the same rows as choosing from the whole: it can be done in one pass, in any
order, in bounded memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa, pc

Indices = np.ndarray[Any, np.dtype[np.int64]]

# Of more features than these only the first are covered, so that the rows that are kept stay few.
MAX_FEATURES = 256
_MOST_WORDS = 96
_ALL_WORDS = 6000


def words_each(features: int) -> int:
    """How many distinct values of each feature are kept, of so many features."""
    return min(_MOST_WORDS, _ALL_WORDS // max(features, 1))


def covering(table: pa.Table, names: Iterable[str], num_values: int) -> Indices:
    """Indices of rows, ascending and each once, that cover the columns called `names`.

    Args:
      table: `large_list<float32 | int64 | large_binary>` columns; of rows that are equally good the first is
        taken, so the order of the rows is what breaks ties.
      num_values: how many distinct values of each text and each integer are kept, chosen by a hash of the
        value.
    """
    indices: list[int] = []
    for name in names:
        index = table.schema.get_field_index(name)
        if index >= 0 and pa.types.is_large_list(table.schema.field(index).type):
            indices += _covering_column(_single_array(table.column(index)), num_values)
    return np.unique(np.array(indices, np.int64))


def _covering_column(column: Any, num_values: int) -> Iterator[int]:
    lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False)
    yield from _first(lengths == -1)
    yield from _first(lengths == 0)
    yield from _first(lengths > 1)
    if len(lengths) and lengths.max() > 1:
        yield int(lengths.argmax())
    values, parents = column.flatten(), _parents(column)
    if not len(values):
        return
    kind = _texts if pa.types.is_large_binary(values.type) else _numbers
    yield from kind(values, parents)
    if not pa.types.is_floating(values.type):
        yield from _distinct_values(values, parents, num_values)


def _numbers(values: Any, parents: Indices) -> Iterator[int]:
    numbers = values.to_numpy(zero_copy_only=False)
    for mask in (numbers == 0, np.isnan(numbers)):
        yield from (int(parents[i]) for i in _first(mask))
    known = np.flatnonzero(~np.isnan(numbers))
    if len(known):
        yield int(parents[known[numbers[known].argmin()]])
        yield int(parents[known[numbers[known].argmax()]])


def _texts(values: Any, parents: Indices) -> Iterator[int]:
    lengths = pc.binary_length(values).to_numpy(zero_copy_only=False)
    yield from (int(parents[i]) for i in _first(lengths == 0))
    yield int(parents[lengths.argmax()])


def _distinct_values(values: Any, parents: Indices, num_values: int) -> Iterator[int]:
    """The first row of each of the `num_values` values with the smallest hashes."""
    encoded = values.dictionary_encode()
    codes, first = np.unique(encoded.indices.to_numpy(zero_copy_only=False), return_index=True)
    distinct = encoded.dictionary
    if pa.types.is_large_binary(distinct.type):
        keys = np.array([zlib.crc32(value) for value in distinct.to_pylist()], np.uint64)
    else:
        keys = distinct.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    # Stable, and the first occurrences in the order of rows: which of two with one hash stays is no accident.
    by_row = np.argsort(first, kind="stable")
    mixed = _mixed(keys[codes[by_row]])
    for i in np.argsort(mixed, kind="stable")[:num_values]:
        yield int(parents[first[by_row[i]]])


def _mixed(keys: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    with np.errstate(over="ignore"):
        keys = (keys + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    result: np.ndarray[Any, np.dtype[np.uint64]] = keys ^ (keys >> np.uint64(32))
    return result


def _first(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
    index = int(mask.argmax()) if len(mask) else 0
    return [index] if len(mask) and mask[index] else []


def _parents(column: Any) -> Indices:
    parents: Indices = pc.list_parent_indices(column).to_numpy(zero_copy_only=False).astype(np.int64)
    return parents


def _single_array(column: Any) -> Any:
    """One array, also where some releases of pyarrow leave a column in chunks."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    return array
