"""How windows of training that follow one another differ: what a window and the last one are held against.

Pairs of training's spans lie as far apart in time as both windows do. Where each has matches in training,
what season leads to expect of both is taken off first, of training's pairs too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    MISSING,
    VARIATION,
    FeatureDifference,
)
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import SeasonalVariation
from trueserve.transforms.verdict.variation import bins as cell
from trueserve.transforms.verdict.variation import matching, span_tails, tails
from trueserve.transforms.verdict.variation.matched import (
    ANYWHERE,
    DEVIATION,
    LEAST_ROWS,
    LEAST_ROWS_MATCHED,
    MEAN,
    Aspect,
    Placed,
    shares_of,
    window_moments,
)
from trueserve.transforms.verdict.variation.matching import Matches, Spans, Target
from trueserve.transforms.verdict.variation.seasonal_p_value import known_unit, shares_on_cells
from trueserve.transforms.verdict.variation.store import FeaturePeriods, Variation
from trueserve.transforms.verdict.variation.tails import Tail

Array = np.ndarray[Any, Any]

# Of totals of periods, [rows, columns]: what is compared, [rows, values].
_Measure = Callable[[Array], Array]
# An aspect, and how likely chance alone makes a part (0 to 1) of its distance.
_AspectByChance = tuple[Aspect, Callable[[float], float]]
_RESOLUTION = 0.0025


class Both(NamedTuple):
    """An earlier window and this one, and the rows of both."""

    before: Placed
    after: Placed
    rows: tuple[int, int]


def of_difference(
    variation: Variation,
    name: str,
    difference: FeatureDifference,
    both_views: tuple[View, View | None],
    where: Both,
) -> SeasonalVariation | None:
    """What training's own pairs of windows say of a difference between two; None where there are too few."""
    unit, length = known_unit(variation, where.after.span)
    if (periods := variation.get(unit, {}).get(name)) is None:
        return None
    targets = [Target.of(placed.start, unit, length, placed.span) for placed in (where.before, where.after)]
    pairs = _Pairs.of(periods, targets[0], targets[1])
    if pairs is None:
        return None
    aspects = list(_aspects(pairs, difference, both_views, where.rows))
    if not aspects:
        return None
    p_value = min(1.0, *(aspect.p_value(p_of_part) for aspect, p_of_part in aspects))
    first, count = aspects[0][0], 0 if pairs.matches is None else pairs.matches[1].count
    return SeasonalVariation(unit, length, first.distance, first.tail.median, first.tail.most, p_value, count)


@dataclasses.dataclass(frozen=True, eq=False)
class _Pairs:
    """Spans of training, and which of them lie as far apart as both windows do.

    Attributes:
      matches: of the earlier window and of this one; None where either has none.
      first, second: the places of both spans of each pair.
    """

    periods: FeaturePeriods
    matches: tuple[Matches, Matches] | None
    spans: Spans
    first: Array
    second: Array
    length: int

    @classmethod
    def of(cls, periods: FeaturePeriods, before: Target, after: Target) -> _Pairs | None:
        # Within a period nothing is known of how windows differ.
        if not len(periods.periods) or after.first == before.first:
            return None
        both = (matching.of(periods.periods, before), matching.of(periods.periods, after))
        rows = _rows_of(periods)
        has_matches = all(each is not None and each.window_size(rows) >= LEAST_ROWS_MATCHED for each in both)
        matches = (both[0], both[1]) if has_matches and both[0] is not None and both[1] is not None else None
        spans = Spans.of(periods.periods, after.length) if matches is None else matches[1].spans
        starts = periods.periods[spans.first]
        wanted = starts + abs(after.first - before.first)
        second = np.searchsorted(starts, wanted)
        is_there = (second < len(starts)) & (starts[np.minimum(second, len(starts) - 1)] == wanted)
        pairs = cls(periods, matches, spans, np.flatnonzero(is_there), second[is_there], after.length)
        return pairs if pairs.is_enough(np.ones(len(pairs.first), bool)) else None

    def is_enough(self, known: Array) -> bool:
        """Whether so many pairs tell how pairs differ."""
        count = int(known.sum())
        independent = matching.independent_spans(count, self.length)
        return count >= matching.LEAST_SPANS and independent >= matching.LEAST_INDEPENDENT

    def apart(self, totals: Array, measure: _Measure) -> Array:
        """How pairs differ in a measure, beside what is expected of both."""
        with np.errstate(divide="ignore", invalid="ignore"):  # spans without rows are left out later
            residuals = measure(self.spans.sums(totals))
            if self.matches is not None:
                residuals = residuals - measure(self.matches[1].span_weights @ totals)
        result: Array = residuals[self.second] - residuals[self.first]
        return result

    def expected(self, totals: Array, measure: _Measure) -> Array:
        """How the windows are expected to differ, by their matches; nothing where they have none."""
        if self.matches is None:
            nothing: Array = measure(totals.sum(0)[None, :])[0] * 0.0
            return nothing
        before, after = (measure((matches.weights @ totals)[None, :])[0] for matches in self.matches)
        result: Array = after - before
        return result

    def sizes(self, rows: Array) -> tuple[Array, Array]:
        """For pairs the effective size of both samples (and of their matches), and which have rows enough."""
        own = np.maximum(self.spans.sums(rows), 1e-300)
        uncertain, known = 1 / own, own >= LEAST_ROWS
        if self.matches is not None:
            matched = self.matches[1].span_sizes(rows)
            uncertain = uncertain + 1 / np.maximum(matched, 1e-300)
            known &= matched >= LEAST_ROWS_MATCHED
        enough = known[self.first] & known[self.second]
        return 1 / (uncertain[self.first] + uncertain[self.second]), enough

    def size(self, rows: Array, of_windows: tuple[float, float]) -> float:
        """The effective size of both windows, of so many independent rows, and of their matches."""
        uncertain = sum(1 / max(count, 1.0) for count in of_windows)
        for matches in self.matches or ():
            uncertain += 1 / max(matches.window_size(rows), 1.0)
        return 1 / uncertain

    def tail(self, distances: Array) -> Tail:
        independent = matching.independent_spans(len(distances), self.length)
        return span_tails.tail_of_spans(distances, independent, self.length)

    @cached_property
    def rows(self) -> Array:
        return _rows_of(self.periods)


