"""Whether a feature goes one way over many windows, and how far: tests of a series, without a model of it.

Sources: Mann (1945) and Kendall (Rank Correlation Methods, 4th edition 1975) for the test, with the normal
approximation and the correction for ties that Kendall gives; Theil (1950) and Sen (1968) for the slope.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

LEAST_WINDOWS = 8
# Levels before and after a step are medians of this many windows.
_LEVEL = 3
_AT_A_TIME = 2000


class Line(NamedTuple):
    """What a straight line through a series has at its first and at its last window."""

    first: float
    last: float

    @property
    def total(self) -> float:
        return self.last - self.first


def of_trend(series: Array) -> Array:
    """That windows in a random order go one way as much, for each row of `series` (Mann and Kendall).

    Columns are windows in the order of time; NaN is no value. Fewer than `LEAST_WINDOWS` values give 1.

    The normal approximation with its correction for continuity is meant: it is cautious for few windows, and
    at most 0.002, as `Policy.false_alarms` asks for, is more than any round of seven days reaches, however it
    goes and wherever it begins; the exact test would take a week that rises from Monday on for a trend.
    """
    series = np.asarray(series, float).reshape(len(series), -1)
    parts = [_of_some(series[at : at + _AT_A_TIME]) for at in range(0, len(series), _AT_A_TIME)]
    return np.concatenate(parts) if parts else np.ones(0)


def _of_some(series: Array) -> Array:
    count = np.sum(~np.isnan(series), axis=1)
    differences = series[:, None, :] - series[:, :, None]  # [row, earlier, later] above the diagonal
    signs = np.nan_to_num(np.sign(differences))
    score = np.triu(signs, 1).sum(axis=(1, 2))
    # Of t equal values each counts t - 1 others: the sum over them is t (t - 1) (2 t + 5).
    equal = np.sum(differences == 0, axis=2)
    ties = np.sum(np.where(equal > 0, (equal - 1) * (2 * equal + 5), 0), axis=1)
    variance = (count * (count - 1) * (2 * count + 5) - ties) / 18
    tested = (count >= LEAST_WINDOWS) & (variance > 0)
    deviations = np.maximum(np.abs(score) - 1, 0) / np.sqrt(np.where(tested, variance, 1.0))
    p_values = [math.erfc(deviation / math.sqrt(2)) for deviation in np.where(tested, deviations, 0.0)]
    return np.array(p_values)


def line(times: Array, values: Array) -> Line:
    """Theil and Sen's line: the median slope of all pairs of windows, at their median height.

    `times` ascend, in any unit; both are without NaN, two windows at least.
    """
    first, second = np.triu_indices(len(values), 1)
    slope = float(np.median((values[second] - values[first]) / (times[second] - times[first])))
    height = float(np.median(values - slope * times))
    return Line(height + slope * float(times[0]), height + slope * float(times[-1]))


def largest_step(values: Array) -> float:
    """The most that the level of a series changes from one window to the next, as an absolute difference.

    A level is the median of three windows, so that one that stands out is no step. Steps nearer to an
    end than that are left out: so few windows on one side make no trend.
    """
    if len(values) < 2 * _LEVEL:
        return 0.0
    levels = np.median(np.lib.stride_tricks.sliding_window_view(values, _LEVEL), axis=1)
    return float(np.max(np.abs(levels[_LEVEL:] - levels[:-_LEVEL])))
