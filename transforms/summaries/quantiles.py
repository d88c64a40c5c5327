"""A sketch of a distribution: numbers kept as they are up to a size, then one for ever more of them.

What comes is gathered until there are BLOCK numbers, which are sorted; one in STRIDE of them is kept, a run
of RUN numbers. Two runs of the same weight are merged, and every other number of the two is a run of twice
the weight (Manku, Rajagopalan and Lindsay, "Approximate Medians and other Quantiles in One Pass and with
Limited Memory", 1998, with two buffers a level).

Error. Keeping the middle one of every STRIDE in a sorted block moves a rank by at most STRIDE / 2: in n
numbers, n / BLOCK * STRIDE / 2 = n / (2 RUN). Merging runs of weight w moves a rank by at most w, and there
are n / (2 RUN w) merges of that weight: n / (2 RUN) again for each of the log2(n / BLOCK) weights. So a rank
is off by at most (1 + log2(n / BLOCK)) / (2 RUN) of n: 0.2 % for a million numbers, 0.5 % for ten thousand
million. The bound holds for every input and any order of adding and merging; as the number kept is now the
lower and now the higher, errors mostly cancel. Up to BLOCK numbers the sketch is exact.

`compact` makes a sketch small before it is sent: of each so many numbers one stands for all of them, the
same one in order each time. If it keeps half of `most` numbers, which is the fewest, that moves a rank by at
most 2 / `most` of n. Which one it is differs from sketch to sketch, as in systematic sampling with a random
start (Cochran, "Sampling Techniques", 1977), so that the errors of many ranges cancel: of m of them together
the standard deviation of a rank is 2 / `most` / sqrt(12 m) of all. The keys wait until those of the same
weight are a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import FLOATS, LONGS, UINT32S, compiled, helper
from trueserve.transforms.summaries.sorting import (
    DIGITS,
    HAS_VECTOR_SORT,
    doubles_of,
    float_key,
    int_key,
    merge_halved,
    sort_keys,
)

Array = np.ndarray[Any, Any]

BLOCK, RUN = 8192, 2048
STRIDE = BLOCK // RUN
_LEVELS_APART = 3
_FIRST_ROOM = 64


_PAIR = types.UniTuple(types.int64, 2)


@helper
def _have_nan(values: Any) -> bool:
    nans = 0
    for i in range(values.size):
        nans |= values[i] != values[i]
    return nans != 0


@helper
def _write_keys(bits: Any, keys: Any) -> None:
    for i in range(bits.size):
        keys[i] = float_key(bits[i])


@compiled(_PAIR(FLOATS, UINT32S, types.int64, types.uint32[::1], types.int64))
def gather_floats(values: Array, bits: Array, start: int, keys: Array, used: int) -> tuple[int, int]:
    """Appends the keys of the floats from `start` on, but for NaN, until all are done or `keys` is full.

    Returns the position after the last that is done, and how many of `keys` are used.
    """
    count = min(values.size - start, keys.size - used)
    if not _have_nan(values[start : start + count]):
        _write_keys(bits[start : start + count], keys[used : used + count])
        return start + count, used + count
    position = start
    while position < values.size and used < keys.size:
        if values[position] == values[position]:
            keys[used] = float_key(bits[position])
            used += 1
        position += 1
    return position, used


@compiled(_PAIR(LONGS, types.int64, types.uint64[::1], types.int64))
def gather_ints(values: Array, start: int, keys: Array, used: int) -> tuple[int, int]:
    """Appends the keys of the ints from `start` on, until all are done or `keys` is full."""
    count = min(values.size - start, keys.size - used)
    for i in range(count):
        keys[used + i] = int_key(values[start + i])
    return start + count, used + count


@dataclasses.dataclass
class Scratch:
    """Room to work in, for the summaries of one thread."""

    keys32: Array = dataclasses.field(default_factory=lambda: np.empty(BLOCK, np.uint32))
    keys64: Array = dataclasses.field(default_factory=lambda: np.empty(BLOCK, np.uint64))
    offsets: Array = dataclasses.field(default_factory=lambda: np.empty(DIGITS, np.int64))

    def spare(self, keys: Array) -> Array:
        """The room for keys of that type."""
        return self.keys32 if keys.dtype == np.uint32 else self.keys64


#: Of the keys that are gathered: their address, for how many there is room, and how many there are.
ADDRESS, CAPACITY, USED = range(3)


class Quantiles:
    """The sketch of floats (`dtype` uint32) or of ints (uint64).

    Attributes:
      gathered: ADDRESS, CAPACITY and USED of the keys, for compiled code, which may add keys where there is
        room and set USED. This array is never replaced: compiled code may keep its address.
    """

    __slots__ = ("_flips", "_keys", "_runs", "_waiting", "gathered")

    def __init__(self, dtype: Any) -> None:
        self.gathered = np.zeros(3, np.int64)
        self._keys: Array
        self._set_keys(np.empty(_FIRST_ROOM, dtype))
        self._runs: list[Array | None] = []
        self._waiting: dict[int, Array] = {}  # by level, keys that are no run yet
        self._flips = 0  # one bit a weight: which half of a merge is kept next

    @property
    def num_bytes(self) -> int:
        """Memory in use."""
        return self._keys.nbytes + sum(keys.nbytes for _, keys in self._weighted_keys())

    def add_floats(self, values: Array, bits: Array, scratch: Scratch) -> None:
        """Adds float32 values, but for NaN; `bits` are the same as uint32."""
        position = 0
        while position < len(values):
            self._make_room(len(values) - position, scratch)
            position, self._used = gather_floats(values, bits, position, self._keys, self._used)

    def add_ints(self, values: Array, scratch: Scratch) -> None:
        """Adds int64 values."""
        position = 0
        while position < len(values):
            self._make_room(len(values) - position, scratch)
            position, self._used = gather_ints(values, position, self._keys, self._used)

    def merge(self, other: Quantiles, scratch: Scratch) -> None:
        """Adds what `other` has seen; it is not changed."""
        for level, run in enumerate(other._runs):
            if run is not None:
                self._keep(run, level)
        for level, waiting in other._waiting.items():
            self._wait(waiting, level)
        keys = other._keys[: other._used]
        while len(keys):
            self._make_room(len(keys), scratch)
            used = self._used
            count = min(len(keys), len(self._keys) - used)
            self._keys[used : used + count] = keys[:count]
            self._used = used + count
            keys = keys[count:]

    def weighted(self) -> tuple[Array, Array]:
        """What is kept: numbers in ascending order, and of how many each stands for."""
        if not self._runs and not self._waiting:
            return doubles_of(np.sort(self._keys[: self._used])), np.ones(self._used, np.int64)
        keys, weights = self._sorted()
        return doubles_of(keys), weights

    def compact(self, most: int) -> None:
        """Makes the sketch small, and less exact. Its numbers stand for as many as before.

        If it has more than `most` numbers, it keeps between half as many and as many, and a few.
        """
        keys, weights = self._sorted()
        if len(keys) <= most:
            return
        upto = np.cumsum(weights)
        total, done, start = int(upto[-1]), 0, int(keys.sum())
        self._runs, self._waiting = [], {}
        # The last numbers, too few for one of that weight, have smaller weights.
        for level in range(((total - 1) // (most * STRIDE)).bit_length(), -1, -_LEVELS_APART):
            weight = STRIDE << level
            count = (total - done) // weight
            if count:
                chosen = done + start % weight + weight * np.arange(count)
                self._waiting[level] = keys[np.searchsorted(upto, chosen, side="right")]
            done += weight * count
        self._used = total - done
        self._set_keys(keys[np.searchsorted(upto, np.arange(done, total), side="right")])

    def _sorted(self) -> tuple[Array, Array]:
        """The keys in ascending order, and of how many numbers each stands for."""
        parts = [(1, self._keys[: self._used]), *self._weighted_keys()]
        keys = np.concatenate([part for _, part in parts])
        weights = np.repeat([weight for weight, _ in parts], [len(part) for _, part in parts])
        order = np.argsort(keys, kind="stable")
        return keys[order], weights[order]

    def _weighted_keys(self) -> Iterator[tuple[int, Array]]:
        for level, run in enumerate(self._runs):
            if run is not None:
                yield STRIDE << level, run
        for level, keys in self._waiting.items():
            yield STRIDE << level, keys

    def _make_room(self, wanted: int, scratch: Scratch) -> None:
        """Leaves room for one number at least."""
        self.reserve(wanted)
        if self._used == BLOCK:
            self._close_block(scratch)
            self.reserve(wanted)

    def reserve(self, wanted: int) -> None:
        """Makes room for so many more numbers, as far as a block has any."""
        used = self._used
        capacity = min(BLOCK, max(used + wanted, 2 * used))
        if capacity > len(self._keys) or not self.gathered[ADDRESS]:
            keys = np.empty(capacity, self._keys.dtype)
            keys[:used] = self._keys[:used]
            self._set_keys(keys)

    def _close_block(self, scratch: Scratch) -> None:
        if HAS_VECTOR_SORT:
            self._keys.sort()
        else:
            sort_keys(self._keys, scratch.spare(self._keys), BLOCK, scratch.offsets)
        # The middle of an even number is one of two; either in turn.
        first = STRIDE // 2 - self._flip(0)
        self._used = 0
        self._keep(self._keys[first::STRIDE].copy(), 0)

    def _wait(self, keys: Array, level: int) -> None:
        if level in self._waiting:
            keys = np.concatenate([self._waiting[level], keys])
        while len(keys) >= RUN:
            self._keep(np.sort(keys[:RUN]), level)
            keys = keys[RUN:]
        self._waiting[level] = keys

    def _keep(self, run: Array, level: int) -> None:
        while level < len(self._runs) and (held := self._runs[level]) is not None:
            out = np.empty(RUN, run.dtype)
            merge_halved(held, run, self._flip(level + 1), out)
            self._runs[level] = None
            run, level = out, level + 1
        self._runs.extend([None] * (level + 1 - len(self._runs)))
        self._runs[level] = run

    @property
    def _used(self) -> int:
        return int(self.gathered[USED])

    @_used.setter
    def _used(self, count: int) -> None:
        self.gathered[USED] = count

    def _set_keys(self, keys: Array) -> None:
        self._keys = keys
        self.gathered[:USED] = keys.__array_interface__["data"][0], len(keys)

    def _flip(self, bit: int) -> int:
        self._flips ^= 1 << bit
        return self._flips >> bit & 1

    def __getstate__(self) -> tuple[Any, ...]:
        # Bytes, which are unpickled several times as fast as arrays.
        runs = [None if run is None else run.tobytes() for run in self._runs]
        waiting = {level: keys.tobytes() for level, keys in self._waiting.items()}
        return self._keys.itemsize, self._keys[: self._used].tobytes(), runs, waiting, self._flips

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        itemsize, keys, runs, waiting, self._flips = state
        dtype: Any = np.uint32 if itemsize == 4 else np.uint64
        self._keys = np.frombuffer(keys, dtype)
        # As most sketches are merged into another one, these keys are read alone: `reserve` moves them first.
        self.gathered = np.array([0, len(self._keys), len(self._keys)])
        self._runs = [None if run is None else np.frombuffer(run, dtype) for run in runs]
        self._waiting = {level: np.frombuffer(kept, dtype) for level, kept in waiting.items()}
