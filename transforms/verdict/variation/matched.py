"""A window's matches in training, feature by feature, and how far training's spans lie from theirs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.variation import bins as cell
from trueserve.transforms.verdict.variation import matching, span_tails, tails
from trueserve.transforms.verdict.variation.matching import Matches, Target
from trueserve.transforms.verdict.variation.seasonal_p_value import divided, known_unit
from trueserve.transforms.verdict.variation.seasonal_scale import SeasonalScale
from trueserve.transforms.verdict.variation.store import FeaturePeriods, Variation
from trueserve.transforms.verdict.variation.tails import Moment, Tail

Array = np.ndarray[Any, Any]

#: Spans and matches of fewer rows tell nothing.
LEAST_ROWS, LEAST_ROWS_MATCHED = 20, 50
#: The parts of the error: for a number's distribution as a whole, its mean and its deviation. They are so
#: alike that together they err as seldom as one that has all of it.
ANYWHERE, MEAN, DEVIATION = 0.4, 0.6, 0.25


class Placed(NamedTuple):
    """When the rows of a window were logged."""

    start: dt.datetime
    span: dt.timedelta | None


class Aspect(NamedTuple):
    """One way to lie out.

    Attributes:
      tail: how far spans of training lie out; with what chance makes of their rows, if `with_chance`.
      distance: how far the window does.
      weight: its part of the error.
    """

    tail: Tail
    distance: float
    weight: float = 1.0
    with_chance: bool = False

    def p_value(self, p_of_part: Callable[[float], float]) -> float:
        """How likely season and chance make the distance; `p_of_part` is chance's (`FeatureDifference`)."""
        probability = self.tail.probability
        if self.with_chance:
            return probability(self.distance) / self.weight
        return divided(probability, p_of_part, self.distance) / self.weight


@dataclasses.dataclass(frozen=True, eq=False)
class Matched:
    """One feature, and the periods that match the window.

    Attributes:
      periods: training's, of the unit that the window is measured in.
      all_days: those that add up to all of training, as far as is known.
      matches: which of them match the window, and which each other.
    """

    periods: FeaturePeriods
    all_days: FeaturePeriods
    matches: Matches
    target: Target

    @classmethod
    def of(cls, variation: Variation, name: str, where: Placed) -> Matched | None:
        """None where too few periods of training match the window, or each other."""
        unit, length = known_unit(variation, where.span)
        if (periods := variation.get(unit, {}).get(name)) is None:
            return None
        target = Target.of(where.start, unit, length, where.span)
        if (matches := matching.of(periods.periods, target)) is None:
            return None
        return cls(periods, variation.get("day", {}).get(name, periods), matches, target)

    def expected(self, counts: Array) -> Array:
        """What the window's matches hold."""
        result: Array = self.matches.weights @ counts
        return result

    def of_spans(self, counts: Array) -> tuple[Array, Array]:
        """What each span holds, and what its matches do."""
        return self.matches.spans.sums(counts), self.matches.span_weights @ counts

    def rows_matched(self, rows: Array) -> float:
        """How many rows tell as much as those of the window's matches (Kish)."""
        return self.matches.window_size(rows)

    def sizes(self, rows: Array) -> tuple[Array, Array]:
        """For spans the effective size of both samples, and which have rows enough."""
        own, others = self.matches.spans.sums(rows), self.matches.span_sizes(rows)
        enough = (own >= LEAST_ROWS) & (others >= LEAST_ROWS_MATCHED)
        return own * others / np.maximum(own + others, 1e-300), enough

    def tail(self, distances: Array) -> Tail:
        """Of the distances of spans with rows enough."""
        return span_tails.tail_of_spans(distances, self._independent(distances), self.target.length)

    def _independent(self, distances: Array) -> float:
        return self.matches.independent * len(distances) / len(self.matches.spans.first)

    def tail_in_season(self, distances: Array, known: Array, days: Array) -> Tail:
        """Likewise, as wide as the season of the window is; `days` are the values of training's periods."""
        if not (self.matches.is_round and self.target.unit == "day" and distances.any()):
            return self.tail(distances)
        has_rows = np.isfinite(days)
        scale = SeasonalScale.of_days(self.periods.periods[has_rows], days[has_rows])
        window = scale.at(np.array([self.target.days.mean() * (2 * math.pi / matching.DAYS_OF_YEAR)]))
        in_season = distances * window / scale.at(self.matches.angles[known])
        independent = 1 / (1 / self._independent(distances) + 1 / scale.freedom)
        return span_tails.tail_of_spans(in_season, independent, self.target.length)

    def without_course(self, apart: Array, known: Array) -> Array:
        """How far spans lie out, less what the course of a year makes: matches lie beside a span, not in it.

        Only where training has all seasons, and spans few enough to be a part of a season.
        """
        if not self.matches.is_round:
            return np.abs(apart)
        angles = self.matches.angles[known]
        waves = np.stack([np.cos(angles), np.sin(angles)], 1)
        course = waves @ np.linalg.lstsq(waves, apart, rcond=None)[0]
        independent = self.matches.independent
        result: Array = np.abs(apart - course) * math.sqrt(independent / (independent - 2))
        return result

    @cached_property
    def rows(self) -> Array:
        rows: Array = np.minimum(self.periods.present, self.periods.counts.sum(1))
        return rows

    def has_enough(self, rows: Array) -> bool:
        """Whether so many rows a period let window and spans be measured."""
        enough = self.sizes(rows)[1].sum() >= matching.LEAST_SPANS
        return bool(enough and self.rows_matched(rows) >= LEAST_ROWS_MATCHED)


