"""Whether a difference is no more than training's own days or hours show: its probability, both together.

What differs may be nature's part and chance's part. By the triangle inequality a window lies no further out
than both parts together, so for any way of dividing the distance its probability is at most that of nature's
part plus that of chance's; the least of these sums is taken.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    VECTOR,
    FeatureDifference,
)
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import SeasonalVariation
from trueserve.transforms.verdict.variation import bins as cell
from trueserve.transforms.verdict.variation import tails
from trueserve.transforms.verdict.variation.constants import is_new_constant
from trueserve.transforms.verdict.variation.store import FeaturePeriods, Variation
from trueserve.transforms.verdict.variation.tails import Tail

Array = np.ndarray[Any, Any]

_STEPS = 12
# As near to the least sum as is worth looking for.
_NEAR = 1.2
# The parts of the error for a number's distribution as a whole, and for each side of both its moments.
_ANYWHERE, _ONE_SIDE = 0.4, 0.15
_HOUR, _DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


class Periods(NamedTuple):
    """The periods of training that a window is held against, and how many of them it is as long as."""

    unit: str
    length: int


def periods_of(span: dt.timedelta | None) -> Periods:
    """Hours for a window of less than half a day, else days; one whose length is not known is a day."""
    if span is None or span <= dt.timedelta():
        return Periods("day", 1)
    if span < _DAY / 2:
        return Periods("hour", max(round(span / _HOUR), 1))
    return Periods("day", max(round(span / _DAY), 1))


def of_difference(
    variation: Variation,
    name: str,
    difference: FeatureDifference,
    both_views: tuple[View, View | None],
    span: dt.timedelta | None,
    *,
    between_windows: bool = False,
) -> SeasonalVariation | None:
    """None where training's periods tell nothing of the feature in this metric.

    `between_windows`: both sides are windows. Then one of them lies half of the way out, at least.
    """
    unit, length = known_unit(variation, span)
    if (periods := variation.get(unit, {}).get(name)) is None:
        return None
    aspects = list(_aspects(periods, difference, both_views, length))
    if not aspects:
        return None
    if between_windows:
        aspects = [aspects[0]._replace(weight=1.0)]  # a moment is measured from training's middle
    p_value = 1.0
    for aspect in aspects:
        seasonal = aspect.of_pair if between_windows else aspect.probability
        # No way of dividing gives less than nature's probability of the whole.
        if seasonal(aspect.distance) < p_value * aspect.weight:
            p_value = min(divided(seasonal, difference.p_of_part, aspect.distance) / aspect.weight, p_value)
    values = difference.metric in (KOLMOGOROV, VARIATION)
    if values and not between_windows and is_new_constant(periods, length, both_views[1]):
        p_value = 0.0
    first = aspects[0]
    return SeasonalVariation(
        unit, length, first.distance, first.tails[0].median, first.tails[0].most, p_value
    )


def of_share(variation: Variation, name: str, effect: float, span: dt.timedelta | None) -> float:
    """How likely the distribution of a feature lies so far out that a share of its values moves by `effect`.

    0 where nothing is known of its periods: then chance alone decides.
    """
    unit, length = known_unit(variation, span)
    if (periods := variation.get(unit, {}).get(name)) is None:
        return 0.0
    period_tails = tails.of_values(periods, length)
    return tails.probability(period_tails, effect) if period_tails else 0.0


def known_unit(variation: Variation, span: dt.timedelta | None) -> Periods:
    """Days where hours are asked for and none are known: an hour is no nearer to training than its day."""
    wanted = periods_of(span)
    return wanted if wanted.unit in variation else Periods("day", 1)


class _Aspect(NamedTuple):
    """One way to lie out: what periods do, how far the window does, and its part of the error."""

    tails: list[Tail]
    distance: float
    weight: float = 1.0

    def probability(self, distance: float) -> float:
        return tails.probability(self.tails, distance)

    def of_pair(self, distance: float) -> float:
        """How likely one of two windows lies out so far that both may lie `distance` apart."""
        return min(2 * tails.probability(self.tails, distance / 2), 1.0)


def _aspects(
    periods: FeaturePeriods, difference: FeatureDifference, both_views: tuple[View, View | None], length: int
) -> Iterator[_Aspect]:
    """The periods' distances, and the window's, both on the cells of the periods."""
    if difference.metric == MISSING:
        aspects = [_Aspect(tails.of_missing(periods, length), difference.effect)]
    elif difference.metric == UNSEEN_SHARE:
        aspects = [_Aspect(tails.of_new(periods, difference.parts[0][1]), difference.effect)]
    elif difference.metric == LENGTH:
        aspects = [_Aspect(tails.of_lengths(periods, length), difference.effect)]
    elif difference.metric == VECTOR:
        # Days do not tell their positions: each is taken to vary as much as all values together.
        aspects = [_Aspect(tails.of_values(periods, length), difference.effect)]
    else:
        aspects = list(_of_values(periods, difference, both_views, length))
    yield from (aspect for aspect in aspects if aspect.tails)


def _of_values(
    periods: FeaturePeriods, difference: FeatureDifference, both_views: tuple[View, View | None], length: int
) -> Iterator[_Aspect]:
    period_tails = tails.of_values(periods, length)
    if (shares := shares_on_cells(periods.cells, *both_views)) is None:
        return
    before, after = shares
    if periods.cells.kind == cell.CATEGORY:
        distance = float(np.abs(after - before).sum() / 2)
        yield _Aspect(period_tails, max(distance, difference.effect))
        return
    distance = float(np.abs(np.cumsum(after - before)).max())
    yield _Aspect(period_tails, max(distance, difference.rank_distance), _ANYWHERE)
    yield from _of_moments(periods, both_views[1], length)


def _of_moments(periods: FeaturePeriods, serving: View | None, length: int) -> Iterator[_Aspect]:
    """Where numbers lie and how wide, in units of the values: ranks end where training does."""
    assert serving is not None
    numbers, cells = serving.proto.num_stats, periods.cells
    if not (math.isfinite(numbers.mean) and math.isfinite(numbers.std_dev)):
        return
    ends = cells.standard(
        np.array([numbers.mean - numbers.std_dev, numbers.mean, numbers.mean + numbers.std_dev])
    )
    deviation = math.log((ends[2] - ends[0]) / 2 + tails.NO_DEVIATION)
    for moment, value in ((tails.mean, float(ends[1])), (tails.log_deviation, deviation)):
        period_tails, distance = tails.of_moment(periods, length, moment, value)
        yield _Aspect(period_tails, distance, _ONE_SIDE)


def shares_on_cells(cells: cell.Bins, training: View, serving: View | None) -> tuple[Array, Array] | None:
    """The shares of both in the cells of the periods; None for what has no distribution."""
    if serving is None:
        return None
    if cells.kind == cell.CATEGORY:
        before, after = (cell.shares_of_values(view.counted(), cells.values) for view in (training, serving))
        return before, after
    functions = [cdfs.of_view(view) for view in (training, serving)]
    shares = [cell.shares_of_cdf(function, cells.edges) for function in functions if function is not None]
    return (shares[0], shares[1]) if len(shares) == 2 else None


def divided(
    seasonal: Callable[[float], float], p_of_part: Callable[[float], float], distance: float
) -> float:
    """The least sum of nature's probability of a part of `distance` and chance's of what is left.

    Nature's falls as its part grows and chance's rises: the least sum lies where they cross, about, and is
    looked for by halving. Any division gives an upper bound, so one beside the best is safe.
    """
    if distance <= 0:
        return 1.0
    low, high, lower_bound = 0.0, 1.0, seasonal(distance)
    least = min(lower_bound + p_of_part(0.0), seasonal(0.0) + p_of_part(1.0))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        by_season, by_chance = seasonal(middle * distance), p_of_part(1 - middle)
        least = min(least, by_season + by_chance)
        if by_season > by_chance:
            low = middle
        else:
            high, lower_bound = middle, by_season
        if least <= _NEAR * lower_bound:
            break
    return min(least, 1.0)
