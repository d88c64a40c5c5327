"""The probability that training's days and chance make a difference together: by metric, and by unit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import hand_made

from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    VECTOR,
    FeatureDifference,
)
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import SeasonalVariation
from trueserve.transforms.verdict.variation import seasonal_p_value, tails
from trueserve.transforms.verdict.variation.bins import CATEGORY, NUMBER, Bins
from trueserve.transforms.verdict.variation.store import FeaturePeriods

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
NUM_DAYS = 20


def category_periods(**changes: Any) -> FeaturePeriods:
    counts = np.array([[500 + 12 * n, 500 - 12 * n, 0] for n in range(NUM_DAYS)], float)
    rows = counts.sum(1)
    cells = Bins(CATEGORY, values=("a", "b"), lengths=np.array([1.0]))
    plain = FeaturePeriods(
        cells,
        np.arange(NUM_DAYS),
        rows,
        rows - 10 * np.arange(NUM_DAYS),
        counts,
        np.array([[0, 600 + 15 * n, 400] for n in range(NUM_DAYS)], float),
        np.zeros((NUM_DAYS, 0)),
        15.0 * np.arange(NUM_DAYS),
    )
    return dataclasses.replace(plain, **changes)


def numbers() -> FeaturePeriods:
    """`x` is 0 to 10 with a median of 5; its days' means and deviations wander."""
    counts = np.array([[0, 0, 500 + 9 * n, 0, 500 - 9 * n, 0, 0] for n in range(NUM_DAYS)], float)
    means = np.arange(NUM_DAYS) / 100
    sums = np.stack([means * 1000, (0.1 + means / 10 + means**2) * 1000], 1)
    cells = Bins(NUMBER, edges=np.array([0.0, 5.0, 10.0]))
    rows = counts.sum(1)
    return FeaturePeriods(cells, np.arange(NUM_DAYS), rows, rows, counts, np.zeros((NUM_DAYS, 0)), sums)


def view(feature: Any) -> View:
    return View(feature, 1000)


def number_view(mean: float, deviation: float, low: float) -> View:
    """`low` of 1,000 values are uniform on 0 to 5, the others on 5 to 10."""
    buckets = [(0.0, 5.0, low), (5.0, 10.0, 1000 - low)]
    feature = hand_made.number("x", 1000, deviation=deviation, buckets=buckets, quantiles=buckets)
    feature.num_stats.mean, feature.num_stats.min, feature.num_stats.max = mean, 0.0, 10.0
    return View(feature, 1000)


A_VIEW = view(hand_made.category("c", {"a": 600, "b": 400}))
B_VIEW = view(hand_made.category("c", {"a": 300, "b": 500, "z": 200}))


def never(_part: float) -> float:
    return 0.0


def p_by_chance(part: float) -> float:
    return math.exp(-20 * part * part)


def difference(
    metric: str, effect: float, p_of_part: Callable[[float], float] = never, **more: Any
) -> FeatureDifference:
    return FeatureDifference(metric, effect, p_of_part(1.0), 500.0, p_of_part=p_of_part, **more)


def of(
    periods: FeaturePeriods, made: FeatureDifference, both_views: Any = (A_VIEW, B_VIEW), **more: Any
) -> SeasonalVariation | None:
    return seasonal_p_value.of_difference({"day": {"c": periods}}, "c", made, both_views, DAY, **more)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (-DAY, ("day", 1)),
        (dt.timedelta(), ("day", 1)),
        (dt.timedelta(minutes=10), ("hour", 1)),
        (1.4 * HOUR, ("hour", 1)),
        (1.6 * HOUR, ("hour", 2)),
        (12 * HOUR - dt.timedelta(microseconds=1), ("hour", 12)),
        (12 * HOUR, ("day", 1)),
        (1.6 * DAY, ("day", 2)),
        (30 * DAY, ("day", 30)),
    ],
)
def test_a_window_is_held_against_periods_of_its_length(
    span: dt.timedelta, expected: tuple[str, int]
) -> None:
    assert seasonal_p_value.periods_of(span) == expected


