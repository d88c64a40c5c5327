"""How often each value occurs, in one table for the values of a feature; the compiled part.

A value is a string of bytes. It is found by its hash and compared as a whole, but for one that is longer than
the table keeps, which is known by its hash and length alone: TFDV shows all long ones as one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from trueserve.transforms.columnar.hashing import finish_hash, hash_bytes
from trueserve.transforms.columnar.memory import copy_bytes, same_bytes
from trueserve.transforms.columnar.utf8 import is_utf8
from trueserve.transforms.compiling.compiled import BYTES, LONGS, Int, compiled, helper

Array = np.ndarray[Any, Any]

#: Values of more bytes than this are not kept, but where a schema says that they are categories.
LONG = 1024
#: What a value is; the last two are longer than what is kept.
TEXT, NOT_UTF8, LONG_TEXT, LONG_NOT_UTF8 = range(4)

DONE, MORE_ENTRIES, MORE_BYTES = range(3)


class HashTable(NamedTuple):
    """The table.

    Attributes:
      slots: entries by hash, -1 where free; a power of two, at least twice as many as there is room for.
      hashes, counts, starts, lengths, kinds: by entry; its value is `arena[start:start + length]`, if kept.
      used: entries in use; bytes of the arena in use; values that were not UTF-8; fingerprints in use.
      fingerprints: hashes of new values, to estimate by how many there were; empty where every value ever
        seen has its entry.
      limits: the hash that fingerprints are below; the most bytes of a value that are kept.
    """

    slots: Array
    hashes: Array
    counts: Array
    starts: Array
    lengths: Array
    kinds: Array
    arena: Array
    fingerprints: Array
    limits: Array
    used: Array


ENTRIES, ARENA, INVALID, PRINTS = range(4)
PRINT_LIMIT, LENGTH_LIMIT = range(2)

_HASHES, _LONGS, _BYTES = types.uint64[::1], types.int64[::1], types.uint8[::1]
TABLE = types.NamedTuple(
    [types.int32[::1], _HASHES, _LONGS, _LONGS, _LONGS, _BYTES, _BYTES, _HASHES, _HASHES, _LONGS], HashTable
)


@helper
def _is_value(table: Any, entry: Int, data: Any, start: Int, length: Int) -> Any:
    if table.lengths[entry] != length:
        return False
    return table.kinds[entry] >= LONG_TEXT or same_bytes(
        table.arena, table.starts[entry], data, start, length
    )


@helper
def _find(table: Any, code: Any, data: Any, start: Int, length: Int) -> tuple[Int, Int]:
    """A value's entry, or -1 and the slot for it."""
    mask = np.uint64(table.slots.size - 1)
    slot = np.int64(code & mask)
    while table.slots[slot] >= 0:
        entry = np.int64(table.slots[slot])
        if table.hashes[entry] == code and _is_value(table, entry, data, start, length):
            return entry, slot
        slot = np.int64(np.uint64(slot + 1) & mask)
    return -1, slot


@helper
def _insert(table: Any, slot: Int, code: Any, data: Any, start: Int, length: Int, kind: Int) -> Int:
    """Adds a value's entry with a count of zero. DONE, or what there must be more of."""
    used, entry, at = table.used, table.used[ENTRIES], table.used[ARENA]
    kept, prints = 0 if kind >= LONG_TEXT else length, table.fingerprints.size
    if entry == table.hashes.size or (prints > 0 and used[PRINTS] == prints):
        return MORE_ENTRIES
    if table.arena.size - at < kept:
        return MORE_BYTES
    copy_bytes(table.arena, at, data, start, kept)
    table.hashes[entry], table.counts[entry] = code, 0
    table.starts[entry], table.lengths[entry], table.kinds[entry] = at, length, kind
    table.slots[slot] = entry
    used[ENTRIES], used[ARENA] = entry + 1, at + kept
    if prints > 0 and code < table.limits[PRINT_LIMIT]:
        table.fingerprints[used[PRINTS]] = code
        used[PRINTS] += 1
    return DONE


