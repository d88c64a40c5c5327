"""How far training's own days or hours lie from the rest of training, and how likely one lies so far.

For each period the distance to all others is measured as the window's is to training, less what its number of
rows makes by chance. Beyond the tenth that lies furthest the tail is taken to be exponential (peaks over a
threshold: Balkema and de Haan 1974, Pickands 1975), with a scale that is known from the k furthest alone, so
that the tail is (1 + x / (k scale))^-k: with few periods heavy, with many exponential.

A window of several periods is also held against spans of as many that follow one another. Such a span lies no
further out, on average, than its periods do, so each of the two bounds the probability.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.variation import bridge
from trueserve.transforms.verdict.variation.bins import NUMBER
from trueserve.transforms.verdict.variation.store import FeaturePeriods

Array = np.ndarray[Any, Any]

#: Periods with fewer rows that have the feature tell nothing, nor do fewer such periods.
LEAST_ROWS, LEAST_PERIODS = 50, 5
TAIL, LEAST_IN_TAIL = 0.1, 5
NO_DEVIATION = 1e-3


@dataclasses.dataclass(frozen=True)
class Tail:
    """Distances of periods, each 0 to 1, and what follows for one that was not among them.

    Attributes:
      distances: ascending.
      independent: how many of them count; spans that overlap are fewer than there are.
    """

    distances: Array
    independent: float

    def probability(self, distance: float) -> float:
        """How likely a period lies so far from training, at least."""
        total = len(self.distances)
        if distance <= self.start:
            further = total - int(np.searchsorted(self.distances, distance, "left"))
            return (further + 1) / (total + 1)
        if not self._scale:
            return 0.0  # all periods are alike: what lies out is not of their kind
        x = (distance - self.start) / (self._size * self._scale)
        return float(self._share * (1 + x) ** -self._size)

    @cached_property
    def start(self) -> float:
        """The distance from which the tail is exponential."""
        return float(self.distances[-self._in_tail - 1])

    @property
    def median(self) -> float:
        return _middle(self.distances)

    @property
    def most(self) -> float:
        return float(self.distances[-1])

    @cached_property
    def _in_tail(self) -> int:
        total = len(self.distances)
        return min(max(math.ceil(TAIL * total), LEAST_IN_TAIL), total - 1)

    @property
    def _share(self) -> float:
        return self._in_tail / len(self.distances)

    @cached_property
    def _size(self) -> float:
        return max(self._in_tail * self.independent / len(self.distances), 1.0)

    @cached_property
    def _scale(self) -> float:
        # By the median: one storm must not make all else natural. By the mean where most exceed nothing.
        excess = self.distances[-self._in_tail :] - self.start
        return max(_middle(excess) / math.log(2), float(np.mean(excess)) / 2)


def _middle(ascending: Array) -> float:
    """The median."""
    return float(ascending[(len(ascending) - 1) // 2] + ascending[len(ascending) // 2]) / 2


def tail(distances: Array, independent: float | None = None) -> Tail | None:
    """None of too few periods."""
    if len(distances) < LEAST_PERIODS:
        return None
    return Tail(np.sort(distances), len(distances) if independent is None else independent)


def of_values(periods: FeaturePeriods, length: int) -> list[Tail]:
    """Of the distributions of values: Kolmogorov's distance of numbers, total variation of categories."""
    distance = _of_numbers if periods.cells.kind == NUMBER else _of_categories
    return _tails(periods, periods.counts, _rows(periods), length, distance)


def of_moment(periods: FeaturePeriods, length: int, moment: Moment, value: float) -> tuple[list[Tail], float]:
    """How far periods lie from the middle one in a moment of a number, on the side of `value`, and it too."""
    periods = periods.kept(periods.counts.sum(1) > 0)  # a day may have no number at all
    totals = np.column_stack([periods.power_sums, periods.counts.sum(1)])
    known = _rows(periods) >= LEAST_ROWS
    middle = _middle(np.sort(moment(totals[known]))) if known.any() else 0.0
    sign = 1 if value >= middle else -1

    def distance(sums: Array, _all_counts: Array, _rows: Array) -> Array:
        return np.maximum(sign * (moment(sums) - middle), 0.0)

    return _tails(periods, totals, _rows(periods), length, distance), abs(value - middle)


def _rows(periods: FeaturePeriods) -> Array:
    """Rows of each period that tell of its values; what is NaN or infinite is in no cell."""
    rows: Array = np.minimum(periods.present, periods.counts.sum(1))
    return rows


Moment = Callable[[Array], Array]


def mean(totals: Array) -> Array:
    """Means, of rows [sum, sum of squares, count]."""
    result: Array = totals[:, 0] / totals[:, 2]
    return result


def log_deviation(totals: Array) -> Array:
    """Logarithms of standard deviations, of rows as `mean` takes them."""
    square = totals[:, 1] / totals[:, 2] - mean(totals) ** 2
    # A deviation of less is none: sums are rounded.
    result: Array = np.log(np.sqrt(np.maximum(square, 0.0)) + NO_DEVIATION)
    return result


def of_lengths(periods: FeaturePeriods, length: int) -> list[Tail]:
    """Of how many values a row has: Kolmogorov's distance."""
    return (
        _tails(periods, periods.length_counts, periods.present, length, _of_numbers)
        if periods.cells.length_size
        else []
    )


def of_missing(periods: FeaturePeriods, length: int) -> list[Tail]:
    """Of the share of missing rows: its difference."""
    counts = np.stack([periods.present, periods.rows - periods.present], 1)
    return _tails(periods, counts, periods.rows, length, _of_missing)


