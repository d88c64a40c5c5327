"""Serialized tf.Examples to values in a store. What is unusual is left to another parser.

The usual is what serializers write: fields in the order of their numbers, one map entry for a feature, one
kind in it, no unknown fields; values packed or not, in any number of pieces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.columnar.examples.append import (
    DONE,
    FIRST,
    MORE_COLUMNS,
    MORE_NAMES,
    SECOND,
    THIRD,
    UNUSUAL,
    append_list,
    undo_row,
)
from trueserve.transforms.columnar.examples.names import NAMES, NO_ROOM, add_name, is_name, number_of
from trueserve.transforms.columnar.examples.short_entries import append_short, short_entry
from trueserve.transforms.columnar.examples.store import KINDS, LINE, STORE, TOUCHED, TRIED, open_column
from trueserve.transforms.columnar.utf8 import is_utf8
from trueserve.transforms.columnar.wire import enter
from trueserve.transforms.compiling.compiled import BYTES, Int, compiled, helper, outlined

Array = np.ndarray[Any, Any]


@helper
def _name(data: Any, start: Int, length: Int, names: Any, before: Int) -> Int:
    """The number of the feature of that name; -1 where there is no room to add it, -2 where it is no name."""
    number = names.follows[before + 1]
    if number < names.used[0] and is_name(names, number, data, start, length):
        return np.int64(number)
    number, slot = number_of(names, data, start, length)
    if number == NO_ROOM:
        if not is_utf8(data, start, start + length):
            return -2
        number = add_name(names, slot, data, start, length)
    if number >= 0:
        names.follows[before + 1] = number
    return np.int64(number)


@helper
def _feature(
    data: Any, position: Int, end: Int, feature: Int, row: Int, store: Any
) -> tuple[Int, Int, Int, Int]:
    """The value of a map entry that ends at `end`: state, column, and what MORE_VALUES needs."""
    if store.seen[feature] == store.counters[TRIED]:
        return UNUSUAL, 0, 0, 0
    store.seen[feature] = store.counters[TRIED]
    if position == end:
        return DONE, 0, 0, 0
    stop, position = enter(data, position, end, SECOND)
    if stop != end:
        return UNUSUAL, 0, 0, 0
    if position == end:
        return DONE, 0, 0, 0
    tag = data[position]
    if tag not in (FIRST, SECOND, THIRD):
        return UNUSUAL, 0, 0, 0
    stop, position = enter(data, position, end, tag)
    if stop != end:
        return UNUSUAL, 0, 0, 0
    column = KINDS * feature + (tag >> 3) - 1
    if store.columns[column, LINE] < 0 and not open_column(store, column):
        return MORE_COLUMNS, 0, 0, 0
    state, values, num_bytes = append_list(data, position, end, column, row, store)
    return state, column, values, num_bytes


@helper
def _is_appended(data: Any, position: Int, end: Int, before: Int, row: Int, names: Any, store: Any) -> Any:
    """Appends a short entry of the feature that came after `before` last: that feature, and where the entry
    ends; -1 where it is another one, or not short.
    """
    feature = names.follows[before + 1]
    if feature >= names.used[0] or store.seen[feature] == store.counters[TRIED]:
        return -1, 0
    start, size, tag = short_entry(data, position, end, feature, names)
    if tag not in (FIRST, SECOND, THIRD):
        return -1, 0
    kind = (tag >> 3) - 1
    if not append_short(data, start, size, KINDS * feature + kind, kind, row, store):
        return -1, 0
    store.seen[feature] = store.counters[TRIED]
    return feature, start + size


@outlined
def _any_entry(
    data: Any, position: Int, end: Int, before: Int, row: Int, names: Any, store: Any
) -> tuple[Int, Int, Int, Int, Int, Int]:
    """A map entry of any form: state, feature, where the entry ends, and what is needed if it is not DONE."""
    entry_end, position = enter(data, position, end, FIRST)
    key_end, position = enter(data, position, entry_end, FIRST)
    if key_end < 0:
        return UNUSUAL, 0, 0, 0, 0, 0
    feature = _name(data, position, key_end - position, names, before)
    if feature < 0:
        return MORE_NAMES if feature == NO_ROOM else UNUSUAL, 0, 0, 0, 0, key_end - position
    if feature >= store.seen.size:
        return MORE_NAMES, 0, 0, 0, 0, 0
    state, column, values, num_bytes = _feature(data, key_end, entry_end, feature, row, store)
    return state, feature, entry_end, column, values, num_bytes


@helper
def _example(data: Any, start: Int, end: Int, row: Int, names: Any, store: Any) -> tuple[Int, Int, Int, Int]:
    """A record to row `row`: state, and what is needed where that is not DONE."""
    store.counters[TRIED] += 1
    store.counters[TOUCHED] = 0
    position, entries, before = start, 0, -1
    while position < end:
        stop, position = enter(data, position, end, FIRST)
        if stop < 0:
            return UNUSUAL, 0, 0, 0
        while position < stop:
            feature, entry_end = _is_appended(data, position, stop, before, row, names, store)
            if feature < 0:
                state, feature, entry_end, column, values, num_bytes = _any_entry(
                    data, position, stop, before, row, names, store
                )
                if state != DONE:
                    return state, column, values, num_bytes
            before, position = feature, entry_end
            entries += 1
    # Bytes that say nothing more than "an example without features" are one; any other are suspect.
    if entries == 0 and not (end == start or (end - start == 2 and data[start + 1] == 0)):
        return UNUSUAL, 0, 0, 0
    return DONE, 0, 0, 0


_STATE = types.Tuple((types.int64,) * 5)
_LONGS = types.Array(types.int64, 1, "C", readonly=True)


@compiled(_STATE(BYTES, _LONGS, _LONGS, types.int64, NAMES, STORE))
def scan_examples(
    data: Array, starts: Array, ends: Array, first_row: Int, names: Any, store: Any
) -> tuple[Int, Int, Int, Int, Int]:
    """Parses records to rows from `first_row` on, until all are done or one stops it.

    Returns how many are done, the state (DONE if all), and for MORE_VALUES the column and for how many
    more values and bytes there must be room; for MORE_NAMES the bytes of the name at the end.
    """
    for i in range(starts.size):
        state, column, values, num_bytes = _example(data, starts[i], ends[i], first_row + i, names, store)
        if state != DONE:
            undo_row(first_row + i, store)
            return i, state, column, values, num_bytes
    return starts.size, DONE, 0, 0, 0
