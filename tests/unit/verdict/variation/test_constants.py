"""A value that alone makes a window, and never did in training."""

from __future__ import annotations

import numpy as np
import pytest
from support import hand_made

from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.variation.bins import CATEGORY, NUMBER, Bins
from trueserve.transforms.verdict.variation.constants import is_new_constant
from trueserve.transforms.verdict.variation.store import FeaturePeriods

NUM_DAYS = 12


def of_words(*counts: tuple[int, int]) -> FeaturePeriods:
    """Days with so many of both words."""
    array = np.array([(a, b, 0) for a, b in counts], float).reshape(-1, 3)
    rows, nothing = array.sum(1), np.zeros((len(array), 0))
    return FeaturePeriods(
        Bins(CATEGORY, values=("a", "b")), np.arange(len(array)), rows, rows, array, nothing, nothing
    )


def served(**counts: int) -> View:
    return View(hand_made.category("c", counts), sum(counts.values()))


def test_a_word_alone_is_new_where_training_had_two_each_day() -> None:
    periods = of_words(*[(30, 10)] * NUM_DAYS)
    assert is_new_constant(periods, 1, served(a=50))
    assert is_new_constant(periods, 3, served(z=50))
    assert not is_new_constant(periods, 1, served(a=49, b=1))
    assert not is_new_constant(periods, 1, None)


def test_a_day_of_one_word_alone_makes_it_no_news_for_a_day_and_still_for_a_week() -> None:
    periods = of_words(*[(30, 10)] * (NUM_DAYS - 1), (40, 0))
    assert not is_new_constant(periods, 1, served(a=50))
    assert is_new_constant(periods, 7, served(a=50))


@pytest.mark.parametrize(("rows", "days"), [(19, NUM_DAYS), (50, 4)])
def test_few_rows_and_few_days_say_nothing(rows: int, days: int) -> None:
    assert not is_new_constant(of_words(*[(30, 10)] * days), 1, served(a=rows))
    assert not is_new_constant(of_words(), 1, served(a=50))


def test_a_number_is_constant_by_its_ends() -> None:
    counts = np.array([[10.0, 0, 10]] * NUM_DAYS)
    rows = counts.sum(1)
    sums = np.array([[0.0, 5.0]] * NUM_DAYS)
    cells = Bins(NUMBER, edges=np.array([0.0]))
    periods = FeaturePeriods(cells, np.arange(NUM_DAYS), rows, rows, counts, np.zeros((NUM_DAYS, 0)), sums)
    feature = hand_made.number("x", 100, buckets=[(2.0, 2.0, 100)], quantiles=[(2.0, 2.0, 100)])
    feature.num_stats.min = feature.num_stats.max = 2.0
    assert is_new_constant(periods, 1, View(feature, 100))
    feature.num_stats.max = 2.5
    assert not is_new_constant(periods, 1, View(feature, 100))
    feature.num_stats.max = 2.0
    sums[3] = [20.0, 20.0]  # a day of ones
    assert not is_new_constant(periods, 1, View(feature, 100))
