"""Limits under which past windows keep to a budget of false alarms.

An alarm is a window with an error. `allowed` of them may be in all windows together. The budget is split over
the limits that were exceeded: each gets the same share of windows, and is raised to what its own series
exceeds in that share (`tails`). Alarms of several add up to no more than the budget, whether or not they come
together (Boole's inequality). The limits are then held against the windows themselves, and the share lowered
until these keep to the budget too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from transforms.backtesting import tails

#: The shares that are tried: from all windows to one in 2^50, four to each factor of two. That they do not
#: depend on the budget makes limits fall as it grows.
SHARES = tuple(2 ** (-step / 4) for step in range(201))


class Key(NamedTuple):
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

    key: Key
    today: float
    floor: float
    values: tuple[float, ...]

    def fired(self) -> tuple[int, ...]:
        """The windows that are over today's limit."""
        return self.over(self.today)

    def over(self, limit: float) -> tuple[int, ...]:
        return tuple(n for n, value in enumerate(self.values) if value > 0 and value >= limit)

    def limit_at(self, share: float) -> float:
        """The limit that a share of windows exceeds, never below the floor."""
        value = tails.exceeded_in(self.values, share)
        return self.floor if value < self.floor else max(tails.above(value), self.floor)


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A limit to raise.

    Attributes:
      fired, left: the windows over today's limit, and over the one suggested.
    """

    key: Key
    today: float
    suggested: float
    fired: tuple[int, ...]
    left: tuple[int, ...]


def suggest(every: Iterable[Series], allowed: float) -> list[Suggestion]:
    """The limits to raise, none where today's keep to the budget: `allowed` windows with an alarm."""
    firing = [series for series in every if series.fired()]
    if not firing or _alarms(firing, {one.key: one.today for one in firing}) <= allowed:
        return []
    limits = _limits(firing, allowed)
    return [
        Suggestion(one.key, one.today, limits[one.key], one.fired(), one.over(limits[one.key]))
        for one in firing
        if limits[one.key] > one.today
    ]


def _limits(firing: Sequence[Series], allowed: float) -> Mapping[Key, float]:
    windows = len(firing[0].values)
    most = allowed / (windows * len(firing))
    limits: Mapping[Key, float] = {}
    for share in (share for share in SHARES if share <= most or share == SHARES[-1]):
        limits = {one.key: one.limit_at(share) for one in firing}
        if _alarms(firing, limits) <= allowed:
            return limits
    # A tail without any spread does not grow: then what was seen is the limit.
    return {one.key: max(limits[one.key], tails.above(max(one.values))) for one in firing}


def _alarms(firing: Sequence[Series], limits: Mapping[Key, float]) -> int:
    return len({window for one in firing for window in one.over(limits[one.key])})
