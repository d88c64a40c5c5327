"""What statistics count: buckets of numbers, the values of categories, rows with empty lists.

TFDV counts a row with an empty list as present. trueserve's readers know none: whatever has no value is
missing there. TFX's statistics are of rows as they were written, of which some may have the feature and no
value in it.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

_Common: TypeAlias = statistics_pb2.CommonStatistics
_Buckets = list[tuple[float, float, float]]
# By so much sums of TFDV's counts differ, which are divided among buckets.
_ROUNDING = 1e-6
# Of more rows than are between two or three of ten quantiles the number of values tells too little.
_UNSURE = 0.2


class Bucket(NamedTuple):
    """`mass` values in `[low, high]`; both finite, equal for an atom."""

    low: float
    high: float
    mass: float


class Counted(NamedTuple):
    """A category's values.

    Attributes:
      counts: see `View.counts`.
      total: its values, kept or not; TFDV's sketch may count what it kept as more than there is.
      most_unkept: the most often that a value can come which TFDV did not keep; 0 where it kept them all.
    """

    counts: Counter[str]
    total: float
    most_unkept: float

    @property
    def edge(self) -> float:
        """The share up to which it is luck whether a value was kept: three deviations beyond the rarest."""
        return (self.most_unkept + 3 * math.sqrt(self.most_unkept)) / self.total if self.total else 0.0

    def shares(self) -> dict[str, float]:
        """See `View.shares`."""
        return {value: count / self.total for value, count in self.counts.items()} if self.total else {}


class EmptyRows(NamedTuple):
    """How many rows that count as present have an empty list: `least`, and up to `unsure` more."""

    least: int
    unsure: int = 0


def empty_rows(common: _Common) -> EmptyRows:
    """The rows with an empty list, as far as the statistics tell them.

    Of rows with one value at most, the number of values tells it. Of others the ten quantiles of the numbers
    of values do, where they are all the numbers that there are: then they make up the number of values. So
    do they where a row has no value or always the same number. Else those between the last quantile of 0 and
    the next may be empty or not.
    """
    rows, values, most = float(common.num_non_missing), float(common.tot_num_values), common.max_num_values
    buckets = _buckets(common)
    if common.min_num_values or not buckets:
        return EmptyRows(0)
    if most <= 1:
        return EmptyRows(int(max(rows - values, 0)))
    least = sum(count for _, high, count in buckets if not high)
    if math.isclose(sum(high * count for _, high, count in buckets), values, rel_tol=_ROUNDING):
        return EmptyRows(round(least))
    beyond = sum(count for low, high, count in buckets if high and not low)
    # No row has more than the most values, so that no more can be empty.
    more = max(rows - values / most - least, 0.0)
    all_alike = {bound for low, high, _ in buckets for bound in (low, high)} <= {0.0, float(most)}
    if all_alike and more <= beyond <= _UNSURE * rows and (rows - values / most).is_integer():
        return EmptyRows(round(least + more))
    return EmptyRows(math.floor(least), math.ceil(min(beyond, more)))


def lengths_of_others(
    common: _Common, empty: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """Numbers of values of the rows that are not empty, ascending, and the share of these up to each.

    None where all rows are empty.
    """
    buckets = [bucket for bucket in _buckets(common) if bucket[1]]
    rows = float(common.num_non_missing) - empty
    if not buckets or rows <= 0:
        return None
    counts = np.array([count for _, _, count in buckets])
    # In the first of them may be empty rows, too.
    counts[0] = max(counts[0] - (counts.sum() - rows), 0.0)
    low, high, _ = buckets[0]
    edges = np.array([low or high, *(high for _, high, _ in buckets)])
    return edges, np.concatenate([[0.0], np.cumsum(counts) / max(counts.sum(), 1.0)])


def _buckets(common: _Common) -> _Buckets:
    return [(b.low_value, b.high_value, b.sample_count) for b in common.num_values_histogram.buckets]
