"""A number's distribution as it is known from statistics: a distribution function with steps.

What trueserve computes carries two hundred quantiles with their ranks (`custom_stats.POINTS`), so
the function is exact at each of them. Statistics of TFDV alone have two histograms of ten buckets; their
edges together, and the share of zeros, give some twenty points. Where values repeat, such a point lies
anywhere on the step at its value, and whether they do TFDV does not tell.
"""

from __future__ import annotations

import dataclasses
import functools
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.custom_stats import POINTS, unpacked_points
from trueserve.transforms.verdict.buckets import Bucket
from trueserve.transforms.verdict.feature_stats import View

Array = np.ndarray[Any, Any]

_STANDARD = statistics_pb2.Histogram.STANDARD
_TEN = statistics_pb2.Histogram.QUANTILES
# A share that is none but for the rounding.
_NOTHING = 1e-9


@dataclasses.dataclass(frozen=True)
class Cdf:
    """A distribution function, straight between its points; a value that stands twice is a step.

    Attributes:
      x: ascending; the first has share 0 or is a step from 0.
      share: of all values, those up to that point, 0 to 1, ascending.
      is_loose: whether a point's share lies anywhere on a step at its value: told by TFDV's histograms alone.
      has_steps: whether it is known, of these, that values repeat.
    """

    x: Array
    share: Array
    is_loose: bool = False
    has_steps: bool = False

    def bounds(self, at: Array) -> tuple[Array, Array]:
        """The least and the most that the share of values not greater than each of `at` can be."""
        if not self.is_loose:
            return (exact := self.up_to(at)), exact
        after = np.searchsorted(self.x, at, side="right")
        padded = np.concatenate([[0.0], self.share, [1.0]])
        return padded[after], padded[after + 1]

    def up_to(self, at: Array) -> Array:
        """The share of values not greater than each of `at`."""
        after = np.searchsorted(self.x, at, side="right")
        return self._between(at, after)

    def under(self, at: Array) -> Array:
        """The share of values less than each of `at`."""
        after = np.searchsorted(self.x, at, side="left")
        return self._between(at, after)

    def quantile(self, share: float) -> float:
        """The least value up to which there is this share of all."""
        return float(self.quantiles(np.array([share]))[0])

    def quantiles(self, shares: Array) -> Array:
        """The least values up to which there are these shares of all."""
        last = len(self.x) - 1
        after = np.clip(np.searchsorted(self.share, shares, side="left"), 0, last)
        before = np.maximum(after - 1, 0)
        rise = self.share[after] - self.share[before]
        part = np.where(rise > 0, (shares - self.share[before]) / np.where(rise > 0, rise, 1.0), 1.0)
        result: Array = self.x[before] + np.clip(part, 0, 1) * (self.x[after] - self.x[before])
        return result

    def _between(self, at: Array, after: Array) -> Array:
        """Straight between the points around `at`, of which the later ones are `after`."""
        x, width, share, rise = self._segments
        result: Array = share[after] + (at - x[after]) / width[after] * rise[after]
        result[after == 0] = 0.0
        result[after >= len(self.x)] = 1.0
        return result

    @functools.cached_property
    def _segments(self) -> tuple[Array, Array, Array, Array]:
        """Before each point, and beyond the last: where it begins, its width, its share there, and its rise.

        The ends, and what has no width, are told otherwise.
        """
        width = np.concatenate([[1.0], np.diff(self.x), [1.0]])
        width[width <= 0] = 1.0
        x, share = (np.concatenate([[values[0]], values]) for values in (self.x, self.share))
        return x, width, share, np.concatenate([[1.0], np.diff(self.share), [1.0]])

    @functools.cached_property
    def _is_vague(self) -> Array:
        """Before each point, and beyond the last: whether the function may bend as it likes there.

        So between the outermost points, and beside steps; elsewhere it is as good as straight.
        """
        steps = np.diff(self.x) <= 0
        next_to_step = np.concatenate([[True], steps, [True]])
        inside: Array = np.concatenate([[False], (next_to_step[:-2] | next_to_step[2:]) & ~steps, [False]])
        return inside

    def nearest(self, at: Array, least: Array, most: Array) -> tuple[Array, Array]:
        """The shares under each of `at` and up to it, no further from `least` and `most` than is known."""
        after = np.searchsorted(self.x, at, side="right")
        under, up_to = self.under(at), self._between(at, after)
        vague = self._is_vague[after] & (under == up_to) & (at > self.x[np.maximum(after - 1, 0)])
        low, high = self.share[np.maximum(after - 1, 0)], self.share[np.minimum(after, len(self.x) - 1)]
        under, up_to = (
            np.where(vague, np.clip(wanted, low, high), estimate)
            for wanted, estimate in ((least, under), (most, up_to))
        )
        return under, up_to

    @functools.cached_property
    def at_points(self) -> tuple[Array, Array, Array]:
        """Its points, each once, and the shares under each and up to it."""
        points, first = np.unique(self.x, return_index=True)
        last = np.append(first[1:], len(self.x)) - 1
        under = np.where(last > first, self.share[first], self.share[last])
        if not self.is_loose and len(first) and last[0] == first[0]:
            under[0] = 0.0
        return points, under, self.share[last]

    @functools.cached_property
    def commonest(self) -> tuple[float, float]:
        """The value of the largest step and its share of all; that is 0 where there is no step."""
        points, under, up_to = self.at_points
        rise = np.where(np.isin(points, self.steps), up_to - under, 0.0)
        at = int(np.argmax(rise))
        return float(points[at]) + 0.0, float(rise[at])  # -0.0 is told as 0

    def without(self, value: float) -> Cdf | None:
        """That of all other values; None where there are none. `value` is a step, or all is as it was."""
        share_of_value, under = self.share_at(value), float(self.under(np.array([value]))[0])
        if not share_of_value:
            return self
        if share_of_value >= 1 - _NOTHING:
            return None
        share = np.where(self.x > value, self.share - share_of_value, np.minimum(self.share, under))
        return Cdf(self.x, np.clip(share / (1 - share_of_value), 0.0, 1.0))

    def share_at(self, value: float) -> float:
        """The share of all that is this value: 0 but for a step."""
        at = np.array([value])
        return max(float((self.up_to(at) - self.under(at))[0]), 0.0)

    @functools.cached_property
    def steps(self) -> Array:
        """The values at which the share rises: those that many rows share.

        Both ends of TFDV's histograms stand twice, too, once for each histogram.
        """
        rises = (self.x[1:] == self.x[:-1]) & (self.share[1:] > self.share[:-1])
        result: Array = np.unique(self.x[1:][rises])
        return result