def of_new(periods: FeaturePeriods, expected: float) -> list[Tail]:
    """Of the share of values that no other period has, beyond the `expected` share; period by period."""
    values = periods.counts.sum(1)
    if periods.new is None:
        return []
    known = (periods.present >= LEAST_ROWS) & (values > 0)
    tail_of_new = tail(np.maximum(periods.new[known] / values[known] - expected, 0.0))
    return [] if tail_of_new is None else [tail_of_new]


def probability(tails: list[Tail], distance: float) -> float:
    """How likely a window of training's own kind lies so far from it; 1 where nothing is known."""
    return min((period_tail.probability(distance) for period_tail in tails), default=1.0)


# Of counts [periods, cells], the counts of all rows [cells], and rows [periods]: a distance for each period.
_Distance = Callable[[Array, Array, Array], Array]


def _tails(
    periods: FeaturePeriods, counts: Array, rows: Array, length: int, distance: _Distance
) -> list[Tail]:
    """Of single periods, and of spans of `length` that follow one another."""
    found_tails = [_tail_of(counts, rows, distance, counts.sum(0), 1)]
    if length > 1 and len(spans := _spans(periods.periods, length)):
        summed = [values[spans].sum(1) for values in (counts, rows)]
        found_tails.append(_tail_of(summed[0], summed[1], distance, counts.sum(0), length))
    return [period_tail for period_tail in found_tails if period_tail is not None]


def _tail_of(counts: Array, rows: Array, distance: _Distance, total: Array, length: int) -> Tail | None:
    known = (rows >= LEAST_ROWS) & (np.abs(counts).sum(1) > 0)
    if np.count_nonzero(known) < LEAST_PERIODS:
        return None
    distances = distance(counts[known].astype(float), total.astype(float), rows[known])
    return tail(distances, len(distances) / length)


def _spans(periods: Array, length: int) -> Array:
    """Places of periods that follow one another, [spans, length]."""
    starts = np.arange(max(len(periods) - length + 1, 0))
    is_complete = (
        periods[starts + length - 1] - periods[starts] == length - 1 if len(starts) else np.zeros(0, bool)
    )
    result: Array = starts[is_complete][:, None] + np.arange(length)[None, :]
    return result


def _of_numbers(counts: Array, total: Array, rows: Array) -> Array:
    shares, others = _shares(counts, total)
    return numbers_apart(shares - others, others, rows)


def _of_categories(counts: Array, total: Array, rows: Array) -> Array:
    shares, others = _shares(counts, total)
    return categories_apart(shares - others, others, rows)


def _of_missing(counts: Array, total: Array, rows: Array) -> Array:
    shares, others = _shares(counts, total)
    return missing_apart((shares - others)[:, 1], others[:, 1], rows)


def numbers_apart(apart: Array, expected: Array, sizes: Array) -> Array:
    """Kolmogorov's distances beyond chance, of differences from `expected` shares, both [periods, cells].

    Where nearly all values are one, such as no rain, chance makes far less than Kolmogorov's statistic,
    which is for values that all differ.
    """
    far = np.abs(np.cumsum(apart, 1)).max(1)
    below = np.clip(np.cumsum(expected, 1), 0.0, 1.0)
    variances = (below * (1 - below)).sum(1)
    floors = np.minimum(p_values.floors_of_kolmogorov(sizes), p_values.floors_of_variance(variances, sizes))
    return beyond_chance(far, bridge.mean_square(expected.mean(0)) / sizes, floors)


def categories_apart(apart: Array, expected: Array, sizes: Array) -> Array:
    """Total variation beyond chance, of differences from `expected` shares, both [periods, cells]."""
    far = np.abs(apart).sum(1) / 2
    # As `chance.expected_variation` and `floor_of_variation`, of all periods at once.
    means = np.sqrt(2 * expected * (1 - expected) / (math.pi * sizes[:, None])).sum(1) / 2
    floors = np.sqrt(p_values.high_chi_squared(expected.shape[1] - 1) / sizes) / 2
    return beyond_chance(far, means**2, floors)


def missing_apart(apart: Array, expected: Array, sizes: Array) -> Array:
    """How far shares lie from the `expected` ones beyond chance, both [periods]."""
    floors = [p_values.floor_of_share(float(p), n) for p, n in zip(expected, sizes, strict=True)]
    return beyond_chance(np.abs(apart), expected * (1 - expected) / sizes, np.array(floors))


def _shares(counts: Array, total: Array) -> tuple[Array, Array]:
    """Shares of each period, and of all others together."""
    rest = np.maximum(total - counts, 0.0)
    period_shares, other_shares = (
        part / np.maximum(part.sum(1, keepdims=True), 1e-300) for part in (counts, rest)
    )
    return period_shares, other_shares


def beyond_chance(far: Array, square_by_chance: Array, floors: Array) -> Array:
    """Distances without what chance adds, by the components of their variance: squares add up.

    All are made smaller by the same factor, so that the mean of their squares is what is left of it; where
    chance explains them on the whole that leaves next to nothing. A period beyond what chance makes of so few
    rows keeps at least its excess: most days may be alike, and one a storm.
    """
    square = float(np.mean(far**2))
    left = max(1 - float(np.mean(square_by_chance)) / square, 0.0) if square > 0 else 0.0
    result: Array = np.maximum(np.sqrt(left) * far, np.maximum(far - floors, 0.0))
    return result
