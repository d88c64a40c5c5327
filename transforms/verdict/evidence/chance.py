"""The probability that chance alone makes a difference as large: tests of two samples, without simulation.

Every function gives a p-value for the hypothesis that both samples come from one distribution. Sources: the
limit of Kolmogorov's statistic (Smirnov 1948); Neyman's smooth test (1937) with orthonormal polynomials; the
chi-squared test with Wilson and Hilferty's approximation (1931) of its tail; Fisher's exact test of two
rates (1935); Benjamini and Hochberg (1995) for many tests at once.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# From so many deviations on a tail of counts is that of a normal variable.
_MANY = 30.0
_TERMS = 20


def effective_size(training: float, serving: float) -> float:
    """The size of one sample that is as uncertain as the difference of two: nm / (n + m)."""
    return training * serving / (training + serving) if training > 0 and serving > 0 else 0.0


def of_kolmogorov(distance: float, size: float) -> float:
    """That two distribution functions lie `distance` (0 to 1) apart somewhere; too high for discrete ones."""
    scaled = math.sqrt(size) * distance
    if scaled < 0.2:
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, _TERMS))
    return min(max(2 * math.fsum(terms), 0.0), 1.0)


def of_normal(deviations: float) -> float:
    """That a standard normal variable lies so far from 0, on either side."""
    return math.erfc(abs(deviations) / math.sqrt(2))


def of_chi_squared(value: float, freedom: int) -> float:
    """That a chi-squared variable is as great: exact for an even number of degrees, else close."""
    if freedom <= 0 or value <= 0:
        return 1.0
    if freedom == 1:
        return of_normal(math.sqrt(value))
    if freedom % 2 == 0 and freedom <= 20:
        half = value / 2
        terms = [k * math.log(half) - math.lgamma(k + 1) - half for k in range(freedom // 2)]
        return min(math.fsum(map(math.exp, terms)), 1.0)
    spread = 2 / (9 * freedom)
    deviations = ((value / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(deviations / math.sqrt(2))


def of_rates(before: float, rows_before: float, after: float, rows_after: float) -> float:
    """That of `rows_after` rows as many as `after` (or as few) are so, where `before` of `rows_before` were.

    Fisher's exact test (1935): given how many are so in both together, those in one are hypergeometric. It is
    twice the tail that was met, for both directions; a tail of many is a normal one, with a correction.
    """
    first, second = round(rows_before), round(rows_after)
    total = min(round(before), first) + min(round(after), second)
    if total == 0 or first <= 0 or second <= 0:
        return 1.0
    count = min(max(round(after), total - first), total, second)
    if count * (first + second) >= total * second:
        return min(2 * _tail(count, total, second, first + second), 1.0)
    return min(2 * _tail(total - count, total, first, first + second), 1.0)


def least_of_rates(total: float, rows_before: float, rows_after: float) -> float:
    """The least p-value of `of_rates` for so many events in both together: as many as can be on one side."""
    both = min(total, rows_before + rows_after)
    first, second = min(both, rows_before), min(both, rows_after)
    return min(
        of_rates(both - second, rows_before, second, rows_after),
        of_rates(first, rows_before, both - first, rows_after),
    )


def _tail(least: int, marked: int, drawn: int, rows: int) -> float:
    """The probability of at least `least` marked ones, not fewer than expected, among `drawn` of `rows`."""
    mean = drawn * marked / rows
    deviation = math.sqrt(mean * (1 - marked / rows) * (rows - drawn) / max(rows - 1, 1))
    if deviation > _MANY:
        return 0.5 * math.erfc((least - 0.5 - mean) / (deviation * math.sqrt(2)))
    unmarked = rows - marked - drawn
    log = _log_choose(marked, least) + _log_choose(rows - marked, drawn - least) - _log_choose(rows, drawn)
    term = whole = 1.0  # relative to the first, which may be too small for a float
    for k in range(least, min(marked, drawn)):
        term *= (marked - k) * (drawn - k) / ((k + 1) * (unmarked + k + 1))
        whole += term
        if term < 1e-17 * whole:
            break
    return min(math.exp(log) * whole, 1.0)


def _log_choose(of: int, count: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)


# How the error is divided among the tests of one ordered distribution: most of it to location, for which
# there is no stronger test; what is left finds spread, shape, and single values.
_LOCATION, _SPREAD, _SHAPE, _ANYWHERE = 0.55, 0.15, 0.15, 0.15


@dataclasses.dataclass(frozen=True)
class Moved:
    """How shares of ordered cells differ; had they moved a part of the way, all here would be that part.

    Attributes:
      distance: Kolmogorov's.
      components: what the observed shares give the first four polynomials of the rank, see `_components`.
    """

    distance: float
    components: tuple[float, ...]

    def p_value(self, size: float, part: float = 1.0) -> float:
        """That they differ so, or by this part of it: in location, spread, shape, or anywhere.

        The least p-value of four tests, each divided by its part of the error: smooth tests of the first, the
        first two and the first four components, and Kolmogorov's.
        """
        squares = [size * (part * z) ** 2 for z in self.components]
        tests = [of_kolmogorov(part * self.distance, size) / _ANYWHERE]
        for count, weight in ((1, _LOCATION), (2, _SPREAD), (4, _SHAPE)):
            value = math.fsum(squares[:count])
            freedom = min(count, len(squares))
            p_value = of_normal(math.sqrt(value)) if freedom == 1 else of_chi_squared(value, freedom)
            tests.append(p_value / weight)
        return min(*tests, 1.0)


def moved(expected: Array, observed: Array) -> Moved:
    """Of shares of ordered cells, each summing to 1."""
    distance = float(np.max(np.abs(np.cumsum(observed - expected)), initial=0.0))
    return Moved(distance, tuple(_components(expected, observed, 4)))


def of_ordered(expected: Array, observed: Array, size: float) -> float:
    """That shares of ordered cells differ so, see `Moved.p_value`."""
    return moved(expected, observed).p_value(size)


def _components(expected: Array, observed: Array, count: int) -> list[float]:
    """What observed shares give polynomials of the rank that are orthonormal under the expected shares."""
    has = expected > 0
    # What lies where training has nothing counts with the nearest cell that it has.
    observed = _to_known(observed, has)
    expected = expected[has]
    middle = np.cumsum(expected) - expected / 2
    degree = min(count, len(expected) - 1)
    root = np.sqrt(expected)
    # Weighted so, columns that are orthonormal are polynomials that are, under the expected shares.
    weighted = np.polynomial.legendre.legvander(2 * middle - 1, degree) * root[:, None]  # type: ignore[no-untyped-call]
    columns, triangle = np.linalg.qr(weighted)
    independent = np.abs(np.diag(triangle)) >= 1e-9
    kept = columns[:, 1:][:, independent[1:]]
    values: list[float] = (((observed - expected) / root) @ kept).tolist()
    return values


def _to_known(observed: Array, has: Array) -> Array:
    known = np.flatnonzero(has)
    at = np.clip(np.searchsorted(known, np.arange(len(has))), 0, len(known) - 1)
    result: Array = np.bincount(at, weights=observed, minlength=len(known))
    return result


def of_categories(expected: Array, observed: Array, size: float) -> float:
    """That shares of unordered cells (each summing to 1, all expected above 0) differ so.

    The lesser, times two, of a chi-squared test and of the largest difference of any one cell.
    """
    if len(expected) < 2:
        return 1.0
    pearsons = float(np.sum((observed - expected) ** 2 / expected)) * size
    some = observed > 0
    likelihood_ratio = 2 * float(np.sum(observed[some] * np.log(observed[some] / expected[some]))) * size
    # Where few rows are expected Pearson's sum is too great too often, far out; the ratio is not.
    squared = min(pearsons, max(likelihood_ratio, 0.0))
    if len(expected) == 2:
        return of_chi_squared(squared, 1)  # both cells say the same
    largest = float(_deviations(expected, observed, size).max())
    of_one = min(len(expected) * of_normal(largest), 1.0)
    return min(2 * min(of_chi_squared(squared, len(expected) - 1), of_one), 1.0)


_RARE = 0.25


def _deviations(expected: Array, observed: Array, size: float) -> Array:
    """How far each share lies out, in normal deviations; rare ones as counts that are Poisson's."""
    spread = np.sqrt(expected * (1 - expected) / size)
    plain = np.abs(observed - expected) / np.where(spread > 0, spread, np.inf)
    mean, more = expected * size, observed > expected
    # Wilson and Hilferty once more: so many events before a gamma variable reaches the mean.
    count = np.maximum(observed * size + np.where(more, 0.0, 1.0), 1e-9)
    ratio = np.cbrt(mean / count) - 1 + 1 / (9 * count)
    skewed = np.maximum(np.where(more, -ratio, ratio) * 3 * np.sqrt(count), 0.0)
    result: Array = np.where(expected < _RARE, np.minimum(plain, skewed), plain)
    return result


