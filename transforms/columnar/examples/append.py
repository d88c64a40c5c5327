"""A row's list of values, serialized, to a column of a store, for compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.columnar.examples.store import (
    BASE,
    BYTE_BASE,
    BYTE_CAPACITY,
    BYTE_USED,
    BYTES_KIND,
    CAPACITY,
    DENSE,
    FLOAT_KIND,
    KINDS,
    LINE,
    TOUCHED,
    USED,
    make_sparse,
)
from trueserve.transforms.columnar.memory import copy_bytes, load32
from trueserve.transforms.columnar.wire import count_varints, enter, read_varint
from trueserve.transforms.compiling.compiled import Int, helper, outlined

# Tags of one byte: field number and wire type. In a tf.train.Example and below it, every field is 1, 2 or 3.
FIRST, SECOND, THIRD = 0x0A, 0x12, 0x1A
_FIXED32, _VARINT = 0x0D, 0x08

DONE, UNUSUAL, MORE_NAMES, MORE_VALUES, MORE_COLUMNS = range(5)


@helper
def _append_floats(data: Any, position: Int, end: Int, column: Int, store: Any) -> bool:
    """Appends the values of a FloatList; there is room. Whether they were well-formed."""
    at = store.columns[column, BASE] + store.columns[column, USED]
    while position < end:
        if data[position] == _FIXED32 and end - position >= 5:
            stop, position = position + 5, position + 1
        else:
            stop, position = enter(data, position, end, FIRST)
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
        stop, position = enter(data, position, end, FIRST)
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
        stop, position = enter(data, position, end, FIRST)
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
def append_list(data: Any, start: Int, end: Int, column: Int, row: Int, store: Any) -> tuple[Int, Int, Int]:
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
    used, byte_used = store.columns[column, USED], store.columns[column, BYTE_USED]
    if kind == FLOAT_KIND:
        good = _append_floats(data, start, end, column, store)
    elif kind == BYTES_KIND:
        good = _append_bytes(data, start, end, column, store)
    else:
        good = _append_ints(data, start, end, column, store)
    if not good:
        return UNUSUAL, 0, 0
    end_row(column, row, used, byte_used, store)
    return DONE, 0, 0


@helper
def end_row(column: Int, row: Int, used: Int, byte_used: Int, store: Any) -> None:
    """Ends a row's list, before which the column had `used` values of `byte_used` bytes."""
    touched, count = store.touched, store.counters[TOUCHED]
    touched[count, 0], touched[count, 1], touched[count, 2] = column, used, byte_used
    store.counters[TOUCHED] = count + 1
    end = store.columns[column, USED]
    if store.columns[column, DENSE] == row and end - used == 1:
        store.columns[column, DENSE] = row + 1
        return
    if store.columns[column, DENSE] >= 0:
        make_sparse(store, column)
    store.columns[column, DENSE] -= 1
    store.ends[store.columns[column, LINE], row + 1] = end - (column % KINDS == BYTES_KIND)


@outlined
def undo_row(row: Int, store: Any) -> None:
    """Takes back what the record at hand has left in row `row`."""
    for i in range(store.counters[TOUCHED]):
        column = store.touched[i, 0]
        store.columns[column, USED], store.columns[column, BYTE_USED] = (
            store.touched[i, 1],
            store.touched[i, 2],
        )
        if store.columns[column, DENSE] >= 0:
            store.columns[column, DENSE] -= 1
        else:
            store.columns[column, DENSE] += 1
            store.ends[store.columns[column, LINE], row + 1] = -1
