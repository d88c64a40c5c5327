"""Limits under which past windows keep to a budget of false alarms.

An alarm is a window with an error. `allowed` of them may be in all windows together. The budget is split over
the limits that were exceeded: each gets the same share of windows, and is raised to what its own series
exceeds in that share (`tails`). Alarms of several add up to no more than the budget, whether or not they come
together (Boole's inequality). The limits are then held against the windows themselves. Where these do not
keep to the budget the share is lowered until they do, but no limit goes further for that than beyond all of
them.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from trueserve.transforms.backtesting import tails

#: The shares that are tried: from all windows to one in 2^200, where a tail of any spread lies beyond all
#: values, four to each factor of two. That they do not depend on the budget makes limits fall as it grows.
SHARES = tuple(2 ** (-step / 4) for step in range(801))


class LimitKey(NamedTuple):
    """What a limit is for: `limit` is a key of `thresholds.LIMITS`, or the name of a distance of TFDV's."""

    space: str
    feature: str
    limit: str


@dataclasses.dataclass(frozen=True)
class Series:
    """How far a feature was off, window by window.

    Attributes:
      today: the limit that holds now; a value from there on is an alarm.
      floor: what is never gone below.
      values: 0 where the difference does not count, such as where chance explains it.
    """

    key: LimitKey
    today: float
    floor: float
    values: tuple[float, ...]

    def fired(self) -> tuple[int, ...]:
        """The windows that are over today's limit."""
        return self.over(self.today)

    def over(self, limit: float) -> tuple[int, ...]:
        return tuple(n for n, value in enumerate(self.values) if value > 0 and value >= limit)

    def limit_at(self, share: float, most: float = 0.0) -> float:
        """The limit that a share of windows exceeds, at most beyond all values, or what `most` exceed.

        Never below the floor. It falls as either share grows.
        """
        value = min(tails.exceeded_in(self.values, share), max(self.values))
        if most > 0:
            value = max(value, tails.exceeded_in(self.values, most))
        return self.floor if value < self.floor else max(tails.above(value), self.floor)


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A limit to raise.

    Attributes:
      fired, left: the windows over today's limit, and over the one suggested.
    """

    key: LimitKey
    today: float
    suggested: float
    fired: tuple[int, ...]
    left: tuple[int, ...]


def suggest(every: Iterable[Series], allowed: float) -> list[Suggestion]:
    """The limits to raise, none where today's keep to the budget: `allowed` windows with an alarm."""
    firing = [series for series in every if series.fired()]
    if not firing or _alarms(firing, {series.key: series.today for series in firing}) <= allowed:
        return []
    limits = _limits(firing, allowed)
    return [
        Suggestion(
            series.key,
            series.today,
            limits[series.key],
            series.fired(),
            series.over(limits[series.key]),
        )
        for series in firing
        if limits[series.key] > series.today
    ]


def _limits(firing: Sequence[Series], allowed: float) -> Mapping[LimitKey, float]:
    most = allowed / (len(firing[0].values) * len(firing))
    shares = [share for share in SHARES if share <= most] or [SHARES[-1]]

    def at(index: int) -> Mapping[LimitKey, float]:
        return {series.key: series.limit_at(shares[index], most) for series in firing}

    # Alarms grow fewer with the share. What is wholly different, by 1, has no limit above it.
    indices = range(len(shares) - 1)
    return at(bisect.bisect_left(indices, True, key=lambda index: _alarms(firing, at(index)) <= allowed))


def _alarms(firing: Sequence[Series], limits: Mapping[LimitKey, float]) -> int:
    return len({window for series in firing for window in series.over(limits[series.key])})
