"""A window of one value alone, where no window of training was: a fault, whatever the season."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.variation import bins as cell
from trueserve.transforms.verdict.variation.matching import Spans
from trueserve.transforms.verdict.variation.store import FeaturePeriods

Array = np.ndarray[Any, Any]

#: Windows of fewer values may have one value by chance; fewer spans tell nothing.
LEAST_ROWS, LEAST_SPANS = 20, 5
# A variance of less, in units of training's width, is none: sums are rounded.
_NO_VARIANCE = 1e-9


def is_new_constant(periods: FeaturePeriods, length: int, serving: View | None) -> bool:
    """Whether all values served are one, as in no span of so many periods of training."""
    if serving is None or serving.values < LEAST_ROWS or not _is_constant(serving):
        return False
    if not len(periods.periods):
        return False
    spans = Spans.of(periods.periods, length)
    counts = spans.sums(periods.counts)
    known = counts.sum(1) >= LEAST_ROWS
    if np.count_nonzero(known) < LEAST_SPANS:
        return False
    if periods.cells.kind == cell.CATEGORY:
        return not bool((counts[known].max(1) >= counts[known].sum(1)).any())
    totals = spans.sums(periods.power_sums)[known] / counts[known].sum(1, keepdims=True)
    return not bool((totals[:, 1] - totals[:, 0] ** 2 <= _NO_VARIANCE).any())


def _is_constant(view: View) -> bool:
    if view.kind == "number":
        numbers = view.proto.num_stats
        return bool(numbers.min == numbers.max) and not view.not_finite
    counted = view.counted()
    return len(counted.counts) == 1 and counted.most_unkept <= 0
