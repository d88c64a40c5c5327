"""Trends of series against sums over all pairs; what no round of seven days may look like."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.drift import trend
from trueserve.transforms.drift.slow_drift import FALSE_TRENDS

_RATE = FALSE_TRENDS
# Few values, so that ties are many; None is a window without a value.
series = st.lists(st.one_of(st.none(), st.integers(0, 4), st.floats(-1, 1)), min_size=1, max_size=14)


def by_hand(values: list[float | None]) -> float:
    """Mann and Kendall's p-value, pair by pair and tie by tie."""
    there = [value for value in values if value is not None]
    n = len(there)
    if n < trend.LEAST_WINDOWS:
        return 1.0
    score = sum((b > a) - (b < a) for a, b in itertools.combinations(there, 2))
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(there).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    if variance == 0:
        return 1.0
    return math.erfc(max(abs(score) - 1, 0) / math.sqrt(variance) / math.sqrt(2))


def p_value(values: list[float | None]) -> float:
    row = [math.nan if value is None else value for value in values]
    return float(trend.of_trend(np.array([row]))[0])


@given(series)
def test_the_test_is_mann_and_kendalls(values: list[float | None]) -> None:
    assert p_value(values) == pytest.approx(by_hand(values))


@given(series)
def test_direction_and_scale_do_not_matter_and_gaps_are_left_out(values: list[float | None]) -> None:
    expected = pytest.approx(p_value(values))
    assert p_value(values[::-1]) == expected
    assert p_value([None if value is None else -value for value in values]) == expected
    assert p_value([None if value is None else 8 * value for value in values]) == expected
    assert p_value([value for value in values if value is not None] or [None]) == expected


@given(st.lists(series, min_size=1, max_size=5))
def test_each_row_is_tested_by_itself(rows: list[list[float | None]]) -> None:
    widest = max(map(len, rows))
    padded = [[*row, *[None] * (widest - len(row))] for row in rows]
    together = trend.of_trend(np.array([[math.nan if v is None else v for v in row] for row in padded]))
    assert together == pytest.approx([p_value(row) for row in rows])


def test_a_series_that_always_rises_by_hand() -> None:
    # Eight values that always rise: S = 28, its variance 8 x 7 x 21 / 18 = 65.33, z = 27 / 8.083 = 3.340.
    assert p_value(list(range(8))) == pytest.approx(math.erfc(27 / math.sqrt(196 / 3) / math.sqrt(2)))
    assert p_value(list(range(5))) == 1.0


@pytest.mark.parametrize("windows", [6, 7, 8, 14, 21, 31])
def test_no_week_however_it_goes_is_beyond_chance(windows: int) -> None:
    rounds = np.array(list(itertools.permutations(range(7))), float)
    # Each week a trifle higher than the last, so that no day ties with that of another week.
    weeks = rounds[:, np.arange(windows) % 7] + 1e-6 * np.arange(windows)
    assert trend.of_trend(weeks).min() > _RATE


def test_among_thousands_of_series_without_a_trend_few_are_beyond_chance() -> None:
    p_values = trend.of_trend(np.random.default_rng(1).normal(size=(20_000, 12)))
    assert 0.03 < np.mean(p_values <= 0.05) < 0.06
    assert np.mean(p_values <= _RATE) <= _RATE


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12), st.floats(-2, 2))
def test_the_line_is_theil_and_sens(values: list[float], slope: float) -> None:
    times = np.array([0.0, 1, 2, 3.5, 4, 5, 6, 9, 10, 11, 12, 13])[: len(values)]
    tilted = np.array(values) + slope * times
    pairs = itertools.combinations(range(len(values)), 2)
    expected = np.median([(tilted[b] - tilted[a]) / (times[b] - times[a]) for a, b in pairs])
    line = trend.line(times, tilted)
    assert line.total == pytest.approx(expected * (times[-1] - times[0]), abs=1e-9)
    straight = trend.line(times, slope * times + 3)
    assert list(straight) == pytest.approx([3, 3 + slope * times[-1]])


def test_one_window_far_off_bends_no_line_and_is_no_step() -> None:
    times = np.arange(12.0)
    values = 0.01 * times
    values[5] = 9.0
    assert trend.line(times, values).total == pytest.approx(0.11, rel=0.1)
    assert trend.largest_step(values) < 0.06


@pytest.mark.parametrize("windows", [8, 12, 31])
def test_a_straight_rise_has_no_step_of_half_and_a_jump_has(windows: int) -> None:
    rise = np.linspace(0, 1, windows)
    assert trend.largest_step(rise) < 0.5
    for at in range(3, windows - 2):
        assert trend.largest_step((np.arange(windows) >= at).astype(float)) == 1.0


def test_a_jump_is_a_step_in_noise_too_and_a_rise_is_not() -> None:
    random = np.random.default_rng(2)
    gradual = Counter[str]()
    for _ in range(200):
        noise = random.normal(0, 0.005, 16)
        for name, shape in (
            ("rise", np.linspace(0, 0.06, 16)),
            ("jump", np.where(np.arange(16) < 8, 0, 0.06)),
        ):
            line = trend.line(np.arange(16.0), shape + noise)
            gradual[name] += trend.largest_step(shape + noise) < abs(line.total) / 2
    assert gradual["jump"] == 0
    assert gradual["rise"] > 190