def test_missing_rows_are_held_against_missing_rows() -> None:
    periods = category_periods()
    seasonal = of(periods, difference(MISSING, 0.3))
    [tail] = tails.of_missing(periods, 1)
    p_value = seasonal_p_value.divided(tail.probability, never, 0.3)
    assert seasonal == SeasonalVariation("day", 1, 0.3, tail.median, tail.most, p_value)
    assert 0 < p_value < 1


def test_values_never_seen_are_held_against_those_of_one_day_alone() -> None:
    periods = category_periods()
    made = difference(UNSEEN_SHARE, 0.5, parts_of=lambda: (("never seen", 0.1, 0.6),))
    [tail] = tails.of_new(periods, 0.1)
    seasonal = of(periods, made)
    assert seasonal is not None
    assert (seasonal.distance, seasonal.median, seasonal.most) == (0.5, tail.median, tail.most)
    assert of(dataclasses.replace(periods, new=None), made) is None


def test_lengths_are_held_against_lengths() -> None:
    periods = category_periods()
    [tail] = tails.of_lengths(periods, 1)
    seasonal = of(periods, difference(LENGTH, 0.4))
    assert seasonal is not None
    assert (seasonal.distance, seasonal.median, seasonal.most) == (0.4, tail.median, tail.most)


def test_positions_are_taken_to_vary_as_all_values_together_do() -> None:
    periods = numbers()
    [tail] = tails.of_values(periods, 1)
    seasonal = of(periods, difference(VECTOR, 0.4))
    assert seasonal is not None
    assert (seasonal.distance, seasonal.median, seasonal.most) == (0.4, tail.median, tail.most)
    assert seasonal.p_value < 0.01
    small = of(periods, difference(VECTOR, tail.median))
    assert small is not None
    assert small.p_value > 0.1


def test_categories_lie_as_far_out_as_the_cells_say_or_the_effect() -> None:
    [tail] = tails.of_values(category_periods(), 1)
    # On the cells a, b and all others: (0.3 + 0.1 + 0.2) / 2.
    for effect, distance in ((0.1, 0.3), (0.35, 0.35)):
        seasonal = of(category_periods(), difference(VARIATION, effect))
        assert seasonal is not None
        assert seasonal.distance == pytest.approx(distance)
        assert seasonal.p_value == pytest.approx(seasonal_p_value.divided(tail.probability, never, distance))
    assert of(category_periods(), difference(VARIATION, 0.1), (A_VIEW, None)) is None


def expected_of_numbers(made: FeatureDifference, distance: float, mean: float, deviation: float) -> float:
    """The least of three, each at its part of the error."""
    periods = numbers()
    ends = periods.cells.standard(np.array([mean - deviation, mean, mean + deviation]))
    log = math.log((ends[2] - ends[0]) / 2 + tails.NO_DEVIATION)
    [anywhere] = tails.of_values(periods, 1)
    parts = [([anywhere], distance, 0.4)]
    for moment, value in ((tails.mean, ends[1]), (tails.log_deviation, log)):
        parts.append((*tails.of_moment(periods, 1, moment, float(value)), 0.15))
    return min(
        1.0,
        *(
            seasonal_p_value.divided(functools.partial(tails.probability, of), made.p_of_part, far) / weight
            for of, far, weight in parts
        ),
    )


@pytest.mark.parametrize(("mean", "deviation"), [(5.5, 2.0), (9.0, 2.0), (5.0, 4.9), (1.0, 2.9)])
def test_numbers_lie_out_by_their_ranks_their_mean_or_their_deviation(mean: float, deviation: float) -> None:
    training, serving = number_view(5.0, 2.9, 600), number_view(mean, deviation, 300)
    made = difference(KOLMOGOROV, 0.3, p_by_chance, rank_distance=0.2)
    seasonal = of(numbers(), made, (training, serving))
    assert seasonal is not None
    assert seasonal.distance == pytest.approx(0.3)
    assert seasonal.p_value == pytest.approx(expected_of_numbers(made, 0.3, mean, deviation))


def test_numbers_lie_out_as_far_as_all_their_ranks_do() -> None:
    both_views = number_view(5.0, 2.9, 600), number_view(5.0, 2.9, 500)
    seasonal = of(numbers(), difference(KOLMOGOROV, 0.5, rank_distance=0.4), both_views)
    assert seasonal is not None
    assert seasonal.distance == 0.4


