"""How a feature differs between training and serving: how far (0 to 1), and how likely by chance."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from transforms.verdict.evidence import cdf as cdfs
from transforms.verdict.evidence import chance, many, ordered
from transforms.verdict.evidence.cdf import Cdf
from transforms.verdict.evidence.many import Attainable
from transforms.verdict.views import Counted, View

Array = np.ndarray[Any, Any]

KOLMOGOROV = "kolmogorov_smirnov"
VARIATION = "total_variation"
MISSING = "missing_share"
UNSEEN = "unseen_share"
LENGTH = "list_length"

_LEAST_EXPECTED = 5.0
# What rounding leaves of shares that sum to 1.
_NONE = 1e-9
# Between two quantiles a distribution function is known to half their distance.
_RESOLUTION = 0.0025
OTHERS = "(others)"


@dataclasses.dataclass(frozen=True)
class Difference:
    """One way in which a feature differs.

    Attributes:
      metric: `kolmogorov_smirnov`, `total_variation`, `missing_share`, `unseen_share` or `list_length`.
      effect: how far apart, as a share of rows or values (0 to 1); of categories what chance makes on
        average is taken off.
      p_value: how likely chance alone makes as much (see `evidence.chance`).
      size: effective number of rows (`chance.effective_size`).
      parts: what moved most: a label, its share of training and of serving; the most moved first.
      p_of_part: the p-value, had serving moved by this part (0 to 1) of the way alone.
      attainable: the p-values that so many rows can give, whatever they hold; None where any can be.
      floor: the effect that two samples of one distribution stay under in 999 of 1,000 cases.
    """

    metric: str
    effect: float
    p_value: float
    size: float
    parts: tuple[tuple[str, float, float], ...] = ()
    p_of_part: Callable[[float], float] = dataclasses.field(
        default=lambda _part: 1.0, compare=False, repr=False
    )
    attainable: Attainable | None = dataclasses.field(default=None, compare=False, repr=False)
    floor: float = 0.0


def _difference(
    metric: str,
    effect: float,
    size: float,
    parts: tuple[tuple[str, float, float], ...],
    p_of_part: Callable[[float], float],
    *,
    floor: float,
    attainable: Attainable | None = None,
) -> Difference:
    return Difference(metric, effect, p_of_part(1.0), size, parts, p_of_part, attainable, floor)


def of_values(training: View, serving: View) -> Iterator[Difference]:
    """The differences between a feature's values, none where a side has none or they are of two kinds."""
    if not training.present or not serving.present or training.kind != serving.kind:
        return
    if serving.kind == "category":
        sides = (training.counted(), serving.counted())
        found = (of_category(training, serving, sides), of_unseen(training, serving, sides))
    else:
        found = (of_number(training, serving) if serving.kind == "number" else None, None)
    yield from (one for one in found if one is not None)
    if (lengths := of_lengths(training, serving)) is not None:
        yield lengths


def of_missing(training: View, missing: int, rows: int) -> Difference:
    """The share of rows without a value: `missing` of the `rows` served, whether or not any had one."""
    shares = (training.missing_share, missing / rows if rows else 0.0)
    size = chance.effective_size(training.rows, rows)

    def p_of_part(part: float) -> float:
        moved = (shares[0] + part * (shares[1] - shares[0])) * rows
        return chance.of_rates(training.missing, training.rows, moved, rows)

    return _difference(
        MISSING,
        abs(shares[1] - shares[0]),
        size,
        (("missing", *shares),),
        p_of_part,
        floor=chance.floor_of_share(shares[0], size),
        attainable=many.attainable(training.missing, training.rows, missing, rows),
    )


def of_number(training: View, serving: View) -> Difference | None:
    """Kolmogorov and Smirnov's distance, at the points that training's statistics know."""
    before, after = cdfs.of_view(training), cdfs.of_view(serving)
    if before is None or after is None:
        return None
    return of_cdfs(KOLMOGOROV, before, after, chance.effective_size(training.worth, serving.worth))


def of_cdfs(metric: str, before: Cdf, after: Cdf, size: float) -> Difference:
    """The difference of two distribution functions."""
    parts = _deciles(before, after)
    floor = max(chance.floor_of_kolmogorov(size) - _RESOLUTION, 0.0)
    if after.is_loose and (before.has_steps or after.has_steps):
        least = _least_distance(before, after)

        def p_of_bounds(part: float) -> float:
            return chance.of_kolmogorov(part * least, size)

        return _difference(metric, least, size, parts, p_of_bounds, floor=floor)
    expected, observed = (loose_cells if before.is_loose and not after.is_loose else cells)(before, after)
    moved = ordered.moved(expected, observed, size)
    distance = max(moved.distance - _RESOLUTION, 0.0)
    return _difference(metric, distance, size, parts, moved.p_value, floor=floor)


