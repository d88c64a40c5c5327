"""How many rows have a feature, and how many values each of them has."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import BYTES, LONGS, compiled, helper
from trueserve.transforms.summaries.quantiles import Quantiles, Scratch

Array = np.ndarray[Any, Any]

#: Lists of fewer values than this are counted by their length; longer ones go through a sketch.
SHORT = 128

# Rows that have the feature, the least and the most values of such a row, the values of all of them, and how
# many of their lists are long.
PRESENT, LEAST, MOST, TOTAL, LONG_LISTS = range(5)
NUMBERS = 5


@helper
def _are_single(offsets: Any) -> bool:
    """Whether each list has one value."""
    others = 0
    for row in range(offsets.size - 1):
        others |= offsets[row + 1] - offsets[row] ^ 1
    return others == 0


@compiled(types.void(LONGS, BYTES, types.int64, types.int64[::1], types.int64[::1]))
def pass_over(offsets: Array, valid: Array, first: int, counts: Array, long: Array) -> None:
    """Writes the counts of a list column's rows over those of no row.

    The rows' bits begin at bit `first` of `valid`, which is empty where all are there. `long` takes the
    lengths of the lists that are not short.
    """
    rows, most_short = offsets.size - 1, counts.size - NUMBERS
    if valid.size == 0 and rows > 0 and _are_single(offsets):
        counts[NUMBERS + 1] = counts[PRESENT] = counts[TOTAL] = rows
        counts[LEAST] = counts[MOST] = 1
        return
    present, total, num_long, least, most = 0, 0, 0, sys.maxsize, 0
    for row in range(offsets.size - 1):
        if valid.size > 0 and not valid[first + row >> 3] >> (first + row & 7) & 1:
            continue
        length = offsets[row + 1] - offsets[row]
        present += 1
        total += length
        least, most = min(least, length), max(most, length)
        if length < most_short:
            counts[NUMBERS + length] += 1
        else:
            long[num_long] = length
            num_long += 1
    counts[PRESENT], counts[TOTAL], counts[LONG_LISTS] = present, total, num_long
    counts[LEAST], counts[MOST] = least, most


@compiled(types.void(types.int64[::1], LONGS))
def include(counts: Array, other: Array) -> None:
    """Adds the counts of other lists: NUMBERS, then rows by their number of values."""
    counts[PRESENT] += other[PRESENT]
    counts[LEAST], counts[MOST] = min(counts[LEAST], other[LEAST]), max(counts[MOST], other[MOST])
    for i in range(TOTAL, counts.size):
        counts[i] += other[i]


def no_counts() -> Array:
    """The counts of no row."""
    counts = np.zeros(NUMBERS + SHORT, np.int64)
    counts[LEAST] = sys.maxsize
    return counts


class Lists:
    """What is known of a feature's lists; TFDV's presence and valency.

    Attributes:
      counts: NUMBERS, then rows by their number of values, if they have fewer than SHORT. The array is never
        replaced: compiled code may keep its address.
      long: the lengths of the lists that are not short.
    """

    __slots__ = ("counts", "long")

    def __init__(self) -> None:
        self.counts = no_counts()
        self.long: Quantiles | None = None

    @property
    def present(self) -> int:
        """Rows that have the feature."""
        return int(self.counts[PRESENT])

    @property
    def with_values(self) -> int:
        """Rows whose list is not empty."""
        return int(self.counts[PRESENT] - self.counts[NUMBERS])

    @property
    def least(self) -> int:
        """The least number of values of a row that has the feature."""
        return int(self.counts[LEAST])

    @property
    def most(self) -> int:
        """The greatest number of values of a row."""
        return int(self.counts[MOST])

    @property
    def total(self) -> int:
        """Values of all rows."""
        return int(self.counts[TOTAL])

    def add(self, offsets: Array, valid: Array, first: int, scratch: Scratch) -> int:
        """Adds rows, as `pass_over` takes them; how many values they have in all."""
        long, counts = np.empty(len(offsets), np.int64), no_counts()
        pass_over(offsets, valid, first, counts, long)
        include(self.counts, counts)
        if counts[LONG_LISTS]:
            self._long().add_ints(long[: counts[LONG_LISTS]], scratch)
        return int(counts[TOTAL])

    def merge(self, other: Lists, scratch: Scratch) -> None:
        """Adds what `other` has seen; it is not changed."""
        include(self.counts, other.counts)
        if other.long is not None:
            self._long().merge(other.long, scratch)

    def repeated(self, times: int) -> Lists:
        """What would be known of short lists had each row come so many times."""
        result = Lists()
        result.counts[:] = self.counts * times
        result.counts[[LEAST, MOST]] = self.counts[[LEAST, MOST]]
        return result

    def weighted(self) -> tuple[Array, Array]:
        """Lengths in ascending order, and how many lists have each."""
        short = self.counts[NUMBERS:]
        lengths = np.flatnonzero(short)
        if self.long is None:
            return lengths.astype(np.float64), short[lengths]
        more, weights = self.long.weighted()
        return np.concatenate([lengths, more]), np.concatenate([short[lengths], weights])

    def __getstate__(self) -> tuple[bytes, Quantiles | None]:
        used = NUMBERS + SHORT - int(np.argmax(self.counts[::-1] != 0))
        return self.counts[:used].tobytes(), self.long

    def __setstate__(self, state: tuple[bytes, Quantiles | None]) -> None:
        counts, self.long = np.frombuffer(state[0], np.int64), state[1]
        self.counts = np.zeros(NUMBERS + SHORT, np.int64)
        self.counts[: len(counts)] = counts

    def _long(self) -> Quantiles:
        if self.long is None:
            self.long = Quantiles(np.uint64)
        return self.long
