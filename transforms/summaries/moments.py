"""Counts, range, mean and deviation of numbers, mergeable.

Mean and squared deviation of two sets are combined as Chan, Golub and LeVeque do ("Updating Formulae and a
Pairwise Algorithm for Computing Sample Variances", 1979).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numba import types

from transforms.columnar.compiled import FLOATS, LONGS, compiled, helper

Array = np.ndarray[Any, Any]

# What a pass over values leaves: how many are not NaN, NaN, zero, infinite above, infinite below; the least and
# greatest, and the same of the finite ones; the finite ones' mean and sum of squared deviations.
COUNT, NANS, ZEROS, ABOVE, BELOW, MIN, MAX, FINITE_MIN, FINITE_MAX, MEAN, SQUARES = range(11)
NUMBERS = 11


@helper
def _sums(values: Any, out: Any) -> None:
    total, zeros, least, most = 0.0, 0, math.inf, -math.inf
    above, below, nans = 0, 0, 0
    for value in values:
        number = np.float64(value)
        if number - number == 0.0:
            total += number
            zeros += number == 0.0
            least = min(least, number)
            most = max(most, number)
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
    finite = out[COUNT] - above - below
    out[MEAN] = total / finite if finite > 0 else 0.0


@helper
def _squares(values: Any, mean: float) -> float:
    squares = 0.0
    for value in values:
        deviation = np.float64(value) - mean
        if deviation - deviation == 0.0:
            squares += deviation * deviation
    return squares


@compiled(types.void(FLOATS, types.float64[::1]), types.void(LONGS, types.float64[::1]))
def pass_over(values: Array, out: Array) -> None:
    """Writes the NUMBERS of `values`."""
    _sums(values, out)
    out[SQUARES] = _squares(values, out[MEAN])


@dataclasses.dataclass
class Moments:
    """What is known of the numbers seen."""

    count: int = 0
    nans: int = 0
    zeros: int = 0
    above: int = 0
    below: int = 0
    min: float = math.inf
    max: float = -math.inf
    finite_min: float = math.inf
    finite_max: float = -math.inf
    finite_mean: float = 0.0
    squares: float = 0.0

    @property
    def finite(self) -> int:
        """Numbers that are neither NaN nor infinite."""
        return self.count - self.above - self.below

    @property
    def mean(self) -> float:
        """The mean of all numbers but NaN; NaN where one is infinite, as TFDV has it."""
        return self.finite_mean if self.finite == self.count else math.nan

    @property
    def deviation(self) -> float:
        """The standard deviation of the population; 0 where a number is infinite, as TFDV has it."""
        if self.finite != self.count or not self.count:
            return 0.0
        return math.sqrt(self.squares / self.count)

    def add(self, values: Array) -> None:
        """Adds float32 or int64 values."""
        out = np.empty(NUMBERS)
        pass_over(values, out)
        counts = (int(n) for n in out[: ABOVE + 2])
        self.merge(Moments(*counts, *(float(n) for n in out[MIN:])))

    def merge(self, other: Moments) -> None:
        """Adds what `other` has seen; it is not changed."""
        mine, its = self.finite, other.finite
        if its:
            apart, both = other.finite_mean - self.finite_mean, mine + its
            self.finite_mean += apart * its / both
            self.squares += other.squares + apart * apart * mine * its / both
        for name in ("count", "nans", "zeros", "above", "below"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("min", "finite_min"):
            setattr(self, name, min(getattr(self, name), getattr(other, name)))
        for name in ("max", "finite_max"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
