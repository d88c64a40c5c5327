"""A window beside what its matches lead to expect: how far apart, and how likely by chance and by season.

What the counts of days and the statistics of the same rows name differently is taken off: it is the same for
all of training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence import numeric_tests, p_values, precision
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    MISSING,
    VARIATION,
    FeatureDifference,
)
from trueserve.transforms.verdict.evidence.rates import false_discovery
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import SeasonalVariation
from trueserve.transforms.verdict.variation import bins as cell
from trueserve.transforms.verdict.variation.constants import is_new_constant
from trueserve.transforms.verdict.variation.matched import (
    ANYWHERE,
    Aspect,
    Matched,
    of_missing,
    of_moments,
    of_values,
    shares_of,
)

Array = np.ndarray[Any, Any]

_FLOAT = statistics_pb2.FeatureNameStatistics.FLOAT
# As in `two_sample`: how well ranks are known, between two quantiles and anywhere.
_RESOLUTION, _RANKS = 0.0025, 250_000
# A cell in which fewer rows are expected is put to the others.
_LEAST_EXPECTED = 5


@dataclasses.dataclass(frozen=True, eq=False)
class SeasonalDifference:
    """A difference from what matches lead to expect; `difference` has the p-value of chance alone.

    Attributes:
      apart: what the window has less what is expected, as shares of cells (of a share alone, one).
    """

    matched: Matched
    difference: FeatureDifference
    apart: Array
    serving: View | None

    def variation(self) -> SeasonalVariation | None:
        """How likely season and chance make the difference together."""
        aspects = list(self._aspects())
        if not aspects:
            return None
        p_of_part = self.difference.p_of_part
        p_value = min(1.0, *(aspect.p_value(p_of_part) for aspect in aspects))
        if is_new_constant(self.matched.periods, self.matched.target.length, self.serving):
            p_value = 0.0
        first, target = aspects[0], self.matched.target
        count = self.matched.matches.count
        return SeasonalVariation(
            target.unit, target.length, first.distance, first.tail.median, first.tail.most, p_value, count
        )

    def _aspects(self) -> Iterator[Aspect]:
        matched, periods = self.matched, self.matched.periods
        if self.difference.metric == MISSING:
            yield Aspect(matched.tail(of_missing(matched)), abs(float(self.apart[0])))
        elif periods.cells.kind == cell.CATEGORY:
            yield Aspect(matched.tail(of_values(matched)), float(np.abs(self.apart).sum() / 2))
        else:
            distance = float(np.abs(np.cumsum(self.apart)).max())
            yield Aspect(matched.tail(of_values(matched)), distance, ANYWHERE)
            assert self.serving is not None
            yield from of_moments(matched, self.serving)


def of_difference(
    matched: Matched, difference: FeatureDifference, both_views: tuple[View, View | None], rows: int
) -> SeasonalDifference | None:
    """The difference of a window of so many rows from its matches, in the metric of `difference`.

    None where the metric is not matched, or its rows are too few.
    """
    training, serving = both_views
    if difference.metric == MISSING:
        enough = matched.has_enough(matched.periods.rows)
        return _missing(matched, difference, training, rows) if enough else None
    if difference.metric not in (KOLMOGOROV, VARIATION) or serving is None:
        return None
    if not matched.has_enough(matched.rows):
        return None
    if matched.periods.cells.kind == cell.CATEGORY:
        return _category(matched, difference, training, serving)
    return _number(matched, difference, training, serving)


def _missing(
    matched: Matched, difference: FeatureDifference, training: View, rows: int
) -> SeasonalDifference:
    [(_, before, served)] = difference.parts
    periods, days = matched.periods, matched.all_days
    lacking = matched.expected(periods.rows - periods.present) / matched.expected(periods.rows)
    named = before - float((days.rows - days.present).sum() / max(days.rows.sum(), 1))
    expected = min(max(float(lacking) + named, 0.0), 1.0)
    known, after = (count / training.missing_effect for count in (matched.rows_matched(periods.rows), rows))

    def p_of_part(part: float) -> float:
        moved = expected + part * (served - expected)
        return p_values.of_rates(expected * known, known, moved * after, after)

    changed = dataclasses.replace(
        difference,
        effect=abs(served - expected),
        p_value=p_of_part(1.0),
        size=p_values.effective_size(known, after),
        p_of_part=p_of_part,
        attainable=false_discovery.attainable(expected * known, known, served * after, after),
    )
    return SeasonalDifference(matched, changed, np.array([served - expected]), None)


def _number(
    matched: Matched, difference: FeatureDifference, training: View, serving: View
) -> SeasonalDifference | None:
    before, after = cdfs.of_view(training), cdfs.of_view(serving)
    if before is None or after is None:
        return None
    if _FLOAT in {training.proto.type, serving.proto.type}:
        after = precision.at_precision_of_log(before, after)
    edges = matched.periods.cells.edges
    observed = cell.shares_of_cdf(after, edges)
    expected = _expected(matched, cell.shares_of_cdf(before, edges))
    size = p_values.effective_size(_size(matched, training.worth_finite, serving.worth_finite), _RANKS)
    moved = numeric_tests.moved(expected, observed / max(observed.sum(), 1e-300), size)
    effect = max(moved.distance - _RESOLUTION, 0.0)
    changed = dataclasses.replace(
        difference,
        effect=effect,
        p_value=moved.p_value(),
        size=size,
        p_of_part=moved.p_value,
        floor=p_values.floor_of_kolmogorov(size),
        rank_distance=effect,
        excluded_value=None,
    )
    return SeasonalDifference(matched, changed, observed - expected, serving)


def _category(
    matched: Matched, difference: FeatureDifference, training: View, serving: View
) -> SeasonalDifference:
    values = matched.periods.cells.values
    observed = cell.shares_of_values(serving.counted(), values)
    expected = _expected(matched, cell.shares_of_values(training.counted(), values))
    size = _size(matched, training.worth, serving.worth)
    frequent = np.append(expected[:-1] * size >= _LEAST_EXPECTED, False)
    cells, counted = (
        np.append(shares[frequent], max(1.0 - float(shares[frequent].sum()), 0.0))
        for shares in (expected, observed)
    )
    cells = np.maximum(cells, 0.5 / max(size, 1.0))  # what never comes may come by chance
    cells /= cells.sum()

    def p_of_part(part: float) -> float:
        return p_values.of_categories(cells, cells + part * (counted - cells), size)

    far = float(np.abs(counted - cells).sum() / 2)
    changed = dataclasses.replace(
        difference,
        effect=p_values.beyond_noise(far, p_values.expected_variation(cells, size)),
        p_value=p_of_part(1.0),
        size=size,
        p_of_part=p_of_part,
        floor=p_values.floor_of_variation(cells, size),
    )
    return SeasonalDifference(matched, changed, observed - expected, serving)


def _expected(matched: Matched, before: Array) -> Array:
    """Shares of the matches, and what training's statistics say otherwise than the counts of its days."""
    named = before - shares_of(matched.all_days.counts.sum(0)[None, :])[0]
    shares = np.clip(shares_of(matched.expected(matched.periods.counts)[None, :])[0] + named, 0.0, 1.0)
    result: Array = shares / max(float(shares.sum()), 1e-300)
    return result


def _size(matched: Matched, training: float, serving: float) -> float:
    """The effective size of matches and window; of training's values so many are independent in all."""
    values = float(matched.all_days.counts.sum())
    worth = min(training / values, 1.0) if values else 0.0
    return p_values.effective_size(matched.rows_matched(matched.periods.counts.sum(1)) * worth, serving)