@helper
def _kind(data: Any, start: Int, length: Int, table: Any) -> Int:
    valid = is_utf8(data, start, start + length)
    if np.uint64(length) > table.limits[LENGTH_LIMIT]:
        return LONG_TEXT if valid else LONG_NOT_UTF8
    return TEXT if valid else NOT_UTF8


_STOP = types.UniTuple(types.int64, 2)


@compiled(_STOP(LONGS, BYTES, types.int64, TABLE))
def count_bytes(offsets: Array, data: Array, first: Int, table: Any) -> tuple[Int, Int]:
    """Counts the values from number `first` on; how many are done in all, and what there must be more of."""
    for i in range(first, offsets.size - 1):
        start, length = offsets[i], offsets[i + 1] - offsets[i]
        code = hash_bytes(data, start, length)
        entry, slot = _find(table, code, data, start, length)
        if entry < 0:
            entry = table.used[ENTRIES]
            state = _insert(table, slot, code, data, start, length, _kind(data, start, length, table))
            if state != DONE:
                return i, state
        table.counts[entry] += 1
        if table.kinds[entry] & 1:
            table.used[INVALID] += 1
    return offsets.size - 1, DONE


@compiled(_STOP(LONGS, BYTES, types.int64, TABLE))
def count_longs(values: Array, data: Array, first: Int, table: Any) -> tuple[Int, Int]:
    """As `count_bytes`, of int64 values, each a string of its eight bytes; `data` are their bytes."""
    for i in range(first, values.size):
        code = finish_hash(np.uint64(values[i]))
        entry, slot = _find(table, code, data, 8 * i, 8)
        if entry < 0:
            entry = table.used[ENTRIES]
            state = _insert(table, slot, code, data, 8 * i, 8, TEXT)
            if state != DONE:
                return i, state
        table.counts[entry] += 1
    return values.size, DONE


@compiled(_STOP(TABLE, types.int64, TABLE))
def count_entries(other: Any, first: Int, table: Any) -> tuple[Int, Int]:
    """Adds the counts of another table, from its entry `first` on; as `count_bytes`."""
    for i in range(first, other.used[ENTRIES]):
        start, length, code = other.starts[i], other.lengths[i], other.hashes[i]
        entry, slot = _find(table, code, other.arena, start, length)
        if entry < 0:
            entry = table.used[ENTRIES]
            state = _insert(table, slot, code, other.arena, start, length, other.kinds[i])
            if state != DONE:
                return i, state
        table.counts[entry] += other.counts[i]
    return other.used[ENTRIES], DONE


@compiled(
    types.void(
        _BYTES, LONGS, LONGS, _BYTES, types.int32[::1], types.Array(types.uint64, 1, "C", readonly=True)
    )
)
def move_values(
    arena: Array, starts: Array, lengths: Array, target: Array, slots: Array, hashes: Array
) -> None:
    """Copies the values of a table's entries to an empty table, one behind the other, and fills its slots."""
    at, mask = 0, np.uint64(slots.size - 1)
    for entry in range(starts.size):
        copy_bytes(target, at, arena, starts[entry], lengths[entry])
        at += lengths[entry]
        slot = np.int64(hashes[entry] & mask)
        while slots[slot] >= 0:
            slot = np.int64(np.uint64(slot + 1) & mask)
        slots[slot] = entry


@compiled(types.int64(LONGS, BYTES))
def count_invalid(offsets: Array, data: Array) -> Int:
    """How many values are not UTF-8."""
    count = 0
    for i in range(offsets.size - 1):
        count += not is_utf8(data, offsets[i], offsets[i + 1])
    return count


@compiled(types.int64(LONGS))
def decimal_digits(values: Array) -> Int:
    """How many characters the values have in all when written in decimals."""
    total = 0
    for value in values:
        rest = np.uint64(value)
        if value < 0:
            rest = np.uint64(0) - rest
            total += 1
        total += 1
        while rest >= np.uint64(10):
            rest //= np.uint64(10)
            total += 1
    return total
