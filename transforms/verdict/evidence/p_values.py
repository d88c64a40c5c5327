"""The probability that chance alone makes a difference as large: tests of two samples, without simulation.

Every function gives a p-value for the hypothesis that both samples come from one distribution. Sources: the
limit of Kolmogorov's statistic (Smirnov 1948); the chi-squared test, its tail by finite sums (Abramowitz and
Stegun 1964); Fisher's exact test of two rates (1935). `two_sample` and its two modules choose among
them; what many tests together mean is in `false_discovery`.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# From this deviation on a tail of counts is not summed; so near to the mean it is half of all.
_LARGE_DEVIATION, _MIDDLE = 30.0, 1e-3
_TERMS = 20


def effective_size(training: float, serving: float) -> float:
    """The size of one sample that is as uncertain as the difference of two: nm / (n + m)."""
    return training * serving / (training + serving) if training > 0 and serving > 0 else 0.0


def of_kolmogorov(distance: float, size: float) -> float:
    """That two distribution functions lie `distance` (0 to 1) apart somewhere; too high for discrete ones."""
    scaled = math.sqrt(size) * distance
    if scaled < 0.2:
        return 1.0
    total, sign = 0.0, 1.0
    for k in range(1, _TERMS):
        term = math.exp(-2 * (k * scaled) ** 2)
        total += sign * term
        if term < 1e-17 * total:
            break
        sign = -sign
    return min(max(2 * total, 0.0), 1.0)


def of_normal(deviations: float) -> float:
    """That a standard normal variable lies so far from 0, on either side."""
    return math.erfc(abs(deviations) / math.sqrt(2))


# Gauss and Legendre's rule, by which Student's density is summed.
_LEGGAUSS: Any = np.polynomial.legendre.leggauss  # typed in some versions of numpy alone
_NODES, _WEIGHTS = _LEGGAUSS(60)
# Where a normal density is e ** -50 of that at the least deviation, nothing is left to sum.
_FURTHEST = 100.0


def of_student(deviations: float, freedom: float) -> float:
    """That a variable of Student's distribution (1908) lies so far from 0, on either side.

    With x = sqrt(freedom) tan(a) its density is that of a, cos(a) ^ (freedom - 1), but for a factor.
    """
    if freedom <= 0 or not deviations:
        return 1.0
    low = math.atan(abs(deviations) / math.sqrt(freedom))
    high = min(math.sqrt((deviations**2 + _FURTHEST) / freedom), math.pi / 2)
    half = (high - low) / 2
    angles = low + half * (_NODES + 1)
    total = math.sqrt(math.pi) / 2 * math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2))
    return min(float(half * (_WEIGHTS @ np.cos(angles) ** (freedom - 1))) / total, 1.0)


def of_chi_squared(value: float, freedom: int) -> float:
    """That a chi-squared variable is as great.

    For whole degrees of freedom the tail is a finite sum of positive terms: Poisson's, of half the value, for
    an even number; for an odd number those at halves, and the normal tail (Abramowitz and Stegun 1964, 26.4).
    """
    if freedom <= 0 or value <= 0:
        return 1.0
    half, odd = value / 2, freedom % 2
    tail = math.erfc(math.sqrt(half)) if odd else 0.0
    return min(tail + _poisson_sum(half, freedom // 2, 0.5 if odd else 0.0), 1.0)


def _poisson_sum(mean: float, count: int, offset: float) -> float:
    """The sum over k < `count` of `exp(-mean) mean^a / gamma(a + 1)` for a = k + offset, from the last on.

    The last terms are the greatest but where the sum is nearly 1. Each is that above it by `a / mean`.
    """
    last = count - 1 + offset
    if last < 0:
        return 0.0
    # The greatest term is no less than any sum that is left, and the logarithm of none overflows.
    top = min(math.floor(mean - offset), count - 1) + offset if mean >= offset else offset
    greatest = math.exp(top * math.log(mean) - mean - math.lgamma(top + 1))
    total, term, at = greatest, greatest, top
    while at - 1 >= offset - 1e-9 and term > total * 1e-18:
        term *= at / mean
        at -= 1
        total += term
    term, at = greatest, top
    while at + 1 <= last + 1e-9 and term > total * 1e-18:
        at += 1
        term *= mean / at
        total += term
    return total


def of_rates(before: float, rows_before: float, after: float, rows_after: float) -> float:
    """That of `rows_after` rows as many as `after` (or as few) are so, where `before` of `rows_before` were.

    Fisher's exact test (1935): given how many are so in both together, those in one are hypergeometric. It is
    twice the tail that was met, for both directions; a tail of many is a normal one, with a correction.
    """
    total, first, second = margins(before, rows_before, after, rows_after)
    if total == 0 or first <= 0 or second <= 0:
        return 1.0
    count = min(max(round(after), total - first), total, second)
    if count * (first + second) >= total * second:
        return min(2 * _tail(count, total, second, first + second), 1.0)
    return min(2 * _tail(total - count, total, first, first + second), 1.0)


def margins(before: float, rows_before: float, after: float, rows_after: float) -> tuple[int, int, int]:
    """What `of_rates` takes as given: how many are so in both together, and the rows of either."""
    first, second = round(rows_before), round(rows_after)
    return min(round(before), first) + min(round(after), second), first, second


def hypergeometric(counts: Array, marked: int, drawn: int, rows: int) -> Array:
    """How likely `drawn` of `rows` hold so many of the marked ones; each of `counts` is the last plus one."""
    least, k = int(counts[0]), counts[:-1].astype(float)
    first = _log_choose(marked, least) + _log_choose(rows - marked, drawn - least) - _log_choose(rows, drawn)
    ratios = (marked - k) * (drawn - k) / ((k + 1) * (rows - marked - drawn + k + 1))
    result: Array = np.exp(first + np.concatenate([[0.0], np.cumsum(np.log(ratios))]))
    return result


def _tail(least: int, marked: int, drawn: int, rows: int) -> float:
    """The probability of at least `least` marked ones, not fewer than expected, among `drawn` of `rows`."""
    mean = drawn * marked / rows
    deviation = math.sqrt(mean * (1 - marked / rows) * (rows - drawn) / max(rows - 1, 1))
    if deviation > _LARGE_DEVIATION and marked - least >= 1 and drawn - least >= 1:
        return _saddlepoint_tail(least, marked, drawn, rows)
    unmarked = rows - marked - drawn
    log = _log_choose(marked, least) + _log_choose(rows - marked, drawn - least) - _log_choose(rows, drawn)
    term = total = 1.0  # relative to the first, which may be too small for a float
    for k in range(least, min(marked, drawn)):
        term *= (marked - k) * (drawn - k) / ((k + 1) * (unmarked + k + 1))
        total += term
        if term < 1e-17 * total:
            break
    return min(math.exp(log) * total, 1.0)


def _saddlepoint_tail(least: int, marked: int, drawn: int, rows: int) -> float:
    """As `_tail`, by the double saddlepoint for 2 x 2 tables with given margins (Skovgaard 1987).

    With the form of Lugannani and Rice (1980), and a correction for whole numbers. From a deviation of 30 on
    true to 1e-5 of the sum, up to eight deviations out, where a normal tail is 0.3 to 0.8 of it.
    """
    a = least - 0.5
    b, c, d = drawn - a, marked - a, rows - marked - drawn + a
    expected = [
        row_total * column_total / rows
        for row_total in (drawn, rows - drawn)
        for column_total in (marked, rows - marked)
    ]
    cells = zip((a, b, c, d), expected, strict=True)
    square = max(2 * math.fsum(count * math.log(count / mean) for count, mean in cells), 0.0)
    odds = math.log(a * d / (b * c))
    root = math.copysign(math.sqrt(square), odds)
    normal = 0.5 * math.erfc(root / math.sqrt(2))
    if abs(root) < _MIDDLE:
        return normal
    widths = (a * b / drawn) * (c * d / (rows - drawn)) / (marked * (rows - marked) / rows)
    wald = 2 * math.sinh(odds / 2) * math.sqrt(widths)
    tail = normal + math.exp(-square / 2) / math.sqrt(2 * math.pi) * (1 / wald - 1 / root)
    return min(max(tail, 0.0), 1.0)


def _log_choose(of: int, count: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)


def of_categories(expected: Array, observed: Array, size: float) -> float:
    """That shares of unordered cells (each summing to 1, all expected above 0) differ so.

    The lesser, times `_OF_TWO`, of a chi-squared test and of the largest difference of any one cell.
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
    return min(_OF_TWO * min(of_chi_squared(squared, len(expected) - 1), of_one), 1.0)


