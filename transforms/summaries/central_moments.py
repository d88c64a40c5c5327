"""Counts, range, mean and deviation of numbers, mergeable.

Mean and squared deviation of two sets are combined as Chan, Golub and LeVeque do ("Updating Formulae and a
Pairwise Algorithm for Computing Sample Variances", 1979).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import (
    DOUBLES,
    FLOATS,
    LONGS,
    UINT32S,
    compiled,
    helper,
    helper_of_finite,
)
from trueserve.transforms.summaries.sorting import float_key, float_of_key

Array = np.ndarray[Any, Any]

# What is known of numbers: how many are not NaN, NaN, zero, infinite above, infinite below; the least and the
# greatest, and the same of the finite ones; the finite ones' mean and sum of squared deviations. Counts are
# exact as doubles up to 2**53.
COUNT, NANS, ZEROS, ABOVE, BELOW, MIN, MAX, FINITE_MIN, FINITE_MAX, MEAN, SQUARES = range(11)
NUMBERS = 11

_EXPONENT = np.uint32(0x7F800000)  # of a float's bits: all are set where it is not finite


@helper
def _sum_up(values: Any, out: Any) -> None:
    total, zeros = np.float64(0.0), 0
    least, most = np.float64(math.inf), np.float64(-math.inf)
    above, below, nans = 0, 0, 0
    for value in values:
        number = np.float64(value)
        if number - number == 0.0:
            total += number
            zeros += number == 0.0
            least, most = min(least, number), max(most, number)
        elif number > 0:
            above += 1
        elif number < 0:
            below += 1
        else:
            nans += 1
    out[NANS], out[ZEROS], out[ABOVE], out[BELOW] = nans, zeros, above, below
    out[COUNT] = values.size - nans
    out[FINITE_MIN], out[FINITE_MAX] = least, most
    out[MIN], out[MAX] = (-math.inf if below else least), (math.inf if above else most)
    finite = values.size - nans - above - below
    out[MEAN] = total / finite if finite > 0 else 0.0


@helper
def _square(values: Any, mean: float) -> Any:
    squares = np.float64(0.0)
    for value in values:
        deviation = np.float64(value) - mean
        if deviation - deviation == 0.0:
            squares += deviation * deviation
    return squares


@helper
def _finite_count(numbers: Any) -> Any:
    return numbers[COUNT] - numbers[ABOVE] - numbers[BELOW]


@compiled(types.void(types.float64[::1], DOUBLES))
def combine(numbers: Array, other: Array) -> None:
    """Adds the numbers of another set."""
    own_count, other_count = _finite_count(numbers), _finite_count(other)
    if other_count > 0:
        apart, both = other[MEAN] - numbers[MEAN], own_count + other_count
        numbers[MEAN] += apart * other_count / both
        numbers[SQUARES] += other[SQUARES] + apart * apart * own_count * other_count / both
    for i in range(BELOW + 1):
        numbers[i] += other[i]
    numbers[MIN], numbers[MAX] = min(numbers[MIN], other[MIN]), max(numbers[MAX], other[MAX])
    numbers[FINITE_MIN] = min(numbers[FINITE_MIN], other[FINITE_MIN])
    numbers[FINITE_MAX] = max(numbers[FINITE_MAX], other[FINITE_MAX])


# What follows is of finite numbers, one at least. Each loop does so little that several numbers are done at
# once; that needs a loop over positions, not one over values.


@helper
def _are_finite(bits: Any) -> bool:
    others = 0
    for i in range(bits.size):
        others |= bits[i] & _EXPONENT == _EXPONENT
    return others == 0


@helper
def _range_of_floats(bits: Any) -> tuple[Any, Any]:
    least = most = float_key(bits[0])
    for i in range(bits.size):
        least = min(least, float_key(bits[i]))
    for i in range(bits.size):
        most = max(most, float_key(bits[i]))
    # There is but one zero.
    return float_of_key(least) + 0.0, float_of_key(most) + 0.0


@helper
def _range_of_ints(values: Any) -> tuple[Any, Any]:
    least = most = values[0]
    for i in range(values.size):
        least = min(least, values[i])
    for i in range(values.size):
        most = max(most, values[i])
    return np.float64(least), np.float64(most)


@helper_of_finite
def _sum_up_finite(values: Any, out: Any) -> None:
    zeros, total, squares = 0, np.float64(0.0), np.float64(0.0)
    for i in range(values.size):
        zeros += values[i] == 0
    for i in range(values.size):
        total += np.float64(values[i])
    mean = total / values.size
    for i in range(values.size):
        deviation = np.float64(values[i]) - mean
        squares += deviation * deviation
    out[NANS], out[ZEROS], out[ABOVE], out[BELOW] = 0, zeros, 0, 0
    out[COUNT], out[MEAN], out[SQUARES] = values.size, mean, squares


@compiled(types.void(FLOATS, UINT32S, types.float64[::1]))
def pass_over_floats(values: Array, bits: Array, out: Array) -> None:
    """Writes the NUMBERS of `values`, one at least; `bits` are the same as uint32."""
    if not _are_finite(bits):
        _sum_up(values, out)
        out[SQUARES] = _square(values, out[MEAN])
        return
    _sum_up_finite(values, out)
    out[FINITE_MIN], out[FINITE_MAX] = out[MIN], out[MAX] = _range_of_floats(bits)


@compiled(types.void(LONGS, types.float64[::1]))
def pass_over_ints(values: Array, out: Array) -> None:
    """Writes the NUMBERS of `values`, one at least."""
    _sum_up_finite(values, out)
    out[FINITE_MIN], out[FINITE_MAX] = out[MIN], out[MAX] = _range_of_ints(values)


class CentralMoments:
    """What is known of the numbers seen.

    Attributes:
      array: the NUMBERS. It is never replaced: compiled code may keep its address.
    """

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array = np.zeros(NUMBERS)
        self.array[[MIN, FINITE_MIN]] = math.inf
        self.array[[MAX, FINITE_MAX]] = -math.inf

    def __getstate__(self) -> bytes:
        return self.array.tobytes()

    def __setstate__(self, state: bytes) -> None:
        self.array = np.frombuffer(state).copy()

    def add(self, values: Array) -> None:
        """Adds float32 or int64 values."""
        if not len(values):
            return
        numbers = np.empty(NUMBERS)
        if values.dtype == np.float32:
            pass_over_floats(values, values.view(np.uint32), numbers)
        else:
            pass_over_ints(values, numbers)
        combine(self.array, numbers)

    def merge(self, other: CentralMoments) -> None:
        """Adds what `other` has seen; it is not changed."""
        combine(self.array, other.array)

    def repeated(self, times: int) -> CentralMoments:
        """What would be known had each number come so many times."""
        result = CentralMoments()
        result.array[:] = self.array
        result.array[[COUNT, NANS, ZEROS, ABOVE, BELOW, SQUARES]] *= times
        return result

    @property
    def count(self) -> int:
        """Numbers that are not NaN."""
        return int(self.array[COUNT])

    @property
    def finite(self) -> int:
        """Numbers that are neither NaN nor infinite."""
        return self.count - self.above - int(self.array[BELOW])

    @property
    def nans(self) -> int:
        """How many are NaN."""
        return int(self.array[NANS])

    @property
    def zeros(self) -> int:
        """How many are zero."""
        return int(self.array[ZEROS])

    @property
    def above(self) -> int:
        """How many are infinite, above all others."""
        return int(self.array[ABOVE])

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest."""
        return float(self.array[MIN]), float(self.array[MAX])

    @property
    def finite_range(self) -> tuple[float, float]:
        """The least and the greatest of those that are finite."""
        return float(self.array[FINITE_MIN]), float(self.array[FINITE_MAX])

    @property
    def mean(self) -> float:
        """The mean of all numbers but NaN; NaN where one is infinite, as TFDV has it."""
        return float(self.array[MEAN]) if self.finite == self.count else math.nan

    @property
    def deviation(self) -> float:
        """The standard deviation of the population; 0 where a number is infinite, as TFDV has it."""
        if self.finite != self.count or not self.count:
            return 0.0
        return math.sqrt(float(self.array[SQUARES]) / self.count)
