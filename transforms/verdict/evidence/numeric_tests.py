"""The probability that chance alone makes shares of ordered cells differ so: of a number, or of lengths.

Four tests in one: of location by normal scores (van der Waerden 1952), for which no test of ranks has more
power against a moved mean (Chernoff and Savage 1958: nowhere less than the t-test); of spread and of shape by
smooth tests (Neyman 1937) with orthonormal polynomials of the rank; and Kolmogorov's, of anything.
"""

from __future__ import annotations

import functools
import math
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.evidence import p_values

Array = np.ndarray[Any, Any]

# How the error is divided among the four. Most goes to location; what is left finds spread, shape and single
# values. Together it is 1.25 and not 1: the four are so alike that they err together as seldom as one that
# had all of it, by simulation, of continuous numbers (two million samples) and of numbers with few values,
# with zeros in 60 to 99.5 % of rows and nearly constant ones, of 100 to 2,000 rows.
_LEGENDRE: Any = np.polynomial.legendre.legvander  # typed in some versions of numpy alone
_LOCATION, _SPREAD, _SHAPE, _ANYWHERE = 0.8, 0.15, 0.15, 0.15
# A p-value beyond this one is not made more exact, nor is one so small.
_LOOK, _CERTAIN = 0.01, 1e-15
_STEPS = 25


class _Test(NamedTuple):
    """A smooth test: its statistic for one row, its degrees of freedom, its part of the error."""

    square: float
    freedom: int
    weight: float


class Moved(NamedTuple):
    """How shares of ordered cells differ.

    Attributes:
      distance: Kolmogorov's.
      size: `chance.effective_size` of both samples.
      tests: the smooth tests.
    """

    distance: float
    size: float
    tests: tuple[_Test, ...]

    def p_value(self, part: float = 1.0) -> float:
        """That they differ so, or had moved by this part (0 to 1) of the way alone; no less than it is."""
        tests = [p_values.of_kolmogorov(part * self.distance, self.size) / _ANYWHERE]
        for square, freedom, weight in self.tests:
            tests.append(p_values.of_chi_squared(self.size * part**2 * square, freedom) / weight)
        return min(*tests, 1.0)


def moved(expected: Array, observed: Array, size: float) -> Moved:
    """Of shares of ordered cells, each summing to 1; `size` as `chance.effective_size` gives it."""
    distance = float(np.max(np.abs(np.cumsum(observed - expected)), initial=0.0))
    has = expected > 0
    # What lies where training has nothing counts with the nearest cell that it has.
    observed, expected = _to_known(observed, has), expected[has]
    scores, ranks = _of_cells(expected.tobytes())
    components = ((scores, _LOCATION), (ranks[:, :2], _SPREAD), (ranks, _SHAPE))
    tests = (_test(expected, observed - expected, size, *component) for component in components)
    return Moved(distance, size, tuple(test for test in tests if test is not None))


def _test(expected: Array, apart: Array, size: float, scores: Array, weight: float) -> _Test | None:
    """The lesser of two statistics that are one where many rows are expected in every cell.

    Where few are, the sum of squares is too great too often, far out; the likelihood ratio is not.
    """
    freedom = scores.shape[1]
    if not freedom:
        return None
    means = apart @ scores
    square = float(means @ means)
    if p_values.of_chi_squared(size * square, freedom) <= _LOOK:
        square = min(square, _likelihood_ratio(expected, scores, means, size))
    return _Test(square, freedom, weight)


def _likelihood_ratio(expected: Array, scores: Array, means: Array, size: float) -> float:
    """Twice Cramér's rate of a mean of scores (1938), a row: the ratio in the family of tilted shares.

    The greatest of `tilt . means - log(sum(expected exp(scores . tilt)))`, by Newton's method; any tilt gives
    a lower bound, so that stopping early makes a p-value greater, never less.
    """
    tilt = means / max(float(np.linalg.norm(means)), 1.0)
    rate, shares = _tilted(expected, scores, means, tilt)
    for _ in range(_STEPS):
        if p_values.of_chi_squared(2 * size * rate, len(means)) < _CERTAIN:
            break
        weighted = scores * shares[:, None]
        tilted_means = weighted.sum(0)
        spread = scores.T @ weighted - np.outer(tilted_means, tilted_means) + 1e-9 * np.eye(len(means))
        step, before = np.linalg.solve(spread, means - tilted_means), rate
        for part in 0.5 ** np.arange(10):
            rate, shares = _tilted(expected, scores, means, tilt + part * step)
            if rate >= before:
                break
        else:
            rate = before
            break
        tilt = tilt + part * step
        if rate - before <= 1e-6 * rate:
            break
    return max(2 * rate, 0.0)


def _tilted(expected: Array, scores: Array, means: Array, tilt: Array) -> tuple[float, Array]:
    """The rate at this tilt, and the expected shares tilted by it."""
    power = scores @ tilt
    highest = float(power.max())
    shares = expected * np.exp(power - highest)
    total = float(shares.sum())
    return float(tilt @ means) - highest - math.log(total), shares / total


@functools.lru_cache(maxsize=256)
def _of_cells(packed: bytes) -> tuple[Array, Array]:
    """Normal scores and polynomials of these expected shares: the quantiles of most numbers have the same."""
    expected = np.frombuffer(packed)
    return _normal_scores(expected), _polynomials(expected, 4)


def _polynomials(expected: Array, count: int) -> Array:
    """Polynomials of the rank, orthonormal under the expected shares: [cells, as many as these can tell]."""
    middle = np.cumsum(expected) - expected / 2
    root = np.sqrt(expected)[:, None]
    # Weighted so, columns that are orthonormal are polynomials that are, under the expected shares; QR gives
    # no more columns than there are cells.
    weighted = _LEGENDRE(2 * middle - 1, count) * root
    columns, triangle = np.linalg.qr(weighted)
    independent = np.abs(np.diag(triangle)) >= 1e-9
    result: Array = columns[:, 1:][:, independent[1:]] / root
    return result


def _normal_scores(expected: Array) -> Array:
    """The mean of a standard normal variable between a cell's ranks, made of variance 1: [cells, 0 or 1]."""
    bounds = np.concatenate([[0.0], np.cumsum(expected)])
    at = normal_quantiles(bounds / bounds[-1])
    density = np.exp(-(at**2) / 2)
    density[0] = density[-1] = 0.0
    scores = -np.diff(density) / expected
    spread = math.sqrt(float(expected @ scores**2))
    result: Array = scores[:, None] / spread if spread > 1e-9 else np.zeros((len(expected), 0))
    return result


def normal_quantiles(ranks: Array) -> Array:
    """Where a standard normal variable has these ranks (0 to 1); -8 and 8 at the ends."""
    return np.interp(ranks, *_normal())


@functools.cache
def _normal() -> tuple[Array, Array]:
    """The normal distribution function at points that are near enough to be straight between them."""
    points = np.linspace(-8, 8, 8_001)
    return np.array([NormalDist().cdf(point) for point in points]), points


def _to_known(observed: Array, has: Array) -> Array:
    if has.all():
        return observed
    known = np.flatnonzero(has)
    at = np.clip(np.searchsorted(known, np.arange(len(has))), 0, len(known) - 1)
    result: Array = np.bincount(at, weights=observed, minlength=len(known))
    return result
