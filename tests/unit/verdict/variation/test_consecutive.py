"""Two windows are compared with training's own, as far apart in time."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from support import hand_made

from trueserve.transforms.verdict.evidence.feature_difference import (
    LENGTH,
    MISSING,
    VARIATION,
    FeatureDifference,
)
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import SeasonalVariation
from trueserve.transforms.verdict.variation import consecutive
from trueserve.transforms.verdict.variation.bins import CATEGORY, Bins
from trueserve.transforms.verdict.variation.consecutive import Both
from trueserve.transforms.verdict.variation.matched import Placed
from trueserve.transforms.verdict.variation.store import FeaturePeriods

DAY = dt.timedelta(days=1)
FIRST, NUM_DAYS, ROWS = 19_000, 200, 1000


def start(day: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + DAY * day


def periods(share: Any) -> FeaturePeriods:
    """Days with the word `a` in these shares of their rows; as many lack the word each day."""
    counts = np.stack([share * ROWS, (1 - share) * ROWS, np.zeros(len(share))], 1).round()
    rows = np.full(len(share), 1.25 * ROWS)
    nothing = np.zeros((len(share), 0))
    numbers = FIRST + np.arange(len(share))
    return FeaturePeriods(
        Bins(CATEGORY, values=("a", "b")), numbers, rows, np.full(len(share), ROWS), counts, nothing, nothing
    )


def slow_wave() -> FeaturePeriods:
    """From 20 % to 80 % and back in a hundred days: any two days may lie far apart, no day and the next."""
    random = np.random.default_rng(1)
    days = np.arange(NUM_DAYS)
    return periods(0.5 + 0.3 * np.sin(2 * np.pi * days / 100) + random.normal(0, 0.01, NUM_DAYS))


def view(share: float) -> View:
    counts = {"a": round(share * ROWS), "b": round((1 - share) * ROWS)}
    return View(hand_made.category("c", counts), ROWS)


def seasonal(
    before: float, after: float, apart: int = 1, metric: str = VARIATION
) -> SeasonalVariation | None:
    difference = FeatureDifference(
        metric, abs(after - before), 1e-30, 500.0, lambda: (("x", before, after),), lambda _part: 0.0
    )
    last = FIRST + NUM_DAYS + 5
    both = Both(Placed(start(last), DAY), Placed(start(last + apart), DAY), (ROWS, ROWS))
    variation = {"day": {"c": slow_wave()}}
    return consecutive.of_difference(variation, "c", difference, (view(before), view(after)), both)


def test_a_step_overnight_is_unlikely_though_days_apart_differ_as_much() -> None:
    overnight, usual = seasonal(0.7, 0.3), seasonal(0.50, 0.52)
    assert overnight is not None
    assert usual is not None
    assert overnight.p_value < 1e-4
    assert usual.p_value > 0.05


def test_windows_that_lie_apart_are_compared_with_days_as_far_apart() -> None:
    far = seasonal(0.7, 0.3, apart=50)
    assert far is not None
    assert far.p_value > 0.01


def test_missing_rows_are_compared_likewise() -> None:
    more = seasonal(0.2, 0.6, metric=MISSING)
    assert more is not None
    assert more.p_value < 1e-4
    as_many = seasonal(0.2, 0.2, metric=MISSING)
    assert as_many is not None
    assert as_many.p_value == 1.0


@pytest.mark.parametrize("apart", [NUM_DAYS, 1000])
def test_no_days_of_training_lie_so_far_apart(apart: int) -> None:
    assert seasonal(0.7, 0.3, apart=apart) is None


def test_other_metrics_and_features_are_not_known() -> None:
    assert seasonal(0.7, 0.3, metric=LENGTH) is None
    difference = FeatureDifference(VARIATION, 0.4, 1e-30, 500.0)
    both = Both(Placed(start(FIRST), DAY), Placed(start(FIRST + 1), DAY), (ROWS, ROWS))
    assert consecutive.of_difference({}, "c", difference, (view(0.5), view(0.5)), both) is None
    few = {"day": {"c": slow_wave().kept(np.arange(NUM_DAYS) < 0)}}
    assert consecutive.of_difference(few, "c", difference, (view(0.5), view(0.5)), both) is None
