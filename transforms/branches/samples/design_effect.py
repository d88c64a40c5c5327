"""Rows that belong together tell less than as many that do not: by how much, from a sample of whole groups.

The design effect of a share is its variance by that of as many independent rows. Of groups that are drawn at
random it is estimated by the sums within them (Kish 1965, chapter 5; Wolter 2007, chapter 2). Tests divide
the number of rows by it (Rao and Scott 1981).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.custom_stats import DESIGN_EFFECT, MISSING_EFFECT

Array = np.ndarray[Any, Any]

# A share is looked at from this on, and up to as much less than 1: of rarer ones too few are in a sample.
_LEAST_SHARE = 0.02
_THRESHOLDS, _CATEGORIES = 9, 20
# From so many standard deviations on rows are taken to belong together: nothing is lost where they do not.
_DEVIATIONS = 4.5


class DesignEffect(NamedTuple):
    """How many rows tell as much as one that is independent: of the values, and of their absence."""

    values: float
    missing: float


Effects: TypeAlias = Mapping[str, DesignEffect]


def of_rows(rows: pa.RecordBatch, groups: Array, share: float) -> dict[str, DesignEffect]:
    """The design effects of features, those without any left out.

    Args:
      rows: `large_list` columns; the rows of whole groups.
      groups: uint64 a row, equal for the rows of one group.
      share: of all rows those from which the groups were drawn, 0 to 1; the others are groups of their own.
    """
    _, group = np.unique(groups, return_inverse=True)
    pairs = ((name, _of_column(rows.column(i), group, share)) for i, name in enumerate(rows.schema.names))
    return {name: effect for name, effect in pairs if max(effect) > 1}


def note(statistics: statistics_pb2.DatasetFeatureStatisticsList | None, effects: Effects) -> None:
    """Writes the design effects beside the statistics of their features, in every data set."""
    for feature in (
        (feature for each in statistics.datasets for feature in each.features) if statistics else ()
    ):
        if (effect := effects.get(feature.path.step[0] if feature.path.step else feature.name)) is not None:
            feature.custom_stats.add(name=DESIGN_EFFECT, num=effect.values)
            feature.custom_stats.add(name=MISSING_EFFECT, num=effect.missing)


def _of_column(column: pa.Array, group: Array, share: float) -> DesignEffect:
    present = np.asarray(column.is_valid())
    missing = _greatest(present[:, None].astype(float), group, share)
    if pa.types.is_null(column.type) or not present.any():
        return DesignEffect(1.0, missing)
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    has_values = lengths > 0
    indicators = _indicators(column.flatten())
    sums = np.stack([_sums(each, lengths[has_values]) for each in indicators], 1) if indicators else None
    if sums is None:
        return DesignEffect(1.0, missing)
    shares = sums / lengths[has_values][:, None]
    return DesignEffect(_greatest(shares, group[has_values], share), missing)


def _sums(indicator: Array, lengths: Array) -> Array:
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    result: Array = np.add.reduceat(indicator.astype(float), starts.astype(np.int64))
    return result


def _indicators(values: pa.Array) -> list[Array]:
    """Of each value whether it is up to one of its quantiles, or is one of the frequent ones."""
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        numbers = values.to_numpy(zero_copy_only=False).astype(float)
        finite = numbers[np.isfinite(numbers)]
        if not len(finite):
            return []
        quantiles = np.quantile(finite, np.arange(1, _THRESHOLDS + 1) / (_THRESHOLDS + 1), method="lower")
        return [numbers <= threshold for threshold in np.unique(quantiles)]
    codes = values.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    counts = np.bincount(codes)
    frequent = np.argsort(-counts, kind="stable")[:_CATEGORIES]
    return [codes == code for code in frequent if counts[code] >= _LEAST_SHARE * len(codes)]


def _deviations(effect: float, freedom: float) -> float:
    """How far a mean of so many squares lies above 1, as a normal variable (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    return float((effect ** (1 / 3) - (1 - spread)) / math.sqrt(spread))


def _greatest(shares: Array, group: Array, of_all: float) -> float:
    """The greatest design effect of these shares [rows, shares], 1 where none is beyond chance.

    Of independent rows the products within groups sum to 0, with a variance of twice the pairs: an effect is
    as uncertain as a mean of (rows squared by pairs) squares.
    """
    sizes = np.bincount(group).astype(float)
    num_rows, num_groups = sizes.sum(), int((sizes > 0).sum())
    pairs = float((sizes * (sizes - 1)).sum())
    if pairs <= 0 or num_groups < 2:
        return 1.0
    means = shares.mean(0)
    kept = (means >= _LEAST_SHARE) & (means <= 1 - _LEAST_SHARE)
    apart = shares[:, kept] - means[kept]
    variance = (apart**2).sum(0)
    sums = (
        np.stack([np.bincount(group, column, len(sizes)) for column in apart.T], 1) if kept.any() else apart
    )
    effects = (sums**2).sum(0)[variance > 0] / variance[variance > 0] * num_groups / (num_groups - 1)
    greatest = float(effects.max(initial=1.0))
    if _deviations(greatest, num_rows**2 / pairs) < _DEVIATIONS:
        return 1.0
    # It is known from so many groups: as far above as it may lie.
    equal_groups = num_rows**2 / float((sizes**2).sum())
    return 1 + (greatest - 1) * of_all * (1 + math.sqrt(2 / max(equal_groups - 1, 1)))
