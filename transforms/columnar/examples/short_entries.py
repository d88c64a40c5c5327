"""A feature's entry in a serialized tf.Example, as nearly all are: short, and in one piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.columnar.examples.append import FIRST, SECOND, end_row
from trueserve.transforms.columnar.examples.names import is_name_at
from trueserve.transforms.columnar.examples.store import (
    BASE,
    BYTE_BASE,
    BYTE_CAPACITY,
    BYTE_USED,
    BYTES_KIND,
    CAPACITY,
    FLOAT_KIND,
    LINE,
    USED,
)
from trueserve.transforms.columnar.memory import copy_bytes, load32, load64, store64
from trueserve.transforms.columnar.wire import read_varint
from trueserve.transforms.compiling.compiled import Int, helper

# An entry whose lengths are of one byte: tags and lengths of the entry, its key, its value, their list and
# the list's one piece. The last three lengths are those of the values and 4, 2 and 0 more.
_SHORT_HEADER, _SHORT = 10, 0x7F
_SHORT_LIST = SECOND | 4 << 8 | 2 << 24 | FIRST << 32
_SHORT_SIZES = 1 << 8 | 1 << 24 | 1 << 40
_SIX_BYTES = np.uint64((1 << 48) - 1)


@helper
def short_entry(data: Any, position: Int, end: Int, feature: Int, names: Any) -> tuple[Int, Int, Int]:
    """A feature's map entry at `position` in the form that nearly all have.

    All lengths are of one byte, and the list is one piece. Returns where its values stand, of how many bytes
    they are, and their tag; tag 0 where it is not of that form.
    """
    name_bytes = names.lengths[feature]
    if data.size - position < name_bytes + _SHORT_HEADER + 8 or end - position < name_bytes + _SHORT_HEADER:
        return 0, 0, 0
    entry_bytes = np.int64(data[position + 1])
    size = entry_bytes - name_bytes - (_SHORT_HEADER - 2)
    # The first byte of a longer length would seem to be a length.
    if size < 0 or entry_bytes > _SHORT or end - position < name_bytes + _SHORT_HEADER + size:
        return 0, 0, 0
    if load32(data, position) & np.uint32(0xFFFF00FF) != np.uint32(FIRST | FIRST << 16 | name_bytes << 24):
        return 0, 0, 0
    if not is_name_at(names, feature, data, position + 4, name_bytes):
        return 0, 0, 0
    # Behind the name six bytes: two tags and lengths, and the values' own.
    word, tag = load64(data, position + 4 + name_bytes), np.int64(data[position + 6 + name_bytes])
    if word & _SIX_BYTES != np.uint64(_SHORT_LIST + (tag << 16) + size * _SHORT_SIZES):
        return 0, 0, 0
    return position + name_bytes + _SHORT_HEADER, size, tag


@helper
def append_short(data: Any, start: Int, size: Int, column: Int, kind: Int, row: Int, store: Any) -> bool:
    """Appends a row's value of `size` bytes; False where that is left to others, with nothing changed.

    It is left where the list may have another number of values: a loop here, even if it never runs, makes all
    of the code around it slower.
    """
    used, byte_used = store.columns[column, USED], store.columns[column, BYTE_USED]
    if store.columns[column, LINE] < 0 or used == store.columns[column, CAPACITY]:
        return False
    at = store.columns[column, BASE] + used
    if kind == FLOAT_KIND:
        if size != 4:
            return False
        store.float_bits[at] = load32(data, start)
    elif kind == BYTES_KIND:
        if size > store.columns[column, BYTE_CAPACITY] - byte_used:
            return False
        _copy_short(store, store.columns[column, BYTE_BASE] + byte_used, column, data, start, size)
        store.longs[at] = byte_used + size
        store.columns[column, BYTE_USED] = byte_used + size
    else:
        value, end = read_varint(data, start, start + size)
        if end != start + size:
            return False
        store.longs[at] = np.int64(value)
    store.columns[column, USED] = used + 1
    end_row(column, row, used, byte_used, store)
    return True


@helper
def _copy_short(store: Any, at: Int, column: Int, data: Any, start: Int, size: Int) -> None:
    """Copies a value by whole words where there is room for them: what is behind it is not in use yet."""
    space = store.columns[column, BYTE_BASE] + store.columns[column, BYTE_CAPACITY] - at
    if size <= 8 and space >= 8 and data.size - start >= 8:
        store64(store.bytes, at, load64(data, start))
    elif size <= 16 and space >= 16 and data.size - start >= 16:
        store64(store.bytes, at, load64(data, start))
        store64(store.bytes, at + 8, load64(data, start + 8))
    else:
        copy_bytes(store.bytes, at, data, start, size)
