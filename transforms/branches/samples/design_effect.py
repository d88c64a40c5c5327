"""Rows that belong together tell less than as many that do not: by how much, from a sample of groups.

The design effect of a share is its variance by that of as many independent rows. It is 1 + (m - 1) rho
(Kish 1965, chapter 5): rho is the correlation of two rows of one group, m the size of the group that a row is
in, on average. Tests divide the number of rows by it (Rao and Scott 1981).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.branches.samples.group_sample import GroupSample
from trueserve.transforms.columnar.compact_rows import Column, mixed
from trueserve.transforms.core.custom_stats import DESIGN_EFFECT, MISSING_EFFECT, MOST_EFFECT

Array = np.ndarray[Any, Any]

# A share is looked at from this on, and from so many rows, and up to as much less than 1: of rarer ones
# chance brings a few together too often.
_LEAST_SHARE, _LEAST_ROWS = 0.01, 30
_THRESHOLDS, _VALUES, _BUCKETS = 9, 20, 16
# From so many standard deviations on rows are taken to belong together: nothing is lost where they do not.
_DEVIATIONS = 5.0
# Rows that the user groups do belong together: less is taken for it, so that large groups hide nothing.
_DEVIATIONS_OF_FEATURE = 3.0
# How alike the rows of so few groups are is not known: each counts for one row.
_LEAST_GROUPS = 10


class DesignEffect(NamedTuple):
    """How many rows tell as much as one that is independent: of the values, and of their absence.

    `most` is what it is at most: the size of the request that a row is in, on average.
    """

    values: float
    missing: float
    most: float = 1.0


Effects: TypeAlias = Mapping[str, DesignEffect]


def of_sample(sample: GroupSample) -> dict[str, DesignEffect]:
    """The design effects of features, those without any left out."""
    sizes = sample.sizes.astype(float)
    mean_size = float((sizes**2).sum() / sizes.sum()) if len(sizes) else 1.0
    return _beyond_none(sample, mean_size, _DEVIATIONS)


def of_feature_groups(sample: GroupSample, mean_size: float) -> dict[str, DesignEffect]:
    """The same of groups that the user says, which may be few and of very unequal sizes.

    Args:
      mean_size: the size of the group that a row is in, on average over all rows, those not kept too.
    """
    if sample.num_groups < _LEAST_GROUPS:
        return {name: DesignEffect(mean_size, mean_size, mean_size) for name in sample.rows if mean_size > 1}
    return _beyond_none(sample, mean_size, _DEVIATIONS_OF_FEATURE)


def _beyond_none(sample: GroupSample, mean_size: float, deviations: float) -> dict[str, DesignEffect]:
    _, group = np.unique(sample.groups, return_inverse=True)
    group = group.reshape(-1)
    effects = {name: _of_column(column, group, mean_size, deviations) for name, column in sample.rows.items()}
    return {name: effect for name, effect in effects.items() if max(effect[:2]) > 1}


def added(effects: Effects, more: Effects, share: float) -> dict[str, DesignEffect]:
    """With the effects of another part of the rows, `share` (0 to 1) of all: variances add up."""
    result = dict(effects)
    for name, effect in more.items():
        before = result.get(name, DesignEffect(1.0, 1.0))
        both = (mine + share * (its - 1) for mine, its in zip(before, effect, strict=True))
        result[name] = DesignEffect(*both)
    return result


def note(
    statistics: statistics_pb2.DatasetFeatureStatisticsList | None,
    effects: Effects,
    *,
    all_known: bool = False,
) -> None:
    """Writes the design effects beside the statistics of their features, in every data set.

    Args:
      all_known: whether features without any have none, which is then written, too.
    """
    of_all = [feature for each in statistics.datasets for feature in each.features] if statistics else []
    none = DesignEffect(1.0, 1.0) if all_known else None
    for feature in of_all:
        if (
            effect := effects.get(feature.path.step[0] if feature.path.step else feature.name, none)
        ) is not None:
            feature.custom_stats.add(name=DESIGN_EFFECT, num=effect.values)
            feature.custom_stats.add(name=MISSING_EFFECT, num=effect.missing)
            feature.custom_stats.add(name=MOST_EFFECT, num=effect.most)


def _of_column(column: Column, group: Array, mean_size: float, deviations: float) -> DesignEffect:
    is_present = column.present[:, None].astype(float)
    missing = _greatest(is_present, group, mean_size, deviations)
    values = column.values[column.present]
    indicators = _indicators(values)
    if not indicators:
        return DesignEffect(1.0, missing, mean_size)
    shares = np.stack(indicators, 1).astype(float)
    of_values = _greatest(shares, group[column.present], mean_size, deviations)
    if not _can_measure(is_present.mean(0), len(is_present)).any():
        missing = of_values  # rows that have a value together lack it together
    return DesignEffect(of_values, missing, mean_size)


def _indicators(values: Array) -> list[Array]:
    """Of each value whether it is up to a quantile, is a frequent one, or has one of a few hashes.

    Numbers have quantiles, texts frequent values and hashes, whole numbers, which may be ids, all of them.
    """
    result: list[Array] = []
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        shares = np.arange(1, _THRESHOLDS + 1) / (_THRESHOLDS + 1)
        thresholds = np.unique(np.quantile(finite, shares, method="lower")) if len(finite) else ()
        result += [values <= threshold for threshold in thresholds]
    if values.dtype.itemsize == 8 or values.dtype.kind == "u":
        distinct, counts = np.unique(values, return_counts=True)
        result += [values == value for value in distinct[np.argsort(-counts, kind="stable")[:_VALUES]]]
        bits = values.view(np.uint64) if values.dtype.itemsize == 8 else values.astype(np.uint64)
        buckets = mixed(bits) % np.uint64(_BUCKETS)
        result += [buckets == bucket for bucket in range(_BUCKETS)] if len(distinct) > _BUCKETS else []
    return result


def _greatest(shares: Array, group: Array, mean_size: float, deviations: float) -> float:
    """The greatest design effect of these shares [rows, shares], 1 where none is beyond chance.

    Of independent rows the products within groups sum to 0, with a variance of twice the pairs: the effect in
    the sample is as uncertain as a mean of (rows squared by pairs) squares.
    """
    sizes = np.bincount(group).astype(float)
    num_rows, num_groups = sizes.sum(), int((sizes > 0).sum())
    pairs = float((sizes * (sizes - 1)).sum())
    means = shares.mean(0) if len(shares) else np.zeros(shares.shape[1])
    kept = _can_measure(means, num_rows)
    if pairs <= 0 or num_groups < 2 or not kept.any():
        return 1.0
    apart = shares[:, kept] - means[kept]
    squares = (apart**2).sum(0)
    sums = np.stack([np.bincount(group, column, len(sizes)) for column in apart.T], 1)
    in_sample = float(((sums**2).sum(0) / squares).max()) * num_groups / (num_groups - 1)
    if _deviations(in_sample, num_rows**2 / pairs) < deviations:
        return 1.0
    # It is known from so many groups: as far above as it may lie. Rows are no more alike than equal.
    equal_groups = num_rows**2 / float((sizes**2).sum())
    rho = float((in_sample - 1) * num_rows / pairs * (1 + math.sqrt(2 / max(equal_groups - 1, 1))))
    return 1 + (mean_size - 1) * min(rho, 1.0)


def _can_measure(means: Array, num_rows: float) -> Array:
    """Of which shares there are rows enough, with and without."""
    least = max(_LEAST_SHARE, _LEAST_ROWS / max(num_rows, 1))
    result: Array = (means >= least) & (means <= 1 - least)
    return result


def _deviations(effect: float, freedom: float) -> float:
    """How far a mean of so many squares lies above 1, as a normal variable (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    return float((effect ** (1 / 3) - (1 - spread)) / math.sqrt(spread))
