"""Numbers of many features added in one call, which takes a feature a tenth of the time of a call of its own.

A call finds what is known of a feature by its address: the arrays of a `FeatureSummary`, which are never
replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import types

from trueserve.transforms.columnar import exported
from trueserve.transforms.columnar.exported import FIRST, FLOAT, OFFSETS, OTHER, ROWS, TYPE, VALID, VALUES
from trueserve.transforms.columnar.memory import (
    bytes_at,
    doubles_at,
    floats_at,
    longs_at,
    uint32s_at,
    uint64s_at,
)
from trueserve.transforms.compiling.compiled import Int, compiled, helper
from trueserve.transforms.summaries import central_moments, lists, quantiles
from trueserve.transforms.summaries.columns import ValueType
from trueserve.transforms.summaries.feature import FeatureSummary
from trueserve.transforms.summaries.quantiles import ADDRESS, CAPACITY, USED

Array = np.ndarray[Any, Any]

# Of a feature: the type of its columns, and the addresses of what is known of it.
_TYPE, _LISTS, _CENTRAL_MOMENTS, _GATHERED = range(4)
_FIELDS = 4
_TYPES = {ValueType.INT: exported.INT, ValueType.FLOAT: exported.FLOAT}
_VALUE_TYPES = {number: value_type for value_type, number in _TYPES.items()}

# So that there is room for some more batches like this one.
_ROOM_FOR_BATCHES = 4
#: Instead of how many values of a column have no room in its sketch: nothing of the column was added.
NOT_ADDED = -1


@helper
def _add_lists(column: Any, known: Any, counts: Any, long: Any) -> Int:
    """Adds a column's rows; how many values they have, or NOT_ADDED."""
    rows, first = column[ROWS], column[FIRST]
    offsets = longs_at(column[OFFSETS] + 8 * first, rows + 1)
    valid = bytes_at(column[VALID], (first + rows + 7) // 8 if column[VALID] != 0 else 0)
    counts[:] = 0
    counts[lists.LEAST] = np.iinfo(np.int64).max
    lists.pass_over(offsets, valid, first, counts, long)
    total = offsets[rows] - offsets[0]
    if counts[lists.LONG_LISTS] > 0 or counts[lists.TOTAL] != total:
        return NOT_ADDED
    lists.include(longs_at(known, counts.size), counts)
    return total


@helper
def _add_values(column: Any, known: Any, total: Int, numbers: Any) -> Int:
    """Adds a column's values; how many of them, the last, the sketch has no room for."""
    start = longs_at(column[OFFSETS] + 8 * column[FIRST], 1)[0]
    gathered = longs_at(known[_GATHERED], USED + 1)
    if column[TYPE] == FLOAT:
        address = column[VALUES] + 4 * start
        values, bits = floats_at(address, total), uint32s_at(address, total)
        central_moments.pass_over_floats(values, bits, numbers)
        keys = uint32s_at(gathered[ADDRESS], gathered[CAPACITY])
        done, gathered[USED] = quantiles.gather_floats(values, bits, 0, keys, gathered[USED])
    else:
        longs = longs_at(column[VALUES] + 8 * start, total)
        central_moments.pass_over_ints(longs, numbers)
        wide_keys = uint64s_at(gathered[ADDRESS], gathered[CAPACITY])
        done, gathered[USED] = quantiles.gather_ints(longs, 0, wide_keys, gathered[USED])
    central_moments.combine(doubles_at(known[_CENTRAL_MOMENTS], numbers.size), numbers)
    return total - done


_TABLE, _LONGS = types.int64[:, ::1], types.int64[::1]


@compiled(types.void(_TABLE, _TABLE, _LONGS, _LONGS, types.float64[::1], _LONGS, types.boolean[::1]))
def add_columns(
    columns: Array, known: Array, counts: Array, long: Array, numbers: Array, left: Array, are_lists: Array
) -> None:
    """Adds exported columns to features of their types, and writes for each what `Added` says.

    `counts`, `long` and `numbers` are room to work in.
    """
    for c in range(columns.shape[0]):
        left[c], are_lists[c] = NOT_ADDED, False
        # A column without rows may have no offsets either.
        if columns[c, TYPE] == OTHER or columns[c, TYPE] != known[c, _TYPE] or columns[c, ROWS] == 0:
            continue
        total = _add_lists(columns[c], known[c, _LISTS], counts, long)
        if total >= 0:
            left[c] = _add_values(columns[c], known[c], total, numbers) if total > 0 else 0
            are_lists[c] = counts[lists.MOST] > 1


@compiled(types.void(_TABLE, types.int64, types.boolean[::1]))
def find_full(known: Array, rows: Int, is_full: Array) -> None:
    """Tells whose sketch has no room for as many numbers, though a block has."""
    for c in range(known.shape[0]):
        if known[c, _TYPE] != OTHER:
            gathered = longs_at(known[c, _GATHERED], USED + 1)
            is_full[c] = gathered[CAPACITY] < min(gathered[USED] + rows, quantiles.BLOCK)


class Added(NamedTuple):
    """What was added of columns, and what is left to do.

    Attributes:
      left: for each how many of its values, the last, its sketch has no room for, or NOT_ADDED.
      are_lists: whether a row has several values; their positions are not added.
    """

    left: Array
    are_lists: Array


class ManyColumns:
    """Where what is known of the features of some columns stands.

    Attributes:
      names: those of the columns, in order.
    """

    def __init__(self, names: Sequence[str], features: Sequence[FeatureSummary]) -> None:
        """`features` are those of the columns, in order."""
        self.names, self._features = names, features
        self._known = np.zeros((len(names), _FIELDS), np.int64)
        for c in range(len(features)):
            self._know(c)

    def add(self, columns: Array) -> Added:
        """Adds exported columns."""
        for c in np.flatnonzero((self._known[:, _TYPE] == OTHER) & (columns[:, TYPE] != OTHER)).tolist():
            if self._features[c].value_type is None:
                self._features[c].hold(_VALUE_TYPES[int(columns[c, TYPE])])
            self._know(c)
        rows = int(columns[:, ROWS].max(initial=0))
        self._make_room(rows)
        long, numbers = np.empty(rows, np.int64), np.empty(central_moments.NUMBERS)
        added = Added(np.empty(len(columns), np.int64), np.empty(len(columns), np.bool_))
        add_columns(columns, self._known, lists.no_counts(), long, numbers, *added)
        return added

    def _know(self, column: int) -> None:
        feature = self._features[column]
        if feature.numbers is not None and feature.quantiles is not None and feature.value_type is not None:
            arrays = feature.lists.counts, feature.numbers.array, feature.quantiles.gathered
            self._known[column] = _TYPES[feature.value_type], *map(_address, arrays)

    def _make_room(self, rows: int) -> None:
        is_full = np.zeros(len(self._known), np.bool_)
        find_full(self._known, rows, is_full)
        for c in np.flatnonzero(is_full).tolist():
            sketch = self._features[c].quantiles
            if sketch is not None:
                sketch.reserve(_ROOM_FOR_BATCHES * rows)


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
