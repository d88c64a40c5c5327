"""Which periods of training a window is held against: of the same hour, day of the week and season.

A span of training has matches of its own, chosen alike, but for those so near to it that the same weather
made both: how far spans lie from their matches is how far a window may lie from its own.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.variation.period_counts import UNITS

Array = np.ndarray[Any, Any]

#: Of a year, on average.
DAYS_OF_YEAR = 365.2425
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PERIODS_OF_DAY = {"day": 1, "hour": 24}
#: So near in the year is the same season.
SEASON = 15
#: A span has so many matches, and so many spans tell how far spans lie from their own.
LEAST_MATCHES, LEAST_SPANS, LEAST_INDEPENDENT = 3, 12, 5.0
# Days nearer than these to a span are none of its matches: weather lasts for days.
_SAME_WEATHER, _OF_TRAINING = 7, 8
# Matches are on one side in time if no more than this part of them is on the other.
_OTHER_SIDE = 0.2
# Spans that overlap tell as much of a variance as so many times those that do not.
_OVERLAPPING = 1.5
# From so many days on training has all seasons.
_ALL_SEASONS = 330
# A span has so many of the periods that a complete one has.
_COMPLETE = 0.8


class Level(NamedTuple):
    """How matches are chosen: by weekday (`same`, `kind`: work or weekend, `any`), and days of the season."""

    weekday: str
    season: int


# The nearest first; the first that has matches enough is taken.
_LEVELS = {
    "day": (Level("same", SEASON), Level("kind", SEASON), Level("any", SEASON)),
    "hour": (
        Level("same", SEASON),
        Level("kind", SEASON),
        Level("kind", 3 * SEASON),
        Level("any", 3 * SEASON),
        Level("any", 12 * SEASON + 4),
    ),
}


class Target(NamedTuple):
    """The periods of a window: `length` of them from the number `first` on."""

    unit: str
    first: int
    length: int

    @classmethod
    def of(cls, start: dt.datetime, unit: str, length: int, span: dt.timedelta | None = None) -> Target:
        """A window's, so that the middle of these periods is that of the window, about.

        `span` is how long the window is, if that is known: it may be shorter than a period.
        """
        size, microsecond = UNITS[unit][0], dt.timedelta(microseconds=1)
        rest = 0 if span is None else (span // microsecond - length * size) // 2
        return cls(unit, ((start - _EPOCH) // microsecond + rest + size // 2) // size, length)

    @property
    def days(self) -> Array:
        """The day of each period, in days since 1970."""
        return self.numbers // _PERIODS_OF_DAY[self.unit]

    @property
    def numbers(self) -> Array:
        return np.arange(self.first, self.first + self.length)


@dataclasses.dataclass(frozen=True, eq=False)
class Spans:
    """Spans of training that are as long as the window, by their first period and the one behind the last."""

    first: Array
    end: Array

    @classmethod
    def of(cls, periods: Array, length: int) -> Spans:
        """Those that have nearly all periods; overlapping."""
        first, end = np.arange(len(periods)), np.searchsorted(periods, periods + length)
        count = end - first
        keep = (count >= _COMPLETE * count.max()) & (periods + length - 1 <= periods[-1])
        return cls(first[keep], end[keep])

    def sums(self, values: Array) -> Array:
        """The sums of the values of each span's periods, [spans, ...]."""
        total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0, dtype=float)])
        result: Array = total[self.end] - total[self.first]
        return result

    def kept(self, mask: Array) -> Spans:
        return Spans(self.first[mask], self.end[mask])


@dataclasses.dataclass(frozen=True, eq=False)
class Matches:
    """The matches of a window, and of the spans of training.

    Attributes:
      level: how they were chosen.
      weights: [periods] how often each period of training matches one of the window's.
      spans: the spans that have matches enough, in the order of time.
      span_weights: [spans, periods] likewise.
      independent: how many spans that do not overlap tell as much.
      middles: [spans] the middle day of each.
      is_round: whether training has all seasons.
    """

    level: Level
    weights: Array
    spans: Spans
    span_weights: Array
    independent: float
    middles: Array
    is_round: bool

    @property
    def angles(self) -> Array:
        """Where in the year the spans lie, in radians."""
        return self.middles * (2 * np.pi / DAYS_OF_YEAR)

    @property
    def count(self) -> int:
        """How many periods of training match the window."""
        return int(np.count_nonzero(self.weights))

    def window_size(self, rows: Array) -> float:
        """How many rows tell as much as those of the window's matches (Kish), of so many rows a period."""
        return float(_kish(self.weights @ rows, self.weights**2 @ rows))

    def span_sizes(self, rows: Array) -> Array:
        """Likewise of each span's matches; most features have the same rows."""
        key = rows.tobytes()
        if key not in self._span_sizes:
            self._span_sizes[key] = _kish(self.span_weights @ rows, self._squares @ rows)
        return self._span_sizes[key]

    @cached_property
    def _span_sizes(self) -> dict[bytes, Array]:
        return {}

    @cached_property
    def _squares(self) -> Array:
        squares: Array = self.span_weights**2
        return squares


def _kish(total: Any, square: Any) -> Any:
    return total**2 / np.maximum(square, 1e-300)


def of(periods: Array, target: Target) -> Matches | None:
    """The nearest matches that are enough; None where there are none. `periods` ascend."""
    return _of(np.ascontiguousarray(periods, np.int64).tobytes(), target) if len(periods) else None


