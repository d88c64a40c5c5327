"""Counts, range, mean and deviation of numbers, mergeable.

Mean and squared deviation of two sets are combined as Chan, Golub and LeVeque do ("Updating Formulae and a
Pairwise Algorithm for Computing Sample Variances", 1979).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from transforms.compiling.compiled import DOUBLES, FLOATS, LONGS, compiled, helper

Array = np.ndarray[Any, Any]

# What is known of numbers: how many are not NaN, NaN, zero, infinite above, infinite below; the least and the
# greatest, and the same of the finite ones; the finite ones' mean and sum of squared deviations. Counts are
# exact as doubles up to 2**53.
COUNT, NANS, ZEROS, ABOVE, BELOW, MIN, MAX, FINITE_MIN, FINITE_MAX, MEAN, SQUARES = range(11)
NUMBERS = 11


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


@compiled(types.void(FLOATS, types.float64[::1]), types.void(LONGS, types.float64[::1]))
def pass_over(values: Array, out: Array) -> None:
    """Writes the NUMBERS of `values`."""
    _sum_up(values, out)
    out[SQUARES] = _square(values, out[MEAN])


class CentralMoments:
    """What is known of the numbers seen."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers = np.zeros(NUMBERS)
        self._numbers[[MIN, FINITE_MIN]] = math.inf
        self._numbers[[MAX, FINITE_MAX]] = -math.inf

    def add(self, values: Array) -> None:
        """Adds float32 or int64 values."""
        numbers = np.empty(NUMBERS)
        pass_over(values, numbers)
        combine(self._numbers, numbers)

    def merge(self, other: CentralMoments) -> None:
        """Adds what `other` has seen; it is not changed."""
        combine(self._numbers, other._numbers)

    def repeated(self, times: int) -> CentralMoments:
        """What would be known had each number come so many times."""
        result = CentralMoments()
        result._numbers[:] = self._numbers
        result._numbers[[COUNT, NANS, ZEROS, ABOVE, BELOW, SQUARES]] *= times
        return result

    @property
    def count(self) -> int:
        """Numbers that are not NaN."""
        return int(self._numbers[COUNT])

    @property
    def finite(self) -> int:
        """Numbers that are neither NaN nor infinite."""
        return self.count - self.above - int(self._numbers[BELOW])

    @property
    def nans(self) -> int:
        """How many are NaN."""
        return int(self._numbers[NANS])

    @property
    def zeros(self) -> int:
        """How many are zero."""
        return int(self._numbers[ZEROS])

    @property
    def above(self) -> int:
        """How many are infinite, above all others."""
        return int(self._numbers[ABOVE])

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest."""
        return float(self._numbers[MIN]), float(self._numbers[MAX])

    @property
    def finite_range(self) -> tuple[float, float]:
        """The least and the greatest of those that are finite."""
        return float(self._numbers[FINITE_MIN]), float(self._numbers[FINITE_MAX])

    @property
    def mean(self) -> float:
        """The mean of all numbers but NaN; NaN where one is infinite, as TFDV has it."""
        return float(self._numbers[MEAN]) if self.finite == self.count else math.nan

    @property
    def deviation(self) -> float:
        """The standard deviation of the population; 0 where a number is infinite, as TFDV has it."""
        if self.finite != self.count or not self.count:
            return 0.0
        return math.sqrt(float(self._numbers[SQUARES]) / self.count)