def _rows_of(periods: FeaturePeriods) -> Array:
    """In each period the rows that tell of values."""
    rows: Array = np.minimum(periods.present, periods.counts.sum(1))
    return rows


def _aspects(
    pairs: _Pairs,
    difference: FeatureDifference,
    both_views: tuple[View, View | None],
    rows: tuple[int, int],
) -> Iterator[_AspectByChance]:
    before, after = both_views
    if difference.metric == MISSING:
        yield from _of_missing(
            pairs, difference, (rows[0] / before.missing_effect, rows[1] / before.missing_effect)
        )
    elif difference.metric in (KOLMOGOROV, VARIATION) and after is not None:
        yield from _of_values(pairs, before, after)


def _of_missing(
    pairs: _Pairs, difference: FeatureDifference, rows: tuple[float, float]
) -> Iterator[_AspectByChance]:
    periods = pairs.periods
    totals = np.stack([periods.present, periods.rows - periods.present], 1)
    sizes, enough = pairs.sizes(periods.rows)
    if not pairs.is_enough(enough):
        return
    apart = pairs.apart(totals, shares_of)[enough][:, 1]
    usual = float(shares_of(totals.sum(0)[None, :])[0, 1])
    [(_, before, after)] = difference.parts
    distance = abs(after - before - float(pairs.expected(totals, shares_of)[1]))
    size = pairs.size(periods.rows, rows)
    deviation = math.sqrt(max(usual, before, after) * (1 - min(usual, before, after)) / size) or 1.0
    tail = pairs.tail(tails.missing_apart(apart, np.full(len(apart), usual), sizes[enough]))
    yield Aspect(tail, distance), lambda part: p_values.of_normal(part * distance / deviation)


def _of_values(pairs: _Pairs, before: View, after: View) -> Iterator[_AspectByChance]:
    cells, counts = pairs.periods.cells, pairs.periods.counts
    sizes, enough = pairs.sizes(pairs.rows)
    if (shares := shares_on_cells(cells, before, after)) is None or not pairs.is_enough(enough):
        return
    apart, sizes = pairs.apart(counts, shares_of)[enough], sizes[enough]
    moved = shares[1] - shares[0] - pairs.expected(counts, shares_of)
    if cells.kind == cell.CATEGORY:
        size = pairs.size(pairs.rows, (before.worth, after.worth))
        usual = np.maximum(shares_of(counts.sum(0)[None, :])[0], 0.5 / size)
        tail = pairs.tail(tails.categories_apart(apart, np.broadcast_to(usual, apart.shape), sizes))

        def by_chance(part: float) -> float:
            return p_values.of_categories(usual, np.maximum(usual + part * moved, 0.0), size)

        yield Aspect(tail, float(np.abs(moved).sum() / 2)), by_chance
        return
    size = pairs.size(pairs.rows, (before.worth_finite, after.worth_finite))
    distance = float(np.abs(np.cumsum(moved)).max())

    def of_ranks(part: float) -> float:
        return p_values.of_kolmogorov(part * max(distance - _RESOLUTION, 0.0), size)

    usual = np.broadcast_to(shares_of(counts.sum(0)[None, :]), apart.shape)
    yield Aspect(pairs.tail(tails.numbers_apart(apart, usual, sizes)), distance, ANYWHERE), of_ranks
    for aspect in _of_moments(pairs, before, after, enough):
        yield aspect, of_ranks


def _of_moments(pairs: _Pairs, before: View, after: View, enough: Array) -> Iterator[Aspect]:
    cells = pairs.periods.cells
    values_before, values_after = window_moments(cells, before), window_moments(cells, after)
    if values_before is None or values_after is None:
        return
    totals = np.column_stack([pairs.periods.power_sums, pairs.periods.counts.sum(1)])
    usual = float(np.median(pairs.spans.sums(pairs.rows)))
    with_chance = min(before.worth_finite, after.worth_finite) >= usual
    weights = (MEAN, DEVIATION)
    for (moment, value_before), (_, value_after), weight in zip(
        values_before, values_after, weights, strict=True
    ):

        def measure(values: Array, of: tails.Moment = moment) -> Array:
            return of(values)[:, None]

        apart = pairs.apart(totals, measure)[enough][:, 0]
        moved = value_after - value_before - float(pairs.expected(totals, measure)[0])
        yield Aspect(pairs.tail(np.abs(apart)), abs(moved), weight, with_chance)
