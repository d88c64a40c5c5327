"""Where the values of features gather while records are parsed: one room for all columns of a kind.

A column is a feature with one kind of values. Its values stand in one stretch of the room of its kind, so
that an Arrow array can be made of it without a copy. Where a stretch is full all are laid out anew.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import Int, compiled, helper, outlined

Array = np.ndarray[Any, Any]

#: Kinds of values, numbered as the fields of tf.train.Feature, less one.
BYTES_KIND, FLOAT_KIND, INT_KIND = range(3)
KINDS = 3

# What is known of a column: where its values stand (BASE), for how many there is room (CAPACITY), how many
# there are (USED), the same of their bytes for a column of bytes; its line in `ends`, or -1; and DENSE.
# DENSE is how many rows there were as long as each had one value, as in nearly all columns: nothing stands in
# `ends` then. Else it is -1 - (rows that have the column), and all is in `ends`.
BASE, CAPACITY, USED, BYTE_BASE, BYTE_CAPACITY, BYTE_USED, LINE, DENSE = range(8)
FIELDS = 8

# What a new column gets to begin with.
LEAST_VALUES, LEAST_BYTES = 16, 256
# Room is left for new columns behind the stretches of the old: this share of them, and so many at least.
_SPARE_SHARE, _SPARE = 0.125, 4096


class Store(NamedTuple):
    """The rooms, and what stands where.

    Attributes:
      columns: FIELDS numbers a column; that of feature f and kind k is `columns[KINDS * f + k]`.
      seen: by feature, the record that it was last seen in.
      float_bits: values of floats, as they are in memory.
      longs: values of ints, and of bytes the offsets, which begin with a zero.
      bytes: values of bytes.
      ends: a line for every column that is in use: after row r, how many values it has; -1 if row r has
        none. Undefined as long as the column is dense.
      lines: the column of each line.
      touched: what the columns of the record at hand were before: column, USED, BYTE_USED.
      counters: records tried, lines in use, entries of `touched`, and how much of each room is given away.
    """

    columns: Array
    seen: Array
    float_bits: Array
    longs: Array
    bytes: Array
    ends: Array
    lines: Array
    touched: Array
    counters: Array


TRIED, IN_USE, TOUCHED, FLOATS_GIVEN, LONGS_GIVEN, BYTES_GIVEN = range(6)

_TABLE = types.int64[:, ::1]
_LONGS = types.int64[::1]
STORE = types.NamedTuple(
    [_TABLE, _LONGS, types.uint32[::1], _LONGS, types.uint8[::1], _TABLE, _LONGS, _TABLE, _LONGS], Store
)


def new_store(num_names: int) -> Store:
    """A store without columns, for features that are numbered below `num_names`."""
    columns = np.zeros((KINDS * num_names, FIELDS), np.int64)
    columns[:, LINE] = -1
    return Store(
        columns=columns,
        seen=np.full(num_names, -1, np.int64),
        float_bits=np.empty(0, np.uint32),
        longs=np.empty(0, np.int64),
        bytes=np.empty(0, np.uint8),
        ends=np.zeros((0, 0), np.int64),
        lines=np.zeros(0, np.int64),
        touched=np.zeros((num_names, 3), np.int64),
        counters=np.zeros(6, np.int64),
    )


def with_names(store: Store, num_names: int) -> Store:
    """The store with place for more features."""
    larger = new_store(num_names)
    larger.columns[: len(store.columns)] = store.columns
    larger.seen[: len(store.seen)] = store.seen
    larger.touched[: len(store.touched)] = store.touched
    return store._replace(columns=larger.columns, seen=larger.seen, touched=larger.touched)


def with_lines(store: Store, num_lines: int, width: int) -> Store:
    """The store with `num_lines` lines of `width` ends."""
    ends = np.empty((num_lines, width), np.int64)
    lines = np.zeros(num_lines, np.int64)
    used = int(store.counters[IN_USE])
    lines[:used] = store.lines[:used]
    for line in np.flatnonzero(store.columns[lines[:used], DENSE] < 0):
        ends[line] = store.ends[line]
    return store._replace(ends=ends, lines=lines)


def begin(store: Store, width: int, ratio: float) -> Store:
    """Fresh rooms and lines for a new batch, with as much room as the batch before has shown a need for.

    The new batch will have `ratio` times as many rows as the old.
    """
    columns = store.columns
    for used, capacity, least in ((USED, CAPACITY, LEAST_VALUES), (BYTE_USED, BYTE_CAPACITY, LEAST_BYTES)):
        need = columns[:, used] * ratio
        columns[:, capacity] = np.where(is_in_use(store), need + 4 * np.sqrt(need) + least, 0)
    columns[np.arange(len(columns)) % KINDS != BYTES_KIND, BYTE_CAPACITY] = 0
    kept = np.flatnonzero(is_in_use(store))
    columns[:, USED] = columns[:, BYTE_USED] = columns[:, DENSE] = 0
    columns[:, LINE] = -1
    columns[kept, LINE] = np.arange(len(kept))
    store.counters[IN_USE] = 0
    store = with_lines(store, len(kept) + LEAST_VALUES, width)
    store.lines[: len(kept)] = kept
    store.counters[IN_USE] = len(kept)
    store = _laid_out(store, copy=False)
    of_bytes = kept[kept % KINDS == BYTES_KIND]
    store.longs[columns[of_bytes, BASE]] = 0
    columns[of_bytes, USED] = 1
    return store


def is_in_use(store: Store) -> Array:
    """For each column whether a row has it."""
    dense = store.columns[:, DENSE]
    in_use: Array = (dense > 0) | (dense < -1)
    return in_use


def with_room(store: Store, column: int, values: int, num_bytes: int) -> Store:
    """The store with room in `column` for so many more, and twice the room wherever half of it is used."""
    columns = store.columns
    for used, capacity in ((USED, CAPACITY), (BYTE_USED, BYTE_CAPACITY)):
        columns[columns[:, used] * 2 > columns[:, capacity], capacity] *= 2
    line = columns[column]
    line[CAPACITY] = max(line[CAPACITY], line[USED] + values)
    line[BYTE_CAPACITY] = max(line[BYTE_CAPACITY], line[BYTE_USED] + num_bytes)
    return _laid_out(store, copy=True)


def with_spare_room(store: Store) -> Store:
    """The store with room for new columns."""
    return _laid_out(store, copy=True)


def _laid_out(store: Store, *, copy: bool) -> Store:
    old, count = store.columns.copy(), store.counters
    is_float = np.arange(len(old)) % KINDS == FLOAT_KIND
    columns = store.columns
    float_bits, count[FLOATS_GIVEN] = _stretches(
        columns, BASE, np.where(is_float, old[:, CAPACITY], 0), np.uint32
    )
    longs, count[LONGS_GIVEN] = _stretches(columns, BASE, np.where(is_float, 0, old[:, CAPACITY]), np.int64)
    data, count[BYTES_GIVEN] = _stretches(columns, BYTE_BASE, old[:, BYTE_CAPACITY], np.uint8)
    if copy:
        move(old, columns, store.float_bits, float_bits, store.longs, longs, store.bytes, data)
    return store._replace(float_bits=float_bits, longs=longs, bytes=data)


def _stretches(columns: Array, base: int, rooms: Array, dtype: Any) -> tuple[Array, int]:
    """A room with a stretch of as many as `rooms` says for each column, whose BASE is set; what is given."""
    stop = np.cumsum(rooms)
    is_used = rooms > 0
    columns[is_used, base] = (stop - rooms)[is_used]
    used = int(stop[-1]) if len(stop) else 0
    return np.empty(used + int(used * _SPARE_SHARE) + _SPARE, dtype), used


@helper
def open_column(store: Any, column: Int) -> bool:
    """Gives a new column a line and its first room; False where there is none to give."""
    count, is_float, of_bytes = store.counters, column % KINDS == FLOAT_KIND, column % KINDS == BYTES_KIND
    counter = FLOATS_GIVEN if is_float else LONGS_GIVEN
    size = store.float_bits.size if is_float else store.longs.size
    if count[IN_USE] == store.lines.size or size - count[counter] < LEAST_VALUES:
        return False
    if of_bytes and store.bytes.size - count[BYTES_GIVEN] < LEAST_BYTES:
        return False
    line = store.columns[column]
    line[BASE], line[CAPACITY] = count[counter], LEAST_VALUES
    count[counter] += LEAST_VALUES
    if of_bytes:
        line[BYTE_BASE], line[BYTE_CAPACITY] = count[BYTES_GIVEN], LEAST_BYTES
        count[BYTES_GIVEN] += LEAST_BYTES
        store.longs[line[BASE]] = 0
        line[USED] = 1
    line[LINE] = count[IN_USE]
    store.lines[line[LINE]] = column
    count[IN_USE] += 1
    return True


_FLOAT_BITS, _DATA = types.uint32[::1], types.uint8[::1]


@compiled(types.void(_TABLE, _TABLE, _FLOAT_BITS, _FLOAT_BITS, _LONGS, _LONGS, _DATA, _DATA))
def move(
    old: Array,
    new: Array,
    float_bits: Array,
    to_float_bits: Array,
    longs: Array,
    to_longs: Array,
    data: Array,
    to_data: Array,
) -> None:
    """Copies every column's values from their old stretches to the new ones."""
    for c in range(old.shape[0]):
        a, b = old[c, BASE], new[c, BASE]
        if c % KINDS == FLOAT_KIND:
            for i in range(old[c, USED]):
                to_float_bits[b + i] = float_bits[a + i]
        else:
            for i in range(old[c, USED]):
                to_longs[b + i] = longs[a + i]
        a, b = old[c, BYTE_BASE], new[c, BYTE_BASE]
        for i in range(old[c, BYTE_USED]):
            to_data[b + i] = data[a + i]


