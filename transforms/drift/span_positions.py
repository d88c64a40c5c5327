"""How training's own spans of time differ in a position: what the mean of several windows is held against."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.runs import window_summary
from trueserve.transforms.runs.window_summary import SummaryKey
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.variation.seasonal_p_value import known_unit
from trueserve.transforms.verdict.variation.store import FeaturePeriods, Variation

Array = np.ndarray[Any, Any]

_LENGTHS = {"day": dt.timedelta(days=1), "hour": dt.timedelta(hours=1)}
# With fewer spans of a length in training, shorter ones are taken.
_LEAST_SPANS = 6
_SURE, _STRAY = 1e9, 0.01


class Between(NamedTuple):
    """The variance of a span's position beyond that of its rows, and its degrees of freedom."""

    variance: float
    freedom: float


@dataclasses.dataclass(frozen=True)
class Spread:
    """Training's periods: number, rows, and the sum of the position over rows; empty where none are known."""

    unit: dt.timedelta = dt.timedelta(days=1)
    periods: Array = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    rows: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    sums: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    variance_of_row: float = 0.0

    def of_span(self, length: dt.timedelta) -> Between:
        """Of spans of this length, or as long as training has enough of."""
        if not len(self.periods):
            return Between(0.0, _SURE)
        wanted = max(round(length / self.unit), 1)
        spans = (self.periods - self.periods[0]) // max(min(wanted, len(self.periods) // _LEAST_SPANS), 1)
        rows, sums = (np.bincount(spans, each) for each in (self.rows, self.sums))
        # A stray row is no span.
        there = rows > _STRAY * np.median(rows[rows > 0])
        rows, sums = rows[there], sums[there]
        if len(rows) < 2:
            return Between(0.0, 1.0)
        of_rows = self.variance_of_row * float((1 / rows).mean())
        return Between(max(float((sums / rows).var(ddof=1)) - of_rows, 0.0), len(rows) - 1)


def of(variation: Variation | None, key: SummaryKey, training: View) -> Spread | None:
    """Of one position; None where days differ in training and it is not known how in this position."""
    if variation is None:
        return Spread()
    unit, _ = known_unit(variation, None)
    periods = variation.get(unit, {}).get(key.feature)
    scores = None if periods is None else _scores(periods, key, training)
    if periods is None or scores is None:
        return None
    values, rows = scores
    mean = float(values.sum()) / max(float(rows.sum()), 1.0)
    variance = 1 / 12 if key.what == window_summary.RANK else mean * (1 - mean)
    there = rows > 0
    return Spread(_LENGTHS[unit], periods.periods[there], rows[there], values[there], variance)


def _scores(periods: FeaturePeriods, key: SummaryKey, training: View) -> tuple[Array, Array] | None:
    """Of each period the sum of the position over what it is a mean of, and how many those are."""
    counts = periods.counts.astype(float)
    totals = counts.sum(1)
    if key.what == window_summary.MISSING:
        return (periods.rows - periods.present).astype(float), periods.rows.astype(float)
    if key.what == window_summary.RANK:
        shares = counts.sum(0) / max(counts.sum(), 1.0)
        middles = np.cumsum(shares) - shares / 2
        return counts @ (middles - 0.5), totals
    top = window_summary.top_values(training)
    cells = [periods.cells.values.index(value) for value in top if value in periods.cells.values]
    if len(cells) < len(top):
        return None
    if key.what == window_summary.OTHERS:
        return totals - counts[:, cells].sum(1), totals
    return counts[:, cells[key.value]], totals
