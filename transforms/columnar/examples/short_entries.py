"""A feature's entry in a serialized tf.Example, as nearly all are: short, and in one piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from transforms.columnar.examples.append import FIRST, SECOND, append_varints, end_row
from transforms.columnar.examples.names import is_name
from transforms.columnar.examples.store import (
    BASE,
    BYTE_BASE,
    BYTE_CAPACITY,
    BYTE_USED,
    BYTES_KIND,
    CAPACITY,
    FLOAT_KIND,
    KINDS,
    LINE,
    USED,
)
from transforms.columnar.memory import copy_bytes, load32, load64
from transforms.compiling.compiled import Int, helper

# An entry whose lengths are of one byte: tags and lengths of the entry, its key, its value, their list and
# the list's one piece. The last three lengths are those of the values and 4, 2 and 0 more.
_SHORT_HEADER, _SHORT = 10, 0x7F - 4
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
    size = np.int64(data[position + 1]) - name_bytes - (_SHORT_HEADER - 2)
    if size < 0 or size > _SHORT or end - position < name_bytes + _SHORT_HEADER + size:
        return 0, 0, 0
    if load32(data, position) & np.uint32(0xFFFF00FF) != np.uint32(FIRST | FIRST << 16 | name_bytes << 24):
        return 0, 0, 0
    if not is_name(names, feature, data, position + 4, name_bytes):
        return 0, 0, 0
    # Behind the name six bytes: two tags and lengths, and the values' own.
    word, tag = load64(data, position + 4 + name_bytes), np.int64(data[position + 6 + name_bytes])
    if word & _SIX_BYTES != np.uint64(_SHORT_LIST + (tag << 16) + size * _SHORT_SIZES):
        return 0, 0, 0
    return position + name_bytes + _SHORT_HEADER, size, tag


@helper
def append_short(data: Any, start: Int, size: Int, column: Int, row: Int, store: Any) -> bool:
    """Appends a row's list of `size` bytes; False where that is left to `_feature`, with nothing changed."""
    used, byte_used = store.columns[column, USED], store.columns[column, BYTE_USED]
    if store.columns[column, LINE] < 0 or max(size, 1) > store.columns[column, CAPACITY] - used:
        return False
    at, kind = store.columns[column, BASE] + used, column % KINDS
    if kind == FLOAT_KIND:
        if size & 3:
            return False
        for i in range(size >> 2):
            store.float_bits[at + i] = load32(data, start + 4 * i)
        store.columns[column, USED] = used + (size >> 2)
    elif kind == BYTES_KIND:
        if size > store.columns[column, BYTE_CAPACITY] - byte_used:
            return False
        copy_bytes(store.bytes, store.columns[column, BYTE_BASE] + byte_used, data, start, size)
        store.longs[at] = byte_used + size
        store.columns[column, USED], store.columns[column, BYTE_USED] = used + 1, byte_used + size
    elif not append_varints(data, start, start + size, column, store):
        return False
    end_row(column, row, used, byte_used, store)
    return True