def _least_distance(before: Cdf, after: Cdf) -> float:
    """Kolmogorov's distance, as far as bounds of both functions leave no doubt."""
    at = np.unique(np.concatenate([before.x, after.x]))
    at = np.concatenate([at, (at[1:] + at[:-1]) / 2])
    (least_before, most_before), (least_after, most_after) = before.bounds(at), after.bounds(at)
    apart = np.maximum(least_before - most_after, least_after - most_before)
    return max(float(apart.max()) - _RESOLUTION, 0.0)


def cells(before: Cdf, after: Cdf) -> tuple[Array, Array]:
    """Shares of both in the cells between training's points and at its steps, and beyond its ends."""
    points = np.unique(before.x)
    cuts = np.stack([points, points])

    def shares(side: Cdf) -> Array:
        bounds = np.concatenate(
            [[0.0], np.stack([side.under(cuts[0]), side.up_to(cuts[1])], 1).ravel(), [1.0]]
        )
        return np.clip(np.diff(bounds), 0.0, 1.0)

    expected, observed = shares(before), shares(after)
    keep = (expected > 1e-12) | (observed > 1e-12)
    return expected[keep] / expected.sum(), observed[keep] / max(observed.sum(), 1e-300)


def loose_cells(before: Cdf, after: Cdf) -> tuple[Array, Array]:
    """Shares of both between training's points, of which each may lie anywhere on a step at its value.

    Where serving has a step at a point, training has one there too if both are alike, and its share is
    somewhere on it. So serving's share is taken to be the one on its step that is nearest to training's: of
    two samples of one distribution that makes the difference smaller, never greater.
    """
    points, places = np.unique(before.x, return_index=True)
    last = np.append(places[1:], len(before.x)) - 1
    lowest, highest = before.share[places], before.share[last]
    low, high = after.under(points), after.up_to(points)
    cuts_before = np.stack([lowest, highest], 1).ravel()
    cuts_after = np.stack([np.clip(side, low, high) for side in (lowest, highest)], 1).ravel()
    shares = [np.diff(np.concatenate([[0.0], cuts, [1.0]])) for cuts in (cuts_before, cuts_after)]
    expected, observed = (np.clip(side, 0.0, 1.0) for side in shares)
    keep = (expected > 1e-12) | (observed > 1e-12)
    return expected[keep] / expected.sum(), observed[keep] / max(observed.sum(), 1e-300)


def _deciles(before: Cdf, after: Cdf) -> tuple[tuple[str, float, float], ...]:
    """Shares between training's deciles and beyond its ends, those that moved most first."""
    edges = np.unique(before.quantiles(np.linspace(0, 1, 11)))
    bounds = [f"{edge:.4g}" for edge in edges]
    labels = [f"{low} to {high}" for low, high in itertools.pairwise(bounds)]
    shares = []
    for side in (before, after):
        upto = side.up_to(edges)
        shares.append([float(side.under(edges[:1])[0]), *np.diff(upto).tolist(), 1 - float(upto[-1])])
    labels = [f"below {bounds[0]}", *labels, f"above {bounds[-1]}"]
    return _moved(list(zip(labels, *shares, strict=True)))


def _moved(parts: list[tuple[str, float, float]]) -> tuple[tuple[str, float, float], ...]:
    moved = heapq.nlargest(3, parts, key=lambda part: abs(part[2] - part[1]))
    return tuple(part for part in moved if abs(part[2] - part[1]) > 1e-4)


def of_category(training: View, serving: View, sides: tuple[Counted, Counted]) -> Difference | None:
    """Total variation between shares of categories, those too rare to be told apart taken together."""
    size = chance.effective_size(training.worth, serving.worth)
    before, after = sides
    unkept = after.most_unkept / after.whole if after.whole else 0.0
    expected, observed = pooled(before.shares(), after.shares(), size, unkept, before.edge)
    if OTHERS in observed and (longest := _longest(serving)) > 1:
        # One row may have brought them all.
        observed[OTHERS] = max(min(expected[OTHERS], observed[OTHERS]), observed[OTHERS] / longest)
        observed = {name: share / sum(observed.values()) for name, share in observed.items()}
    p, q = np.array(list(expected.values())), np.array(list(observed.values()))
    if len(p) == 1 and OTHERS in expected:
        return None
    distance = float(np.abs(p - q).sum() / 2)
    positive = np.maximum(p, 1 / max(training.values, 1.0))
    positive /= positive.sum()
    effect = max(distance - chance.expected_variation(p, size), 0.0)
    parts = _moved([(name, expected[name], observed[name]) for name in expected])

    def p_of_part(part: float) -> float:
        return chance.of_categories(positive, q if part == 1 else positive + part * (q - positive), size)

    return _difference(VARIATION, effect, size, parts, p_of_part, floor=chance.floor_of_variation(p, size))


