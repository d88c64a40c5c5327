"""Serialized tf.Examples to values in a store. What is unusual is left to another parser.

The usual is what serializers write: fields in the order of their numbers, one map entry for a feature, one
kind in it, no unknown fields; values packed or not, in any number of pieces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from transforms.columnar.memory import copy_bytes, load32
from transforms.columnar.names import NAMES, NO_ROOM, add_name, is_name, number_of
from transforms.columnar.store import (
    BASE,
    BYTE_BASE,
    BYTE_CAPACITY,
    BYTE_USED,
    BYTES_KIND,
    CAPACITY,
    FLOAT_KIND,
    KINDS,
    LINE,
    ROWS,
    STORE,
    TOUCHED,
    TRIED,
    USED,
    open_column,
)
from transforms.columnar.utf8 import is_utf8
from transforms.columnar.wire import count_varints, enter, read_varint
from transforms.compiling.compiled import BYTES, Int, compiled, helper

Array = np.ndarray[Any, Any]

# Tags of one byte: field number and wire type. In a tf.train.Example and below it, every field is 1, 2 or 3.
_FIRST, _SECOND, _THIRD = 0x0A, 0x12, 0x1A
_FIXED32, _VARINT = 0x0D, 0x08

DONE, UNUSUAL, MORE_NAMES, MORE_VALUES, MORE_COLUMNS = range(5)


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
def _append_floats(data: Any, position: Int, end: Int, column: Int, store: Any) -> bool:
    """Appends the values of a FloatList; there is room. Whether they were well-formed."""
    at = store.columns[column, BASE] + store.columns[column, USED]
    while position < end:
        if data[position] == _FIXED32 and end - position >= 5:
            stop, position = position + 5, position + 1
        else:
            stop, position = enter(data, position, end, _FIRST)
            if stop < 0 or (stop - position) & 3:
                return False
        while position < stop:
            store.float_bits[at] = load32(data, position)
            at += 1
            position += 4
    store.columns[column, USED] = at - store.columns[column, BASE]
    return True


@helper
def _append_ints(data: Any, position: Int, end: Int, column: Int, store: Any) -> bool:
    """Appends the values of an Int64List; there is room. Whether they were well-formed."""
    at = store.columns[column, BASE] + store.columns[column, USED]
    while position < end:
        if data[position] == _VARINT:
            value, position = read_varint(data, position + 1, end)
            if position < 0:
                return False
            store.longs[at] = np.int64(value)
            at += 1
            continue
        stop, position = enter(data, position, end, _FIRST)
        if stop < 0:
            return False
        while position < stop:
            value, position = read_varint(data, position, stop)
            if position < 0:
                return False
            store.longs[at] = np.int64(value)
            at += 1
    store.columns[column, USED] = at - store.columns[column, BASE]
    return True


@helper
def _append_bytes(data: Any, position: Int, end: Int, column: Int, store: Any) -> bool:
    """Appends the values of a BytesList; there is room. Whether they were well-formed."""
    at, byte = store.columns[column, BASE] + store.columns[column, USED], store.columns[column, BYTE_USED]
    while position < end:
        stop, position = enter(data, position, end, _FIRST)
        if stop < 0:
            return False
        copy_bytes(store.bytes, store.columns[column, BYTE_BASE] + byte, data, position, stop - position)
        byte += stop - position
        store.longs[at] = byte
        at += 1
        position = stop
    store.columns[column, USED], store.columns[column, BYTE_USED] = at - store.columns[column, BASE], byte
    return True


@helper
def _bound(data: Any, start: Int, end: Int, kind: Int, capacity: Int) -> Int:
    """At most how many values a list of `kind` has; closer only where it would not fit `capacity`."""
    size = end - start
    if kind == FLOAT_KIND:
        return size >> 2
    if kind == BYTES_KIND:
        return size >> 1
    # Every value ends in a byte below 128.
    return size if size <= capacity else count_varints(data, start, end)


@helper
def _append(data: Any, start: Int, end: Int, column: Int, row: Int, store: Any) -> tuple[Int, Int, Int]:
    """Appends a row's list to a column: a state, and for MORE_VALUES how many values and bytes."""
    kind = column % KINDS
    values, num_bytes = (
        _bound(data, start, end, kind, store.columns[column, CAPACITY] - store.columns[column, USED]),
        0,
    )
    if kind == BYTES_KIND:
        num_bytes = end - start
    if (
        values > store.columns[column, CAPACITY] - store.columns[column, USED]
        or num_bytes > store.columns[column, BYTE_CAPACITY] - store.columns[column, BYTE_USED]
    ):
        return MORE_VALUES, values, num_bytes
    undo, count = store.touched, store.counters
    undo[count[TOUCHED], 0], undo[count[TOUCHED], 1], undo[count[TOUCHED], 2] = (
        column,
        store.columns[column, USED],
        store.columns[column, BYTE_USED],
    )
    count[TOUCHED] += 1
    store.columns[column, ROWS] += 1
    if kind == FLOAT_KIND:
        good = _append_floats(data, start, end, column, store)
    elif kind == BYTES_KIND:
        good = _append_bytes(data, start, end, column, store)
    else:
        good = _append_ints(data, start, end, column, store)
    store.ends[store.columns[column, LINE], row + 1] = store.columns[column, USED] - (kind == BYTES_KIND)
    return DONE if good else UNUSUAL, 0, 0