def of_view(view: View) -> Cdf | None:
    """The distribution function of a number's statistics, None where it has no finite values."""
    if view not in _KNOWN:
        _KNOWN[view] = _of_view(view)
    return _KNOWN[view]


# A view is asked for its distribution many times: by what compares, by what knows how days differ, by causes.
_KNOWN: weakref.WeakKeyDictionary[View, Cdf | None] = weakref.WeakKeyDictionary()


def _of_view(view: View) -> Cdf | None:
    fine = [statistic.any.value for statistic in view.proto.custom_stats if statistic.name == POINTS]
    return (of_points(fine[0]) if fine else None) or _of_tfdv(view)


def of_points(packed: bytes) -> Cdf | None:
    """From packed points, infinite values left out.

    None where there is no finite value, and for bytes that are no such points.
    """
    points = unpacked_points(packed)
    if points is None:
        return None
    x, share = points
    below, finite = share[x == -np.inf].max(initial=0.0), np.isfinite(x)
    x, share = x[finite], share[finite] - below
    if not len(x) or share[-1] <= 0:
        return None
    return Cdf(x, np.clip(share / share[-1], 0.0, 1.0))


def _of_tfdv(view: View) -> Cdf | None:
    """From the edges of both histograms, with a step at zero."""
    points = [*_edges(view.buckets(_TEN)), *_edges(view.buckets(_STANDARD))]
    if not points:
        return None
    points.sort()
    x = np.array([at for at, _ in points])
    share = np.maximum.accumulate(np.array([part for _, part in points]))
    share[x >= x[-1]] = 1.0
    bounds = [bucket.high for bucket in view.buckets(_TEN)]
    repeat = len(set(bounds)) < len(bounds) or view.proto.type == statistics_pb2.FeatureNameStatistics.INT
    cdf = Cdf(x, share) if repeat else _with_zeros(Cdf(x, share), view)
    return dataclasses.replace(cdf, is_loose=True, has_steps=repeat)


def _edges(buckets: Sequence[Bucket]) -> list[tuple[float, float]]:
    """Points of the distribution function at the edges of buckets."""
    total_mass, total = sum(bucket.mass for bucket in buckets), 0.0
    if not total_mass:
        return []
    points = [(buckets[0].low, 0.0)]
    for bucket in buckets:
        total += bucket.mass
        points.append((bucket.high, total / total_mass))
    return points


_MANY_ZEROS = 0.02


def _with_zeros(cdf: Cdf, view: View) -> Cdf:
    """With the step that TFDV's number of zeros tells of, where no quantile shows it."""
    share = view.proto.num_stats.num_zeros / view.values if view.values else 0.0
    if share < _MANY_ZEROS or not cdf.x[0] <= 0 <= cdf.x[-1]:
        return cdf
    below, upto = (float(function(np.zeros(1))[0]) for function in (cdf.under, cdf.up_to))
    missing = share - (upto - below)
    if missing <= 0:
        return cdf
    # The ranks around zero are known; the step takes from both sides what it lacks.
    below, upto = max(below - missing / 2, 0.0), min(upto + missing / 2, 1.0)
    before, after = cdf.x < 0, cdf.x > 0
    x = np.concatenate([cdf.x[before], [0.0, 0.0], cdf.x[after]])
    step = np.array([below, upto])
    parts = (np.minimum(cdf.share[before], below), step, np.maximum(cdf.share[after], upto))
    return Cdf(x, np.concatenate(parts))