# Two tests that are so alike, and careful of rare cells, err together as seldom as one does times this: by
# simulation, with 3 to 80 cells of equal or very unequal shares and 200 to 2,000 rows.
_OF_TWO = 1.5
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


def beyond_noise(distance: float, noise: float) -> float:
    """What is left of a distance beside what chance adds: as they are independent, their squares add up."""
    return math.sqrt(max(distance**2 - noise**2, 0.0))


# A floor holds in 999 of 1,000 cases.
_ABOVE = 0.001
_DEVIATIONS = 3.29  # normal, on either side


def floor_of_kolmogorov(size: float) -> float:
    """How far apart two distribution functions lie at most, by chance: Kolmogorov's tail, its first term."""
    return float(floors_of_kolmogorov(np.array(size))) if size else 1.0


def floors_of_kolmogorov(sizes: Array) -> Array:
    """`floor_of_kolmogorov`, of many sizes above 0."""
    result: Array = np.minimum(np.sqrt(math.log(2 / _ABOVE) / (2 * sizes)), 1.0)
    return result


def floors_of_variance(variances: Array, sizes: Array) -> Array:
    """How far means of so many values with these variances lie out at most, by chance: normal, both sides."""
    result: Array = _DEVIATIONS * np.sqrt(variances / sizes)
    return result


def floor_of_variation(expected: Array, size: float) -> float:
    """Likewise the total variation of shares of cells, beside what chance makes on average.

    It is at most half the root of the chi-squared statistic by the number of rows (Cauchy and Schwarz), of
    which the quantile is Wilson and Hilferty's.
    """
    if not size or len(expected) < 2:
        return 1.0
    quantile = high_chi_squared(len(expected) - 1)
    return min(beyond_noise(math.sqrt(quantile / size) / 2, expected_variation(expected, size)), 1.0)


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
