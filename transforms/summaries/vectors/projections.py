"""Sums of all positions with fixed signs, by which vectors are told apart that are alike at each position.

A vector with signs is added up in as many buckets as there are projections, position by position in turn; the
Walsh and Hadamard transform of the buckets gives each sum of them with other signs. So a value costs one
addition, and every projection holds every position (Ailon and Chazelle, "The Fast Johnson-Lindenstrauss
Transform", 2009, with buckets as in Charikar, Chen and Farach-Colton's count sketch, 2002).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import DOUBLES, FLOATS, LONGS, Int, compiled, helper

Array = np.ndarray[Any, Any]

#: The most projections of a vector; a power of two.
MOST_PROJECTIONS = 64


def count(length: int) -> int:
    """How many projections a vector of so many values has: a power of two."""
    return min(1 << (length - 1).bit_length(), MOST_PROJECTIONS)


# Signs of longer vectors are made anew: kept ones would take megabytes.
_LONGEST_KEPT = 100_000


def signs(length: int) -> Array:
    """1 or -1 for each position (float64), the same everywhere: a bit of splitmix64 of the position."""
    return _kept_signs(length) if length <= _LONGEST_KEPT else _signs(length)


def _signs(length: int) -> Array:
    with np.errstate(over="ignore"):
        mixed = np.arange(1, length + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.where((mixed >> np.uint64(63)) > 0, 1.0, -1.0)


_kept_signs = functools.lru_cache(maxsize=8)(_signs)


@helper
def _transform(buckets: Any) -> None:
    """The Walsh and Hadamard transform, in place."""
    half = 1
    while half < buckets.size:
        for start in range(0, buckets.size, 2 * half):
            for i in range(start, start + half):
                first, second = buckets[i], buckets[i + half]
                buckets[i], buckets[i + half] = first + second, first - second
        half *= 2


@helper
def _add_up(values: Any, at: Int, own_signs: Any, buckets: Any) -> None:
    for i in range(buckets.size):
        buckets[i] = 0.0
    for start in range(0, own_signs.size, buckets.size):
        width = min(buckets.size, own_signs.size - start)
        for i in range(width):
            buckets[i] += own_signs[start + i] * np.float64(values[at + start + i])


@helper
def _is_finite(buckets: Any) -> bool:
    others = 0
    for i in range(buckets.size):
        others |= buckets[i] - buckets[i] != 0.0
    return others == 0


def _signature(values: Any) -> Any:
    return types.int64(values, DOUBLES, types.float64[:, ::1])


@compiled(_signature(FLOATS), _signature(LONGS))
def project(values: Array, own_signs: Array, out: Array) -> int:
    """Writes the projections of rows, of those whose values are all finite; how many were written.

    Args:
      values: of all rows, one after another.
      own_signs: `signs` of a row.
      out: [rows, projections].
    """
    written = 0
    for row in range(values.size // own_signs.size):
        buckets = out[written]
        _add_up(values, row * own_signs.size, own_signs, buckets)
        if _is_finite(buckets):
            _transform(buckets)
            written += 1
    return written