@pytest.mark.parametrize(("mean", "deviation"), [(math.nan, 1.0), (5.0, math.inf)])
def test_moments_that_are_not_finite_tell_nothing(mean: float, deviation: float) -> None:
    serving = number_view(mean, deviation, 300)
    seasonal = of(numbers(), difference(KOLMOGOROV, 0.3), (number_view(5.0, 2.9, 600), serving))
    [tail] = tails.of_values(numbers(), 1)
    assert seasonal is not None
    assert seasonal.p_value == pytest.approx(
        min(seasonal_p_value.divided(tail.probability, never, seasonal.distance) / 0.4, 1.0)
    )


def test_numbers_without_a_distribution_are_not_compared() -> None:
    empty = View(hand_made.number("x", 1000), 1000)
    both_views = number_view(5.0, 2.9, 600), empty
    assert of(numbers(), difference(KOLMOGOROV, 0.3), both_views) is None


def test_of_two_windows_one_lies_half_of_the_way_out() -> None:
    [tail] = tails.of_values(category_periods(), 1)
    seasonal = of(category_periods(), difference(VARIATION, 0.9), between_windows=True)
    assert seasonal is not None

    def of_pair(distance: float) -> float:
        return min(2 * tail.probability(distance / 2), 1.0)

    assert seasonal.p_value == pytest.approx(seasonal_p_value.divided(of_pair, never, 0.9))
    near = of(category_periods(), difference(VARIATION, 0.01), (A_VIEW, A_VIEW), between_windows=True)
    assert near is not None
    assert near.p_value == 1.0


def test_of_two_windows_ranks_alone_are_compared() -> None:
    both_views = number_view(5.0, 2.9, 600), number_view(9.0, 0.1, 300)
    made = difference(KOLMOGOROV, 0.3, rank_distance=0.8)
    seasonal = of(numbers(), made, both_views, between_windows=True)
    [tail] = tails.of_values(numbers(), 1)
    assert seasonal is not None
    assert seasonal.p_value == pytest.approx(
        seasonal_p_value.divided(lambda d: min(2 * tail.probability(d / 2), 1.0), never, 0.8)
    )


def test_what_is_not_known_of_a_feature_says_nothing() -> None:
    made = difference(MISSING, 0.3)
    known = {"day": {"c": category_periods()}}
    assert seasonal_p_value.of_difference(known, "d", made, (A_VIEW, B_VIEW), DAY) is None
    assert seasonal_p_value.of_difference({}, "c", made, (A_VIEW, B_VIEW), DAY) is None
    few = category_periods().kept(np.arange(NUM_DAYS) < 4)
    assert of(few, made) is None
    assert seasonal_p_value.of_share(known, "d", 0.3, DAY) == 0.0
    assert seasonal_p_value.of_share({"day": {"c": few}}, "c", 0.3, DAY) == 0.0


def test_hours_are_asked_for_an_hour_where_they_are_known() -> None:
    made = difference(MISSING, 0.3)
    days, hours = category_periods(), category_periods(present=category_periods().rows - 5.0)
    for variation, unit, periods, length in (
        ({"day": {"c": days}, "hour": {"c": hours}}, "hour", hours, 2),
        ({"day": {"c": days}}, "day", days, 1),
    ):
        seasonal = seasonal_p_value.of_difference(variation, "c", made, (A_VIEW, B_VIEW), 2 * HOUR)
        assert seasonal is not None
        assert (seasonal.unit, seasonal.length) == (unit, length)
        of_values = tails.probability(tails.of_values(periods, length), 0.2)
        assert seasonal_p_value.of_share(variation, "c", 0.2, 2 * HOUR) == of_values


def test_the_division_takes_the_better_end() -> None:
    assert seasonal_p_value.divided(lambda _d: 0.2, never, 0.0) == 1.0
    assert seasonal_p_value.divided(lambda _d: 0.2, never, 0.1) == 0.2
    assert seasonal_p_value.divided(lambda _d: 0.7, lambda _p: 0.7, 0.1) == 1.0
    # All of it may be nature's, or all chance's.
    assert seasonal_p_value.divided(lambda d: float(d < 0.5), lambda p: float(p <= 0), 0.5) == 1.0
    assert seasonal_p_value.divided(lambda d: float(d < 0.5), lambda p: 0.1, 0.5) == 0.1
