"""How far a window lies from its matches, as wide as its season is."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
from support import hand_made

from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.variation import matched as seasons
from trueserve.transforms.verdict.variation import matching
from trueserve.transforms.verdict.variation.bins import NUMBER, Bins
from trueserve.transforms.verdict.variation.matched import Matched, Placed
from trueserve.transforms.verdict.variation.store import FeaturePeriods

ROWS = 100
DAYS = np.arange(18_628, 18_628 + 365)  # 2021
# With these, numbers are measured in their own units.
CELLS = Bins(NUMBER, edges=np.array([-1.0, 0.0, 1.0]))
JANUARY, JULY = (Placed(dt.datetime(2022, month, 1, tzinfo=dt.UTC), dt.timedelta(31)) for month in (1, 7))


def periods(deviation_of_summer: float) -> FeaturePeriods:
    """Levels of days have a deviation of 1 in winter, and lie about 0 all year."""
    angles = DAYS * (2 * np.pi / matching.DAYS_OF_YEAR)
    deviations = np.exp(np.log(deviation_of_summer) * (1 - np.cos(angles)) / 2)
    levels = deviations * np.random.default_rng(1).normal(size=len(DAYS))
    rows = np.full(len(DAYS), float(ROWS))
    counts = np.zeros((len(DAYS), CELLS.size))
    counts[:, 2] = counts[:, 4] = ROWS / 2
    sums = np.stack([levels * ROWS, (levels**2 + 1) * ROWS], 1)
    return FeaturePeriods(CELLS, DAYS, rows, rows, counts, np.zeros((len(DAYS), 0)), sums)


def window(mean: float) -> View:
    buckets = [(0.0, 1.0, 31.0 * ROWS)]
    feature = hand_made.number("x", 31 * ROWS, deviation=1.0, buckets=buckets, quantiles=buckets)
    feature.num_stats.mean = mean
    return View(feature, 31 * ROWS)


def p_of_mean(of: FeaturePeriods, placed: Placed, mean: float) -> float:
    matched = Matched.of({"day": {"x": of}}, "x", placed)
    assert matched is not None
    aspect = next(seasons.of_moments(matched, window(mean)))
    return aspect.tail.probability(aspect.distance)


def test_what_is_usual_in_winter_is_far_out_in_a_calm_summer() -> None:
    calm = periods(0.2)
    assert p_of_mean(calm, JANUARY, 0.4) > 0.02
    assert p_of_mean(calm, JULY, 0.4) < 1e-3
    assert p_of_mean(calm, JULY, 0.02) > 0.02


def test_where_all_seasons_vary_alike_they_are_one() -> None:
    alike = periods(1.0)
    assert 1 / 3 < p_of_mean(alike, JANUARY, 0.6) / p_of_mean(alike, JULY, 0.6) < 3


def test_days_without_rows_tell_nothing_of_a_season() -> None:
    calm = periods(0.2)
    absent = np.isin(np.arange(len(DAYS)), [3, 200])
    rows = np.where(absent, 0.0, calm.rows)
    of_values = [np.where(absent[:, None], 0.0, values) for values in (calm.counts, calm.power_sums)]
    without = dataclasses.replace(calm, rows=rows, present=rows, counts=of_values[0], power_sums=of_values[1])
    assert p_of_mean(without, JULY, 0.4) < 1e-3
    assert p_of_mean(without, JANUARY, 0.4) > 0.02