def pooled(
    before: Mapping[str, float], after: Mapping[str, float], size: float, unkept: float, edge: float = 0.0
) -> tuple[dict[str, float], dict[str, float]]:
    """Shares of the categories that training leads to expect in five rows at least, and of all others.

    Those at the `edge` of training's list, where it is cut, are among the others: which of them were kept is
    luck, and the lucky ones came more often than they will again.

    `unkept` is the greatest share that a value can have in serving whose count was not kept: as far as that
    goes, such a value is taken to be as frequent as expected.
    """
    least = max(_LEAST_EXPECTED / size if size else 1.0, edge)
    known = [value for value, share in before.items() if share >= least and value != OTHERS]
    expected = {value: before[value] for value in known}
    observed = {value: after.get(value, min(before[value], unkept)) for value in known}
    others = [max(1 - sum(side.values()), 0.0) for side in (expected, observed)]
    if max(others) > _NONE or not known:  # a cell that neither side has is no cell
        expected[OTHERS], observed[OTHERS] = others
    return expected, observed


def of_unseen(training: View, serving: View, sides: tuple[Counted, Counted]) -> Difference | None:
    """The share of values that training did not have, beside what it leads to expect.

    Good and Turing: the chance that the next value is new is the share of values that came once (Good 1953).
    """
    before, after = sides
    if before.most_unkept > 0 or after.most_unkept > 0:
        return None  # what was not kept cannot be told from what never came
    new = sum(count for value, count in after.counts.items() if value not in before.counts)
    once = sum(1 for count in before.counts.values() if count <= 1)
    size = chance.effective_size(training.worth, serving.worth)
    share, expected = new / max(serving.values, 1.0), once / max(training.values, 1.0)
    cluster = _cluster(before, serving.worth / max(training.worth, 1.0))
    # No weight is a row, nor is a value of many in a row: in so few rows at least all came that are new.
    rows, likely = (side * serving.present / _longest(serving) for side in (share, expected))
    known = expected * training.present / _longest(training)

    def p_of_part(part: float) -> float:
        moved = likely + part * (rows - likely)
        return chance.of_rates(known / cluster, training.present, moved / cluster, serving.present)

    parts = (("new values", expected, share),)
    attainable = many.attainable(known / cluster, training.present, rows / cluster, serving.present)
    floor = chance.floor_of_share(expected, size)
    effect = max(share - expected, 0.0)
    return _difference(UNSEEN, effect, size, parts, p_of_part, floor=floor, attainable=attainable)


def _longest(view: View) -> float:
    """How many times the average number of values a row has at most: 1 where all have as many."""
    average = view.common.tot_num_values / view.present if view.present else 1.0
    return max(view.common.max_num_values / average, 1.0) if average else 1.0


def _cluster(before: Counted, ratio: float) -> float:
    """How many rows chance brings at a time: a value that training missed may come more than once.

    By Good's estimate one comes `ratio` (serving's values by training's) x 2 x (values that came twice) /
    (values that came once) times on average, in Poisson's distribution.
    """
    once, twice = (sum(1 for count in before.counts.values() if round(count) == n) for n in (1, 2))
    return 1 + ratio * 2 * twice / max(once, 1)


def of_lengths(training: View, serving: View) -> Difference | None:
    """How many values a row has, where any has several."""
    if max(view.common.max_num_values for view in (training, serving)) <= 1:
        return None
    before, after = _length_cdf(training), _length_cdf(serving)
    if before is None or after is None:
        return None
    return of_cdfs(LENGTH, before, after, chance.effective_size(training.present, serving.present))


def length_edges(view: View) -> Array | None:
    """TFDV's ten quantiles of how many values a row has; None where no row has several."""
    common = view.common
    buckets = common.num_values_histogram.buckets
    if common.max_num_values <= 1 or not buckets:
        return None
    return np.array([buckets[0].low_value, *(bucket.high_value for bucket in buckets)])


def _length_cdf(view: View) -> Cdf | None:
    """From TFDV's ten quantiles of lengths, which are whole: each lies anywhere on the step at its length."""
    buckets = view.common.num_values_histogram.buckets
    if not buckets:
        return None
    edges = [buckets[0].low_value, *(bucket.high_value for bucket in buckets)]
    return Cdf(np.array(edges), np.linspace(0, 1, len(edges)), is_loose=True, has_steps=True)