@functools.lru_cache(maxsize=4)
def _of(packed: bytes, target: Target) -> Matches | None:
    periods = np.frombuffer(packed, np.int64)
    spans = Spans.of(periods, target.length)
    if independent_spans(len(spans.first), target.length) < LEAST_INDEPENDENT:
        return None
    levels = (_at_level(packed, target, spans, level) for level in _LEVELS[target.unit])
    return next((matches for matches in levels if matches is not None), None)


def _at_level(packed: bytes, target: Target, spans: Spans, level: Level) -> Matches | None:
    periods = np.frombuffer(packed, np.int64)
    days = periods // _PERIODS_OF_DAY[target.unit]
    nearest, season, weights = _weights_of_window(periods, days, target, level)
    if np.count_nonzero(weights) <= LEAST_MATCHES:
        return None
    past = float(weights[offsets(target.days.mean(), days) < 0].sum() / weights.sum())
    apart = max(min(_SAME_WEATHER, (days[-1] - days[0] + 1) / _OF_TRAINING), nearest - 1)
    wider = level._replace(season=int(season + apart))
    of_spans = _weights_of_spans(packed, target.unit, target.length, wider, float(apart))
    of_spans, is_known = _on_sides(of_spans, days, spans, past)
    independent = independent_spans(int(is_known.sum()), target.length)
    if is_known.sum() < LEAST_SPANS or independent < LEAST_INDEPENDENT:
        return None
    kept = spans.kept(is_known)
    middles = (days[kept.first] + days[kept.end - 1]) / 2
    return Matches(level, weights, kept, of_spans[is_known], independent, middles, _is_round(days))


def _weights_of_window(
    periods: Array, days: Array, target: Target, level: Level
) -> tuple[float, float, Array]:
    """How far the nearest days of training are, how far the season reaches, and the weights of `Matches`."""
    distances = np.abs(offsets(target.days[:, None], days[None, :]))
    nearest = float(distances.min())
    season = level.season if nearest <= level.season else nearest + SEASON
    alike = _alike(target.numbers, periods, target.unit, level)
    return nearest, season, ((distances <= season) & alike).sum(0).astype(float)


def _is_round(days: Array) -> bool:
    """Whether training has all seasons."""
    seasons = len(np.unique(days % int(DAYS_OF_YEAR)))
    return seasons >= _ALL_SEASONS and bool(days[-1] - days[0] >= _ALL_SEASONS)


def independent_spans(spans: int, length: int) -> float:
    """How many spans of this length that do not overlap tell as much."""
    return spans / length * (_OVERLAPPING if length > 1 else 1.0)


@functools.lru_cache(maxsize=4)
def _weights_of_spans(packed: bytes, unit: str, length: int, level: Level, apart: float) -> Array:
    """How often each period matches one of a span's, [spans, periods]; none that is near in time."""
    periods = np.frombuffer(packed, np.int64)
    days, spans = periods // _PERIODS_OF_DAY[unit], Spans.of(periods, length)
    near = np.abs(offsets(days[:, None], days[None, :])) <= level.season
    weights = spans.sums(near & _alike(periods, periods, unit, level))
    first, last = days[spans.first][:, None], days[spans.end - 1][:, None]
    weights[(days[None, :] >= first - apart) & (days[None, :] <= last + apart)] = 0.0
    return weights


def _on_sides(weights: Array, days: Array, spans: Spans, past: float) -> tuple[Array, Array]:
    """The weights on the sides where the window has its own, and which spans have enough of them."""
    middles = (days[spans.first] + days[spans.end - 1]) / 2
    from_middle = offsets(middles[:, None], days[None, :])
    if past > 1 - _OTHER_SIDE:
        weights = np.where(from_middle < 0, weights, 0.0)
    elif past < _OTHER_SIDE:
        weights = np.where(from_middle > 0, weights, 0.0)
    is_known = np.count_nonzero(weights, 1) >= LEAST_MATCHES
    if _OTHER_SIDE <= past <= 1 - _OTHER_SIDE:
        of_past = np.where(from_middle < 0, weights, 0.0).sum(1) / np.maximum(weights.sum(1), 1e-300)
        is_known &= (of_past >= _OTHER_SIDE) & (of_past <= 1 - _OTHER_SIDE)
    return weights, is_known


def _alike(numbers: Array, periods: Array, unit: str, level: Level) -> Array:
    """Whether periods are of the same hour and day of the week, [numbers, periods]."""
    of_day = _PERIODS_OF_DAY[unit]
    alike: Array = numbers[:, None] % of_day == periods[None, :] % of_day
    first, second = ((values // of_day + 3) % 7 for values in (numbers, periods))  # from Monday on
    if level.weekday == "same":
        alike &= first[:, None] == second[None, :]
    elif level.weekday == "kind":
        alike &= (first >= 5)[:, None] == (second >= 5)[None, :]
    return alike


def offsets(days: Any, others: Any) -> Array:
    """Days from `days` to the `others` by their place in the year: -183 to 183."""
    result: Array = (others - days + DAYS_OF_YEAR / 2) % DAYS_OF_YEAR - DAYS_OF_YEAR / 2
    return result


def outside_of_training(periods: Array, target: Target) -> float:
    """How many days the middle of a window is away, in the year, from the nearest day of training."""
    days = np.unique(periods // _PERIODS_OF_DAY[target.unit])
    return float(np.abs(offsets(target.days.mean(), days)).min())
