"""How a feature differs between training and serving: how far (0 to 1), and how likely by chance."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.verdict import wording
from trueserve.transforms.verdict.buckets import lengths_of_others
from trueserve.transforms.verdict.evidence import categorical_tests, numeric_tests, p_values, precision
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    FeatureDifference,
    TwoSampleTest,
    difference,
    most_moved,
)
from trueserve.transforms.verdict.evidence.rates import false_discovery
from trueserve.transforms.verdict.feature_stats import View

Array = np.ndarray[Any, Any]

_FLOAT = statistics_pb2.FeatureNameStatistics.FLOAT

# Between two quantiles a distribution function is known to half their distance.
_RESOLUTION = 0.0025
# Ranks are known to a thousandth (`custom_stats`), which is as uncertain as a sample of so many rows.
_RANKS = 250_000
# From this share on one value is most values, and the others are looked at alone, too; what they show counts
# if chance alone makes as much of them as seldom as this.
_MOST, _SELDOM = 0.5, 0.001


def of_values(training: View, serving: View) -> Iterator[FeatureDifference]:
    """The differences between a feature's values, none where a side has none or they are of two kinds."""
    if not training.present or not serving.present or training.kind != serving.kind:
        return
    for test in (*VALUE_TESTS.get(serving.kind, ()), of_lengths):
        if (value_difference := test(training, serving)) is not None:
            yield value_difference


def of_missing(training: View, missing: int, rows: int) -> FeatureDifference:
    """The share of rows without a value: `missing` of the `rows` served, whether or not any had one.

    No `TwoSampleTest`: serving may have no statistics of the feature.

    Name: Fisher's exact test of two rates.
    Hypothesis: a row lacks the feature as often in serving as in training.
    Assumptions: rows are independent, or count by their design effect.
    Source: Fisher 1935.
    """
    served = missing / rows if rows else 0.0
    # Of training's rows that may be empty or not, as many are as lets both sides agree.
    missing_before = min(
        max(training.missing, round(served * training.rows)), training.missing + training.maybe_empty
    )
    shares = (missing_before / training.rows if training.rows else 0.0, served)
    known, before, after = (
        count / training.missing_effect for count in (missing_before, training.rows, rows)
    )
    size = p_values.effective_size(before, after)

    def p_of_part(part: float) -> float:
        moved = (shares[0] + part * (shares[1] - shares[0])) * after
        return p_values.of_rates(known, before, moved, after)

    return difference(
        MISSING,
        abs(shares[1] - shares[0]),
        size,
        lambda: (("missing", *shares),),
        p_of_part,
        floor=p_values.floor_of_share(shares[0], size),
        attainable=false_discovery.attainable(known, before, shares[1] * after, after),
    )


def of_number(training: View, serving: View) -> FeatureDifference | None:
    """Kolmogorov and Smirnov's distance, at the points that training's statistics know.

    Where most of training's values are one, that of the others alone if it is greater.

    Name: Kolmogorov-Smirnov test, with smooth tests of location, spread and shape (`numeric_tests`).
    Hypothesis: the number has the same distribution function in training and in serving.
    Assumptions: rows are independent; the function is known at training's quantiles, straight between them.
    Source: Smirnov 1948; van der Waerden 1952; Neyman 1937; of mostly equal values Lachenbruch 2001.
    """
    before, after = cdfs.of_view(training), cdfs.of_view(serving)
    if before is None or after is None:
        return None
    if _FLOAT in {training.proto.type, serving.proto.type}:
        after = precision.at_precision_of_log(before, after)
    rows = training.worth_finite, serving.worth_finite
    of_all_values = of_cdfs(KOLMOGOROV, before, after, p_values.effective_size(*rows))
    of_all_values = dataclasses.replace(of_all_values, rank_distance=of_all_values.effect)
    value, share = before.commonest
    if share < _MOST or before.is_loose or after.is_loose:
        return of_all_values
    return _of_other_values(of_all_values, value, (before, rows[0]), (after, rows[1]))


def _of_other_values(
    of_all_values: FeatureDifference, value: float, training: tuple[Cdf, float], serving: tuple[Cdf, float]
) -> FeatureDifference:
    """With the effect of what is not `value`, where it is greater and these values themselves show it.

    A number that is zero for most rows is two things (a two-part model: Lachenbruch 2001): how often it is
    none, and how much it is else. Of the latter Kolmogorov's distance of all values shows the lesser part.
    """
    (before, rows_before), (after, rows_after) = (
        (cdf.without(value), rows * (1 - cdf.share_at(value))) for cdf, rows in (training, serving)
    )
    if before is None or after is None:
        return of_all_values
    # Among fewer values ranks, and what lies between two quantiles, are known by as much less.
    kept = min(1 - cdf.share_at(value) for cdf, _ in (training, serving))
    size = p_values.effective_size(p_values.effective_size(rows_before, rows_after), _RANKS * kept**2)
    moved = numeric_tests.moved(*cells(before, after), size)
    effect = max(moved.distance - _RESOLUTION / kept, 0.0)
    if effect <= of_all_values.effect or moved.p_value() > _SELDOM:
        return of_all_values
    return dataclasses.replace(
        of_all_values,
        effect=effect,
        parts_of=functools.partial(_deciles, before, after, f"of those not {wording.number(value)}, "),
        floor=max(p_values.floor_of_kolmogorov(size) - _RESOLUTION / kept, 0.0),
        excluded_value=value,
    )