@outlined
def make_sparse(store: Any, column: Int) -> None:
    """Writes the ends of a column that was dense so far."""
    line, dense = store.columns[column, LINE], store.columns[column, DENSE]
    for row in range(dense + 1):
        store.ends[line, row] = row
    for row in range(dense + 1, store.ends.shape[1]):
        store.ends[line, row] = -1
    store.columns[column, DENSE] = -1 - dense


@helper
def _finish_line(ends: Any, line: Int, num_rows: Int, valid: Any) -> Int:
    before, missing = ends[line, 0], 0
    for row in range(num_rows):
        end = ends[line, row + 1]
        if end < 0:
            ends[line, row + 1] = before
            missing += 1
        else:
            before = end
            valid[line, row >> 3] |= np.uint8(1 << (row & 7))
    return missing


@compiled(types.void(STORE, types.int64, types.uint8[:, ::1], _LONGS))
def finish_lines(store: Any, num_rows: Int, valid: Array, nulls: Array) -> None:
    """Turns ends into Arrow's offsets; sets the bits of the rows that are there and counts the others.

    `nulls` is 0 for a column that is dense; it has no ends, and no bits.
    """
    for line in range(valid.shape[0]):
        column, missing = store.lines[line], 0
        if store.columns[column, DENSE] != num_rows:
            if store.columns[column, DENSE] >= 0:
                make_sparse(store, column)
            missing = _finish_line(store.ends, line, num_rows, valid)
        nulls[line] = missing
