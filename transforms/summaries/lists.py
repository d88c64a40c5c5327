"""How many rows have a feature, and how many values each of them has."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import numpy as np
from numba import types

from transforms.compiling.compiled import BYTES, LONGS, compiled, helper
from transforms.summaries.quantiles import Quantiles, Scratch

Array = np.ndarray[Any, Any]

#: Lists of fewer values than this are counted by their length; longer ones go through a sketch.
SHORT = 128

PRESENT, LEAST, MOST, TOTAL, LONG_LISTS = range(5)
NUMBERS = 5


@helper
def _are_single(offsets: Any) -> bool:
    """Whether each list has one value."""
    others = 0
    for row in range(offsets.size - 1):
        others |= offsets[row + 1] - offsets[row] ^ 1
    return others == 0


@compiled(types.void(LONGS, BYTES, types.int64, types.int64[::1], types.int64[::1], types.int64[::1]))
def pass_over(offsets: Array, valid: Array, first: int, counts: Array, long: Array, out: Array) -> None:
    """Writes the NUMBERS of a list column's rows, and adds to `counts` rows by their number of values.

    The rows' bits begin at bit `first` of `valid`, which is empty where all are there. `long` takes the
    lengths of the lists that are not short.
    """
    rows = offsets.size - 1
    if valid.size == 0 and rows > 0 and _are_single(offsets):
        counts[1] += rows
        out[PRESENT], out[LEAST], out[MOST], out[TOTAL], out[LONG_LISTS] = rows, 1, 1, rows, 0
        return
    present, total, num_long, least, most = 0, 0, 0, sys.maxsize, 0
    for row in range(offsets.size - 1):
        if valid.size > 0 and not valid[first + row >> 3] >> (first + row & 7) & 1:
            continue
        length = offsets[row + 1] - offsets[row]
        present += 1
        total += length
        least, most = min(least, length), max(most, length)
        if length < counts.size:
            counts[length] += 1
        else:
            long[num_long] = length
            num_long += 1
    out[PRESENT], out[LEAST], out[MOST], out[TOTAL], out[LONG_LISTS] = present, least, most, total, num_long


@dataclasses.dataclass
class Lists:
    """What is known of a feature's lists; TFDV's presence and valency."""

    present: int = 0
    least: int = sys.maxsize
    most: int = 0
    total: int = 0
    short: Array = dataclasses.field(default_factory=lambda: np.zeros(SHORT, np.int64))
    long: Quantiles | None = None

    def add(self, offsets: Array, valid: Array, first: int, scratch: Scratch) -> int:
        """Adds rows, as `pass_over` takes them; how many values they have in all."""
        long, out = np.empty(len(offsets), np.int64), np.empty(NUMBERS, np.int64)
        pass_over(offsets, valid, first, self.short, long, out)
        self._include(int(out[PRESENT]), int(out[LEAST]), int(out[MOST]), int(out[TOTAL]))
        if out[LONG_LISTS]:
            self._long().add_ints(long[: out[LONG_LISTS]], scratch)
        return int(out[TOTAL])

    def merge(self, other: Lists, scratch: Scratch) -> None:
        """Adds what `other` has seen; it is not changed."""
        self._include(other.present, other.least, other.most, other.total)
        self.short += other.short
        if other.long is not None:
            self._long().merge(other.long, scratch)

    def weighted(self) -> tuple[Array, Array]:
        """Lengths in ascending order, and how many lists have each."""
        lengths = np.flatnonzero(self.short)
        if self.long is None:
            return lengths.astype(np.float64), self.short[lengths]
        more, weights = self.long.weighted()
        return np.concatenate([lengths, more]), np.concatenate([self.short[lengths], weights])

    def _include(self, present: int, least: int, most: int, total: int) -> None:
        self.present += present
        self.least, self.most = min(self.least, least), max(self.most, most)
        self.total += total

    def _long(self) -> Quantiles:
        if self.long is None:
            self.long = Quantiles(np.uint64)
        return self.long