def of_values(matched: Matched) -> Array:
    """How far the values of spans lie from those of their matches."""
    sizes, enough = matched.sizes(matched.rows)
    own, others = (shares_of(counts[enough]) for counts in matched.of_spans(matched.periods.counts))
    if matched.periods.cells.kind == cell.CATEGORY:
        return tails.categories_apart(own - others, others, sizes[enough])
    return tails.numbers_apart(own - others, others, sizes[enough])


def of_missing(matched: Matched) -> Array:
    periods = matched.periods
    sizes, enough = matched.sizes(periods.rows)
    counts = np.stack([periods.present, periods.rows - periods.present], 1)
    own, others = (shares_of(both[enough])[:, 1] for both in matched.of_spans(counts))
    return tails.missing_apart(own - others, others, sizes[enough])


def of_moments(matched: Matched, serving: View) -> Iterator[Aspect]:
    """Mean and deviation, in units of the values. Matches are wider than a span: all are, as much."""
    window_values = window_moments(matched.periods.cells, serving)
    if window_values is None:
        return
    periods = matched.periods
    totals = np.column_stack([periods.power_sums, periods.counts.sum(1)])
    _, enough = matched.sizes(matched.rows)
    own, others = (both[enough] for both in matched.of_spans(totals))
    expected = matched.expected(totals)[None, :]
    usual_rows = float(np.median(matched.matches.spans.sums(matched.rows)[enough]))
    with_chance = serving.worth_finite >= usual_rows
    for (moment, value), weight in zip(window_values, (MEAN, DEVIATION), strict=True):
        apart = moment(own) - moment(others)
        usual = float(np.median(apart))
        distance = abs(value - float(moment(expected)[0]) - usual)
        distances = matched.without_course(apart - usual, enough)
        if moment is tails.mean:
            with np.errstate(divide="ignore", invalid="ignore"):  # days without rows are left out
                tail = matched.tail_in_season(distances, enough, moment(totals))
        else:
            tail = matched.tail(distances)
        yield Aspect(tail, distance, weight, with_chance)


def window_moments(cells: cell.Bins, serving: View) -> tuple[tuple[Moment, float], ...] | None:
    """Both moments with what a window has, in the units of the periods; None where they are not finite."""
    numbers = serving.proto.num_stats
    if not (math.isfinite(numbers.mean) and math.isfinite(numbers.std_dev)):
        return None
    low, mean, high = cells.standard(
        np.array([numbers.mean - numbers.std_dev, numbers.mean, numbers.mean + numbers.std_dev])
    )
    return (tails.mean, float(mean)), (tails.log_deviation, math.log((high - low) / 2 + tails.NO_DEVIATION))


def shares_of(counts: Array) -> Array:
    result: Array = counts / np.maximum(counts.sum(1, keepdims=True), 1e-300)
    return result
