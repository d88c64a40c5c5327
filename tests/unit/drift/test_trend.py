"""Trends by hand: Mann and Kendall's test, Theil and Sen's line, and the largest step."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trueserve.transforms.drift import trend
from trueserve.transforms.drift.trend import Line

NAN = math.nan


def p_value(score: int, variance: float) -> float:
    return math.erfc(max(abs(score) - 1, 0) / math.sqrt(variance) / math.sqrt(2))


def of(*values: float) -> float:
    return float(trend.of_trend(np.array([values]))[0])


@pytest.mark.parametrize(
    ("values", "score", "variance"),
    # The variance is n (n - 1) (2 n + 5) / 18; of t equal values t (t - 1) (2 t + 5) are taken off before.
    [
        ((1, 2, 3, 4, 5, 6, 7, 8), 28, 8 * 7 * 21 / 18),
        ((8, 7, 6, 5, 4, 3, 2, 1), -28, 8 * 7 * 21 / 18),
        ((1, 2, 3, 4, 5, 6, 8, 7), 26, 8 * 7 * 21 / 18),
        ((1, 2, 3, 4, 5, 6, 7, 7), 27, (8 * 7 * 21 - 2 * 1 * 9) / 18),
        ((1, 1, 1, 4, 5, 6, 7, 8), 25, (8 * 7 * 21 - 3 * 2 * 11) / 18),
        ((1, 2, NAN, 3, 4, 5, 6, 7, 8), 28, 8 * 7 * 21 / 18),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9), 36, 9 * 8 * 23 / 18),
        ((5, 1, 6, 2, 7, 3, 8, 4), 8, 8 * 7 * 21 / 18),
    ],
)
def test_a_series_that_goes_one_way(values: tuple[float, ...], score: int, variance: float) -> None:
    assert of(*values) == pytest.approx(p_value(score, variance), rel=1e-12)


def test_what_tells_nothing_is_certain() -> None:
    assert of(1, 2, 3, 4, 5, 6, 7) == 1.0
    assert of(1, 2, 3, 4, 5, 6, 7, NAN) == 1.0
    assert of(*[3.0] * 8) == 1.0
    assert of(*[NAN] * 8) == 1.0


def test_rows_are_tested_each_by_itself_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([np.arange(8), np.zeros(8), -np.arange(8), [1, 2, 3, 4, 5, 6, 8, 7], np.arange(8)])
    alone = [of(*row) for row in rows.tolist()]
    assert trend.of_trend(rows).tolist() == alone
    for at_a_time in (1, 2, 5):
        monkeypatch.setattr(trend, "_AT_A_TIME", at_a_time)
        assert trend.of_trend(rows).tolist() == alone


def test_the_line_is_the_median_slope_at_the_median_height() -> None:
    times, values = np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0, 9.0])
    assert trend.line(times, values) == Line(1.0, 9.0)
    assert trend.line(times, values).total == 8.0
    # Slopes 2, 2, 5, 2, 19/3, 8.5: their median is 3.5; heights 1, -0.5, -2, 7: 0.25.
    assert trend.line(times, np.array([1.0, 3.0, 5.0, 21.0])) == Line(0.25, 14.25)
    later = trend.line(np.array([10.0, 12.0]), np.array([3.0, 2.0]))
    assert later == Line(3.0, 2.0)
    assert later.total == -1.0


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ((0, 0, 0, 1, 1, 1), 1.0),
        ((1, 1, 1, 0, 0, 0), 1.0),
        ((0, 0, 0, 1, 1), 0.0),
        ((0, 0, 0, 9, 0, 0, 0), 0.0),
        ((0, 1, 2, 3, 4, 5), 3.0),
        ((0, 1, 2, 3, 4, 5, 9, 9), 6.0),
        ((0, 0, 0, 0, 5, 5), 5.0),
        ((0, 0, 0, 0, 5, 5, 5), 5.0),
    ],
)
def test_a_step_is_between_medians_of_three_windows(values: tuple[float, ...], step: float) -> None:
    assert trend.largest_step(np.array(values, float)) == step
