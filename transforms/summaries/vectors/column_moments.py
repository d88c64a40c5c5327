"""The first four central moments of many columns at a time, mergeable.

Moments of two sets are combined as Pébay does ("Formulas for Robust, One-Pass Parallel Computation of
Covariances and Arbitrary-Order Statistical Moments", 2008).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import DOUBLES, FLOATS, LONGS, Int, compiled, helper

Array = np.ndarray[Any, Any]

# Of a column: finite values; their mean; sums of the second, third and fourth power of deviations from it;
# the least and the greatest; how many are zero.
COUNT, MEAN, SECOND, THIRD, FOURTH, LEAST, MOST, ZEROS = range(8)
FIELDS = 8

# So many columns are done at a time: what is known of them stays in the nearest cache.
_BLOCK = 64
_TABLE = types.float64[:, ::1]


def nothing(columns: int) -> Array:
    """What is known of so many columns without a value: [FIELDS, columns]."""
    result = np.zeros((FIELDS, columns))
    result[LEAST], result[MOST] = math.inf, -math.inf
    return result


# Each loop over columns does so little that several columns are done at once.


@helper
def _are_finite(values: Any) -> bool:
    others = 0
    for i in range(values.size):
        others |= values[i] - values[i] != 0
    return others == 0


@helper
def _sum_up(values: Any, stride: Int, first: Int, width: Int, out: Any) -> None:
    """The first pass over columns whose values are all finite."""
    rows = values.size // stride
    total, least, most, zeros = out[MEAN], out[LEAST], out[MOST], out[ZEROS]
    for row in range(rows):
        at = row * stride + first
        for c in range(width):
            total[c] += np.float64(values[at + c])
        for c in range(width):
            least[c] = min(least[c], np.float64(values[at + c]))
        for c in range(width):
            most[c] = max(most[c], np.float64(values[at + c]))
        for c in range(width):
            zeros[c] += np.float64(values[at + c] == 0)
    for c in range(width):
        out[COUNT, c] = rows


@helper
def _sum_up_finite(values: Any, stride: Int, first: Int, width: Int, out: Any) -> None:
    """The same of columns of which some values are not finite; these are left out."""
    for row in range(values.size // stride):
        for c in range(width):
            value = np.float64(values[row * stride + first + c])
            if value - value == 0.0:
                out[COUNT, c] += 1.0
                out[MEAN, c] += value
                out[LEAST, c] = min(out[LEAST, c], value)
                out[MOST, c] = max(out[MOST, c], value)
                out[ZEROS, c] += np.float64(value == 0.0)


@helper
def _add_powers(values: Any, stride: Int, first: Int, width: Int, out: Any, apart: Any) -> None:
    """The second pass, of deviations from the mean; `apart` takes those of a row."""
    mean, second, third, fourth = out[MEAN], out[SECOND], out[THIRD], out[FOURTH]
    for row in range(values.size // stride):
        at = row * stride + first
        for c in range(width):
            deviation = np.float64(values[at + c]) - mean[c]
            apart[c] = deviation if deviation - deviation == 0.0 else 0.0
        for c in range(width):
            second[c] += apart[c] * apart[c]
        for c in range(width):
            third[c] += apart[c] * apart[c] * apart[c]
        for c in range(width):
            fourth[c] += (apart[c] * apart[c]) * (apart[c] * apart[c])


@helper
def _merge(known: Any, at: Int, other: Any, c: Int) -> None:
    """Adds the moments of other values to those of a column."""
    more, before = other[COUNT, c], known[COUNT, at]
    if more == 0.0:
        return
    both, apart = before + more, other[MEAN, c] - known[MEAN, at]
    part, rest = before / both, more / both
    known[FOURTH, at] += (
        other[FOURTH, c]
        + apart * apart * apart * apart * before * rest * (part * part - part * rest + rest * rest)
        + 6.0 * apart * apart * (part * part * other[SECOND, c] + rest * rest * known[SECOND, at])
        + 4.0 * apart * (part * other[THIRD, c] - rest * known[THIRD, at])
    )
    known[THIRD, at] += (
        other[THIRD, c]
        + apart * apart * apart * before * rest * (part - rest)
        + 3.0 * apart * (part * other[SECOND, c] - rest * known[SECOND, at])
    )
    known[SECOND, at] += other[SECOND, c] + apart * apart * before * rest
    known[MEAN, at] += apart * rest
    known[COUNT, at] = both
    known[ZEROS, at] += other[ZEROS, c]
    known[LEAST, at] = min(known[LEAST, at], other[LEAST, c])
    known[MOST, at] = max(known[MOST, at], other[MOST, c])


@compiled(types.void(_TABLE, _TABLE))
def merge(known: Array, other: Array) -> None:
    """Adds the moments of other values: both [FIELDS, columns]."""
    for c in range(known.shape[1]):
        _merge(known, c, other, c)


def _signature(values: Any) -> Any:
    return types.void(values, types.int64, types.int64, _TABLE, _TABLE)


@compiled(_signature(FLOATS), _signature(LONGS), _signature(DOUBLES))
def add_rows(values: Array, stride: int, first: int, known: Array, work: Array) -> None:
    """Adds rows of values.

    Args:
      values: of all rows, one after another, `stride` of each.
      first: the column of `known` that the first value of a row is of.
      known: [FIELDS, columns].
      work: memory to work in, see `workspace`.
    """
    finite = _are_finite(values)
    for start in range(0, stride, _BLOCK):
        width = min(_BLOCK, stride - start)
        for c in range(width):
            for field in range(FIELDS):
                work[field, c] = 0.0
            work[LEAST, c], work[MOST, c] = math.inf, -math.inf
        if finite:
            _sum_up(values, stride, start, width, work)
        else:
            _sum_up_finite(values, stride, start, width, work)
        for c in range(width):
            # A constant's mean is the constant, whatever its sum was rounded to.
            constant = work[LEAST, c] == work[MOST, c]
            work[MEAN, c] = work[LEAST, c] if constant else work[MEAN, c] / max(work[COUNT, c], 1.0)
        _add_powers(values, stride, start, width, work, work[FIELDS])
        for c in range(width):
            _merge(known, first + start + c, work, c)


def workspace() -> Array:
    """What `add_rows` needs to work in."""
    return np.empty((FIELDS + 1, _BLOCK))
