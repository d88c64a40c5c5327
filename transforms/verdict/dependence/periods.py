"""How much more training's periods differ in a mean than so many independent rows do."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

# Periods are as long as the window, but there are so many at least where training has them.
_LEAST_PERIODS, _HOUR, _DAY = 8, 3600, 24
_NO_TIME = np.iinfo(np.int64).min


class Between(NamedTuple):
    """Variances of means, and their degrees of freedom.

    Attributes:
      of_window: of a window's, beyond that of its rows.
      of_all: of training's.
    """

    of_window: float
    of_all: float
    freedom: int


class Periods(NamedTuple):
    """Training's periods.

    Attributes:
      numbers: of each row its period, from 0.
      in_window: how many of them a window is as long as, 1 at least.
    """

    numbers: Array
    in_window: float


def periods_of(times: Array | None, span: dt.timedelta | None) -> Periods | None:
    """Periods as long as the window, if training has enough of these; or else shorter ones.

    A row without a time has a period of its own. None where no times are known, or all are in one period.

    Args:
      times: int64, seconds of the epoch, the least for none.
      span: how long the window is; a day where that is not known.
    """
    if times is None or not (known := times != _NO_TIME).any():
        return None
    hours = times // _HOUR
    length = wanted = max(round(span.total_seconds() / _HOUR), 1) if span else _DAY
    while length > 1 and len(np.unique(hours[known] // length)) < _LEAST_PERIODS:
        length //= 2
    alone = np.iinfo(np.int64).max - np.arange(len(times))
    _, numbers = np.unique(np.where(known, hours // length, alone), return_inverse=True)
    return Periods(numbers.reshape(-1), wanted / length) if numbers.max() else None


def between(values: Array, periods: Periods) -> Between:
    """Of the periods' means, by a one-way analysis of variance (Searle 1971, chapter 11)."""
    apart = values.astype(float) - values.mean(dtype=float)
    sums, sizes = np.bincount(periods.numbers, apart), np.bincount(periods.numbers).astype(float)
    num_rows, num_periods = len(values), len(sums)
    squares_between = float((sums**2 / sizes).sum())
    mean_between = squares_between / (num_periods - 1)
    mean_within = (float((apart**2).sum()) - squares_between) / max(num_rows - num_periods, 1)
    size = (num_rows - float((sizes**2).sum()) / num_rows) / (num_periods - 1)
    of_all = float((sums**2).sum()) / num_rows**2
    of_period = max((mean_between - mean_within) / size, 0.0)
    return Between(of_period / periods.in_window, of_all, num_periods - 1)
