"""Distances of periods and the tail beyond them: figures that are worked out by hand."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.hand_made import about

from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.variation import bridge, tails
from trueserve.transforms.verdict.variation.bins import CATEGORY, NUMBER, Bins
from trueserve.transforms.verdict.variation.store import FeaturePeriods
from trueserve.transforms.verdict.variation.tails import Tail

KOLMOGOROV_SQUARE = math.pi**2 / 12
NOTHING = np.zeros(0)


def periods(
    counts: Sequence[Sequence[float]], cells: Bins | None = None, numbers: Sequence[int] = (), **changes: Any
) -> FeaturePeriods:
    """Periods of a category with these counts, every row of which has the feature."""
    array = np.array(counts, float)
    rows = array.sum(1)
    values = tuple(f"v{n}" for n in range(array.shape[1] - 1))
    plain = FeaturePeriods(
        cells or Bins(CATEGORY, values=values),
        np.array(numbers or range(len(array))),
        rows,
        rows,
        array,
        np.zeros((len(array), 0)),
        np.zeros((len(array), 0)),
    )
    return dataclasses.replace(plain, **changes)


def test_the_tail_counts_periods_up_to_its_start_and_is_exponential_beyond() -> None:
    tail = Tail(np.arange(20) / 100, 20)
    # Five of twenty are the tail; it begins at the sixth from above.
    assert (tail.start, tail.median, tail.most) == (0.14, 0.095, 0.19)
    assert tail.probability(0.14) == pytest.approx(7 / 21)
    assert tail.probability(0.135) == pytest.approx(7 / 21)
    assert tail.probability(0.13) == pytest.approx(8 / 21)
    assert tail.probability(0.0) == 1.0
    scale = 0.03 / math.log(2)
    assert tail.probability(0.24) == pytest.approx(0.25 * (1 + 0.1 / (5 * scale)) ** -5)
    # Where spans overlap fewer count, and the tail is heavier.
    assert Tail(np.arange(20) / 100, 8).probability(0.24) == pytest.approx(
        0.25 * (1 + 0.1 / (2 * scale)) ** -2
    )
    assert Tail(np.arange(20) / 100, 2).probability(0.24) == pytest.approx(0.25 / (1 + 0.1 / scale))


def test_the_tail_is_a_tenth_of_many_periods_and_all_but_one_of_few() -> None:
    assert Tail(np.arange(50) / 100, 50).start == pytest.approx(0.44)
    assert Tail(np.arange(51) / 100, 51).start == pytest.approx(0.44)
    assert Tail(np.arange(61) / 100, 61).start == pytest.approx(0.53)
    assert Tail(np.arange(5) / 100, 5).start == 0.0
    assert Tail(np.arange(6) / 100, 6).start == 0.0
    assert Tail(np.arange(7) / 100, 7).start == pytest.approx(0.01)


def test_one_storm_sets_the_scale_by_half_its_mean_at_most() -> None:
    calm = Tail(np.array([0.0] * 9 + [0.1]), 10)
    # The median of the five excesses is 0, their mean 0.02.
    assert calm.probability(0.1) == pytest.approx(0.5 * (1 + 0.1 / (5 * 0.01)) ** -5)
    assert Tail(np.zeros(10), 10).probability(1e-9) == 0.0
    assert Tail(np.zeros(10), 10).probability(0.0) == 1.0


def test_the_median_is_the_middle_one_or_between_both() -> None:
    assert Tail(np.array([0.1, 0.2, 0.4, 0.5, 0.9]), 5).median == 0.4
    assert Tail(np.array([0.1, 0.2, 0.4, 0.5, 0.8, 0.9]), 6).median == pytest.approx(0.45)


def test_five_periods_make_a_tail() -> None:
    assert tails.tail(np.zeros(4)) is None
    made = tails.tail(np.array([0.5, 0.1, 0.3, 0.2, 0.4]))
    assert made is not None
    assert (made.distances.tolist(), made.independent) == ([0.1, 0.2, 0.3, 0.4, 0.5], 5)
    made = tails.tail(np.zeros(5), 0.0)
    assert made is not None
    assert made.independent == 0.0


def test_the_least_probability_of_all_tails_holds_and_one_without_any() -> None:
    near, far = Tail(np.arange(20) / 100, 20), Tail(np.arange(20) / 10, 20)
    assert tails.probability([near, far], 0.19) == near.probability(0.19) < far.probability(0.19)
    assert tails.probability([], 5.0) == 1.0


def beyond(far: np.ndarray[Any, Any], square: np.ndarray[Any, Any], floors: Any) -> list[float]:
    left = max(1 - square.mean() / (far**2).mean(), 0.0)
    return sorted(np.maximum(math.sqrt(left) * far, np.maximum(far - floors, 0)).tolist())


COUNTS = [[600, 400], [500, 500], [550, 450], [620, 380], [580, 420], [100, 1900]]


def test_categories_lie_apart_by_total_variation_less_what_chance_makes() -> None:
    [tail] = tails.of_values(periods(COUNTS), 1)
    counts = np.array(COUNTS, float)
    others = counts.sum(0) - counts
    rows, share, other = counts.sum(1), counts[:, 0] / counts.sum(1), others[:, 0] / others.sum(1)
    means = 2 * np.sqrt(2 * other * (1 - other) / (math.pi * rows)) / 2
    floors = np.sqrt(p_values.high_chi_squared(1) / rows) / 2
    assert tail.distances.tolist() == pytest.approx(beyond(np.abs(share - other), means**2, floors))
    assert tail.independent == 6


def test_a_storm_among_days_that_are_all_alike_keeps_its_excess() -> None:
    counts = [[500, 250, 250]] * 30 + [[565, 185, 250]]
    rest = np.array([500 * 30, 250 * 30, 250 * 30]) / 30_000
    far = np.abs(np.array([0.565, 0.185, 0.25]) - rest).sum() / 2
    floor = math.sqrt(p_values.high_chi_squared(2) / 1000) / 2
    [tail] = tails.of_values(periods(counts), 1)
    assert 0 < far - floor < 0.01
    assert tail.most == pytest.approx(far - floor)
    assert tail.distances[:-1].tolist() == [0.0] * 30


def test_numbers_lie_apart_by_kolmogorovs_distance() -> None:
    counts = np.array([[100 + 10 * n, 0, 300 - 40 * n, 0, 100 + 7 * n * n] for n in range(6)], float)
    cells = Bins(NUMBER, edges=np.array([0.0, 1.0]))
    numbers = periods(counts.tolist(), cells, power_sums=np.zeros((6, 2)))
    [tail] = tails.of_values(numbers, 1)
    others = counts.sum(0) - counts
    rows = counts.sum(1)
    far = np.abs(np.cumsum(counts / rows[:, None] - others / others.sum(1)[:, None], 1)).max(1)
    # Of few cells chance makes less than of values that are all different.
    expected = others / others.sum(1)[:, None]
    below = np.cumsum(expected, 1)
    variances = (below * (1 - below)).sum(1)
    floors = np.minimum(p_values.floors_of_kolmogorov(rows), 3.29 * np.sqrt(variances / rows))
    square = bridge.mean_square(expected.mean(0)) / rows
    assert tail.distances.tolist() == pytest.approx(beyond(far, square, floors))


def test_numbers_that_differ_lie_apart_less_what_chance_makes_of_such() -> None:
    random = np.random.default_rng(1)
    counts = np.array([random.multinomial(400, np.full(20, 0.05)) for _ in range(12)], float)
    cells = Bins(NUMBER, edges=np.arange(19.0))
    [tail] = tails.of_values(periods(counts.tolist(), cells, power_sums=np.zeros((12, 2))), 1)
    others = counts.sum(0) - counts
    far = np.abs(np.cumsum(counts / 400 - others / others.sum(1)[:, None], 1)).max(1)
    floors = p_values.floors_of_kolmogorov(counts.sum(1))
    square = bridge.mean_square((others / others.sum(1)[:, None]).mean(0))
    assert 0.7 * KOLMOGOROV_SQUARE < square < KOLMOGOROV_SQUARE
    assert tail.distances.tolist() == pytest.approx(beyond(far, np.full(12, square / 400), floors))


def test_rain_that_falls_in_few_hours_varies_from_month_to_month() -> None:
    """Chance makes a share of 3 % of 720 hours vary by 0.006; these vary by 0.02."""
    shares = np.array([0, 0, 3, 5, 6, 7, 6, 4, 3, 1, 0, 0]) / 100
    counts = np.stack([1 - shares, shares], 1) * 720
    rain = periods(counts.tolist(), Bins(NUMBER, edges=np.array([0.0])), power_sums=np.zeros((12, 2)))
    [tail] = tails.of_values(rain, 1)
    assert 0.015 < float(np.sqrt(np.mean(tail.distances**2))) < 0.03
    assert tail.probability(0.035) > 0.02


def test_missing_rows_lie_apart_by_their_share() -> None:
    missing, rows = np.array([10, 300, 20, 40, 25, 90.0]), np.array([1000, 1000, 900, 1100, 1000, 2000.0])
    feature = periods(COUNTS, rows=rows, present=rows - missing)
    [tail] = tails.of_missing(feature, 1)
    other = (missing.sum() - missing) / (rows.sum() - rows)
    floors = [p_values.floor_of_share(share, n) for share, n in zip(other, rows, strict=True)]
    expected = beyond(np.abs(missing / rows - other), other * (1 - other) / rows, np.array(floors))
    assert tail.distances.tolist() == pytest.approx(expected)


def test_a_day_that_lacked_more_than_days_do_keeps_its_excess() -> None:
    rows = np.full(31, 1000.0)
    missing = np.array([100.0] * 30 + [140])
    [tail] = tails.of_missing(periods([[500, 500]] * 31, rows=rows, present=rows - missing), 1)
    assert tail.most == pytest.approx(0.04 - p_values.floor_of_share(0.1, 1000))
    assert tail.most > 0


def test_lengths_lie_apart_where_rows_have_several_values() -> None:
    counts = np.array([[0, 100 + 90 * n, 0, 200, 0] for n in range(6)], float)
    cells = Bins(CATEGORY, values=("v0",), lengths=np.array([1.0, 2.0]))
    lists = periods(COUNTS, cells, length_counts=counts, present=counts.sum(1))
    [tail] = tails.of_lengths(lists, 1)
    assert len(tail.distances) == 6
    assert tail.distances[-1] > 0
    assert tails.of_lengths(periods(COUNTS), 1) == []


def test_periods_of_fewer_than_fifty_rows_tell_nothing() -> None:
    def count(*sizes: int) -> list[int]:
        return [len(t.distances) for t in tails.of_values(periods([[size, 0] for size in sizes]), 1)]

    assert count(50, 50, 50, 50, 50) == [5]
    assert count(50, 50, 50, 50, 49) == []
    assert count(50, 50, 50, 50, 50, 49) == [5]
    # What is NaN or infinite is in no cell; what several values of a row say counts as a row.
    few = periods([[60, 0]] * 5, present=np.array([50, 50, 50, 50, 49.0]))
    assert tails.of_values(few, 1) == []
    nothing = periods([[60, 0]] * 5 + [[0, 0]], present=np.full(6, 60.0))
    assert len(tails.of_values(nothing, 1)[0].distances) == 5


def test_a_period_without_any_row_that_is_missing_is_known_all_the_same() -> None:
    assert tails.of_missing(periods([[0, 0]] * 6), 1) == []
    [tail] = tails.of_missing(periods(COUNTS), 1)
    assert tail.distances.tolist() == [0.0] * 6


def test_spans_are_of_periods_that_follow_one_another() -> None:
    feature = periods([[100 + 10 * n, 200] for n in range(14)], numbers=[*range(7), *range(8, 15)])
    days, weeks = tails.of_values(feature, 3)
    assert (len(days.distances), days.independent) == (14, 14)
    assert (len(weeks.distances), weeks.independent) == (10, about(10 / 3))
    assert len(tails.of_values(feature, 8)) == 1  # there is no span so long
    assert len(tails.of_values(feature, 15)) == 1
    summed = np.array([[100 + 10 * n, 200.0] for n in range(14)])
    spans = np.array([summed[n : n + 3].sum(0) for n in (*range(5), *range(7, 12))])
    others, rows = summed.sum(0) - spans, spans.sum(1)
    share, other = spans[:, 0] / rows, others[:, 0] / others.sum(1)
    means = np.sqrt(2 * other * (1 - other) / (math.pi * rows))
    floors = np.sqrt(p_values.high_chi_squared(1) / rows) / 2
    assert weeks.distances.tolist() == pytest.approx(beyond(np.abs(share - other), means**2, floors))


def test_values_that_no_other_period_has_beyond_those_expected() -> None:
    counts = [[60, 40]] * 6
    new = np.array([0, 5, 10, 20, 30, 40.0])
    assert tails.of_new(periods(counts), 0.1) == []
    [tail] = tails.of_new(periods(counts, new=new), 0.1)
    assert tail.distances.tolist() == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])
    at_least = np.array([50, 50, 50, 50, 50, 49.0])
    assert len(tails.of_new(periods(counts, new=new, present=at_least), 0.1)[0].distances) == 5
    assert tails.of_new(periods(counts[:4] + [[0, 0]] * 2, new=new, present=np.full(6, 60.0)), 0.1) == []


def with_moments(means: Sequence[float], deviation: float = 1.0, count: int = 60) -> FeaturePeriods:
    sums = np.array([[m * count, (deviation**2 + m**2) * count] for m in means])
    cells = Bins(NUMBER, edges=np.array([0.0]))
    return periods([[count, 0, 0]] * len(means), cells, power_sums=sums)


def test_moments_lie_apart_on_the_side_of_the_value() -> None:
    feature = with_moments([0.0, 1.0, 2.0, 4.0, 8.0])
    [above], distance = tails.of_moment(feature, 1, tails.mean, 5.0)
    assert (above.distances.tolist(), distance) == ([0, 0, 0, 2, 6], 3.0)
    [below], distance = tails.of_moment(feature, 1, tails.mean, -1.0)
    assert (below.distances.tolist(), distance) == ([0, 0, 0, 1, 2], 3.0)
    assert tails.of_moment(feature, 1, tails.mean, 2.0)[0][0].distances.tolist() == [0, 0, 0, 2, 6]


def test_the_middle_is_that_of_periods_with_enough_rows() -> None:
    small = with_moments([0.0, 1.0, 2.0, 4.0, 8.0, 100.0, 100.0])
    small = dataclasses.replace(small, present=np.array([60.0] * 5 + [49, 49]))
    [tail], distance = tails.of_moment(small, 1, tails.mean, 5.0)
    assert (len(tail.distances), distance) == (5, 3.0)
    just = dataclasses.replace(small, present=np.array([60.0] * 5 + [50, 50]))
    assert tails.of_moment(just, 1, tails.mean, 5.0)[1] == 1.0
    none = dataclasses.replace(small, present=np.full(7, 10.0))
    assert tails.of_moment(none, 1, tails.mean, 5.0) == ([], 5.0)


def test_the_deviation_follows_from_the_sums() -> None:
    totals = np.array([[10.0, 30.0, 10.0], [20.0, 40.0, 10.0]])
    assert tails.mean(totals).tolist() == [1.0, 2.0]
    expected = [math.log(math.sqrt(2) + 1e-3), math.log(1e-3)]
    assert tails.log_deviation(totals).tolist() == pytest.approx(expected)
    assert tails.log_deviation(np.array([[20.0, 41.0, 10.0]])).tolist() == pytest.approx(
        [math.log(math.sqrt(0.1) + 1e-3)]
    )
