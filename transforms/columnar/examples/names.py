"""A table from the names of features to small numbers, for compiled code: open addressing by hash."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from trueserve.transforms.columnar.hashing import hash_bytes
from trueserve.transforms.columnar.memory import copy_bytes, load64, same_bytes, tail_word
from trueserve.transforms.compiling.compiled import Int, helper

Array = np.ndarray[Any, Any]

NO_ROOM = -1


class Names(NamedTuple):
    """The table.

    Attributes:
      slots: numbers by hash, -1 where free; a power of two, at least twice as many as there is room for.
      hashes, starts, lengths: by number; the bytes of a name are `arena[start:start + length]`.
      prefixes: by number, the first eight bytes of a name, those that it lacks zero.
      follows: by number + 1, the number of the name that came after it last; at 0, that came first.
      used: how many names there are, and how many bytes of the arena they take.
    """

    slots: Array
    hashes: Array
    starts: Array
    lengths: Array
    prefixes: Array
    follows: Array
    arena: Array
    used: Array


_LONGS = types.int64[::1]
NAMES = types.NamedTuple(
    [
        types.int32[::1],
        types.uint64[::1],
        _LONGS,
        _LONGS,
        types.uint64[::1],
        _LONGS,
        types.uint8[::1],
        _LONGS,
    ],
    Names,
)


def new_names(capacity: int, arena_bytes: int) -> Names:
    """A table with room for `capacity` names, a power of two, of `arena_bytes` in all."""
    return Names(
        slots=np.full(2 * capacity, -1, np.int32),
        hashes=np.zeros(capacity, np.uint64),
        starts=np.zeros(capacity, np.int64),
        lengths=np.zeros(capacity, np.int64),
        prefixes=np.zeros(capacity, np.uint64),
        follows=np.zeros(capacity + 1, np.int64),
        arena=np.zeros(arena_bytes, np.uint8),
        used=np.zeros(2, np.int64),
    )


def grown(names: Names, more_bytes: int) -> Names:
    """A larger table with the same names and numbers, with room for one of `more_bytes` at least."""
    count, size = int(names.used[0]), int(names.used[1])
    capacity = 2 * len(names.hashes) if count == len(names.hashes) else len(names.hashes)
    result = new_names(capacity, max(2 * size, size + more_bytes))
    for field in ("hashes", "starts", "lengths", "prefixes"):
        getattr(result, field)[:count] = getattr(names, field)[:count]
    result.follows[: count + 1] = names.follows[: count + 1]
    result.arena[:size] = names.arena[:size]
    result.used[:] = names.used
    for number, code in enumerate(names.hashes[:count]):
        slot = int(code) & (2 * capacity - 1)
        while result.slots[slot] >= 0:
            slot = (slot + 1) & (2 * capacity - 1)
        result.slots[slot] = number
    return result


def name_of(names: Names, number: int) -> bytes:
    """The bytes of a name."""
    start = names.starts[number]
    return names.arena[start : start + names.lengths[number]].tobytes()


@helper
def _first_word(data: Any, start: Int, length: Int) -> Any:
    return load64(data, start) if length >= 8 else tail_word(data, start, length)


@helper
def is_name_at(names: Any, number: Int, data: Any, start: Int, length: Int) -> Any:
    """As `is_name`, where the name's length is known to be `length`, and 8 bytes at least are at `start`."""
    other = load64(data, start) ^ names.prefixes[number]
    if length < 8:
        return other << np.uint64(64 - 8 * length) == 0 if length > 0 else True
    return other == 0 and (
        length == 8 or same_bytes(names.arena, names.starts[number] + 8, data, start + 8, length - 8)
    )


@helper
def is_name(names: Any, number: Int, data: Any, start: Int, length: Int) -> Any:
    """Whether `data[start:start + length]` is the name with that number."""
    return names.lengths[number] == length and same_bytes(
        names.arena, names.starts[number], data, start, length
    )


@helper
def number_of(names: Any, data: Any, start: Int, length: Int) -> tuple[Int, Int]:
    """The number of a name, or NO_ROOM and its slot where the table does not have it."""
    code, mask = hash_bytes(data, start, length), np.uint64(names.slots.size - 1)
    slot = np.int64(code & mask)
    while names.slots[slot] >= 0:
        number = np.int64(names.slots[slot])
        if names.hashes[number] == code and is_name(names, number, data, start, length):
            return number, slot
        slot = np.int64(np.uint64(slot + 1) & mask)
    return NO_ROOM, slot


@helper
def add_name(names: Any, slot: Int, data: Any, start: Int, length: Int) -> Int:
    """Adds a name at a slot that `number_of` has found free; its number, or NO_ROOM."""
    number, at = names.used[0], names.used[1]
    if number == names.hashes.size or names.arena.size - at < length:
        return NO_ROOM
    copy_bytes(names.arena, at, data, start, length)
    names.hashes[number] = hash_bytes(data, start, length)
    names.starts[number], names.lengths[number] = at, length
    names.prefixes[number] = _first_word(data, start, length)
    names.slots[slot] = number
    names.used[0], names.used[1] = number + 1, at + length
    return np.int64(number)