@helper
def _undo(row: Int, store: Any) -> None:
    """Takes back what the record at hand has left in row `row`."""
    for i in range(store.counters[TOUCHED]):
        column = store.touched[i, 0]
        store.columns[column, USED], store.columns[column, BYTE_USED] = (
            store.touched[i, 1],
            store.touched[i, 2],
        )
        store.columns[column, ROWS] -= 1
        store.ends[store.columns[column, LINE], row + 1] = -1


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
    stop, position = enter(data, position, end, _SECOND)
    if stop != end:
        return UNUSUAL, 0, 0, 0
    if position == end:
        return DONE, 0, 0, 0
    tag = data[position]
    if tag not in (_FIRST, _SECOND, _THIRD):
        return UNUSUAL, 0, 0, 0
    stop, position = enter(data, position, end, tag)
    if stop != end:
        return UNUSUAL, 0, 0, 0
    column = KINDS * feature + (tag >> 3) - 1
    if store.columns[column, LINE] < 0 and not open_column(store, column):
        return MORE_COLUMNS, 0, 0, 0
    state, values, num_bytes = _append(data, position, end, column, row, store)
    return state, column, values, num_bytes


@helper
def _example(data: Any, start: Int, end: Int, row: Int, names: Any, store: Any) -> tuple[Int, Int, Int, Int]:
    """One record to row `row`: state, and what is needed where that is not DONE."""
    store.counters[TRIED] += 1
    store.counters[TOUCHED] = 0
    position, entries, before = start, 0, -1
    while position < end:
        stop, position = enter(data, position, end, _FIRST)
        if stop < 0:
            return UNUSUAL, 0, 0, 0
        while position < stop:
            entry_end, position = enter(data, position, stop, _FIRST)
            key_end, position = enter(data, position, entry_end, _FIRST)
            if key_end < 0:
                return UNUSUAL, 0, 0, 0
            feature = _name(data, position, key_end - position, names, before)
            if feature < 0:
                return MORE_NAMES if feature == NO_ROOM else UNUSUAL, 0, 0, key_end - position
            if feature >= store.seen.size:
                return MORE_NAMES, 0, 0, 0
            state, column, values, num_bytes = _feature(data, key_end, entry_end, feature, row, store)
            if state != DONE:
                return state, column, values, num_bytes
            before = feature
            entries += 1
            position = entry_end
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
            _undo(first_row + i, store)
            return i, state, column, values, num_bytes
    return starts.size, DONE, 0, 0, 0