def expected_variation(expected: Array, size: float) -> float:
    """The total variation distance that chance alone makes on average, for shares of cells."""
    return float(np.sum(np.sqrt(2 * expected * (1 - expected) / (math.pi * size))) / 2) if size else 1.0


# A floor holds in 999 of 1,000 cases.
_ABOVE = 0.001
_DEVIATIONS = 3.29  # normal, on either side


def floor_of_kolmogorov(size: float) -> float:
    """How far apart two distribution functions lie at most, by chance: Kolmogorov's tail, its first term."""
    return min(math.sqrt(math.log(2 / _ABOVE) / (2 * size)), 1.0) if size else 1.0


def floor_of_variation(expected: Array, size: float) -> float:
    """Likewise the total variation of shares of cells, beyond what chance makes on average.

    It is at most half the root of the chi-squared statistic by the number of rows (Cauchy and Schwarz), of
    which the quantile is Wilson and Hilferty's.
    """
    if not size or len(expected) < 2:
        return 1.0
    quantile = high_chi_squared(len(expected) - 1)
    return float(min(max(math.sqrt(quantile / size) / 2 - expected_variation(expected, size), 0.0), 1.0))


def high_chi_squared(freedom: int) -> float:
    """What a chi-squared variable stays under in 999 of 1,000 cases, by Wilson and Hilferty."""
    spread = 2 / (9 * max(freedom, 1))
    return max(freedom, 1) * (1 - spread + NormalDist().inv_cdf(1 - _ABOVE) * math.sqrt(spread)) ** 3


def floor_of_share(share: float, size: float) -> float:
    """Likewise a share, from Wilson's interval (1927), which holds for rare ones, too."""
    if not size:
        return 1.0
    square = _DEVIATIONS**2
    half = _DEVIATIONS * math.sqrt(share * (1 - share) / size + square / (4 * size**2)) + square / (2 * size)
    return min(half / (1 + square / size), 1.0)


def beyond(p_values: Sequence[float], rate: float, least: Sequence[float] = ()) -> float:
    """The greatest p-value that still counts, so that at most `rate` of what counts is chance; 0 for none.

    `least` has the least p-value that each test can give. One that cannot count, whatever is found, takes
    nothing from the others (Tarone 1990; with Benjamini and Hochberg's rule, Gilbert 2005).
    """
    told = zip(p_values, least, strict=True)
    able = [p for p, lowest in told if lowest <= rate] if least else list(p_values)
    counting = [p for k, p in enumerate(sorted(able), 1) if p <= rate * k / len(able)]
    return max(counting, default=0.0)