def of_cdfs(metric: str, before: Cdf, after: Cdf, size: float) -> FeatureDifference:
    """The difference of two distribution functions."""
    parts = functools.partial(_deciles, before, after)
    floor = max(p_values.floor_of_kolmogorov(size) - _RESOLUTION, 0.0)
    if after.is_loose and (before.has_steps or after.has_steps):
        least = _least_distance(before, after)

        def p_of_bounds(part: float) -> float:
            return p_values.of_kolmogorov(part * least, size)

        return difference(metric, least, size, parts, p_of_bounds, floor=floor)
    expected, observed = (loose_cells if before.is_loose and not after.is_loose else cells)(before, after)
    moved = numeric_tests.moved(expected, observed, p_values.effective_size(size, _RANKS))
    distance = max(moved.distance - _RESOLUTION, 0.0)
    return difference(metric, distance, size, parts, moved.p_value, floor=floor)


def _least_distance(before: Cdf, after: Cdf) -> float:
    """Kolmogorov's distance, as far as bounds of both functions leave no doubt."""
    at = np.unique(np.concatenate([before.x, after.x]))
    at = np.concatenate([at, (at[1:] + at[:-1]) / 2])
    (least_before, most_before), (least_after, most_after) = before.bounds(at), after.bounds(at)
    apart = np.maximum(least_before - most_after, least_after - most_before)
    return max(float(apart.max()) - _RESOLUTION, 0.0)


def cells(before: Cdf, after: Cdf) -> tuple[Array, Array]:
    """Shares of both in the cells between training's points and at its steps, and beyond its ends.

    Where serving's function is not known well enough between two of its points it is taken to be as near to
    training's as they let it.
    """
    points, lowest, highest = before.at_points
    shares = [_between(lowest, highest), _between(*after.nearest(points, lowest, highest))]
    expected, observed = (np.clip(cell_shares, 0.0, 1.0) for cell_shares in shares)
    keep = (expected > 1e-12) | (observed > 1e-12)
    return expected[keep] / expected.sum(), observed[keep] / max(observed.sum(), 1e-300)


def _between(under: Array, up_to: Array) -> Array:
    """Shares between points and at them, of the shares under each and up to it."""
    bounds = np.empty(2 * len(under) + 2)
    bounds[0], bounds[-1] = 0.0, 1.0
    bounds[1:-1:2], bounds[2:-1:2] = under, up_to
    result: Array = bounds[1:] - bounds[:-1]
    return result


def loose_cells(before: Cdf, after: Cdf) -> tuple[Array, Array]:
    """Shares of both between training's points, of which each may lie anywhere on a step at its value.

    Where serving has a step at a point, training has one there too if both are alike, and its share is
    somewhere on it. So serving's share is taken to be the one on its step that is nearest to training's: of
    two samples of one distribution that makes the difference smaller, never greater.
    """
    points, lowest, highest = before.at_points
    low, high = after.under(points), after.up_to(points)
    shares = [
        _between(lowest, highest),
        _between(*(np.clip(cell_shares, low, high) for cell_shares in (lowest, highest))),
    ]
    expected, observed = (np.clip(cell_shares, 0.0, 1.0) for cell_shares in shares)
    keep = (expected > 1e-12) | (observed > 1e-12)
    return expected[keep] / expected.sum(), observed[keep] / max(observed.sum(), 1e-300)


def _deciles(before: Cdf, after: Cdf, prefix: str = "") -> tuple[tuple[str, float, float], ...]:
    """Shares between training's deciles and beyond its ends, those that moved most first.

    `which`: of which values these are, put before each label.
    """
    edges = np.unique(before.quantiles(np.linspace(0, 1, 11)))
    bounds = [f"{edge:.4g}" for edge in edges]
    labels = [f"{low} to {high}" for low, high in itertools.pairwise(bounds)]
    shares = []
    for cdf in (before, after):
        upto = cdf.up_to(edges)
        shares.append([float(cdf.under(edges[:1])[0]), *np.diff(upto).tolist(), 1 - float(upto[-1])])
    labels = [prefix + label for label in (f"below {bounds[0]}", *labels, f"above {bounds[-1]}")]
    return most_moved(list(zip(labels, *shares, strict=True)))


def of_lengths(training: View, serving: View) -> FeatureDifference | None:
    """How many values a row has, where any has several.

    Name: Kolmogorov-Smirnov test of the numbers of values.
    Hypothesis: rows of training and of serving have equally many values.
    Assumptions: rows are independent; TFDV's ten quantiles bound the distribution function.
    Source: Smirnov 1948.
    """
    if max(view.common.max_num_values for view in (training, serving)) <= 1:
        return None
    before, after = _length_cdf(training), _length_cdf(serving)
    if before is None or after is None:
        return None
    size = p_values.effective_size(training.independent, serving.independent)
    moved = of_cdfs(LENGTH, before, after, size)
    unsure = training.maybe_empty / max(training.present, 1)
    return dataclasses.replace(moved, effect=max(moved.effect - unsure, 0.0)) if unsure else moved


#: By the kind of a feature, the tests of its values. `of_lengths` is for every kind.
VALUE_TESTS: Mapping[str, tuple[TwoSampleTest, ...]] = {
    "number": (of_number,),
    "category": (categorical_tests.of_category, categorical_tests.of_unseen),
}


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
    if view.empty:
        others = lengths_of_others(view.common, view.empty)
        return None if others is None else Cdf(*others, is_loose=True, has_steps=True)
    edges = [buckets[0].low_value, *(bucket.high_value for bucket in buckets)]
    return Cdf(np.array(edges), np.linspace(0, 1, len(edges)), is_loose=True, has_steps=True)
