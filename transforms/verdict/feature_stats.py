"""Plain readings of TFDV's statistics: a feature's kind, its missing rows, its values and their counts."""

from __future__ import annotations

import contextlib
import functools
import math
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import path_pb2, statistics_pb2

from trueserve.transforms.core.custom_stats import (
    DESIGN_EFFECT,
    HEAVIEST_ROW,
    MISSING_EFFECT,
    MOST_EFFECT,
    RARE_VALUES,
)
from trueserve.transforms.verdict.buckets import Bucket, Counted, empty_rows

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList
DEFAULT_SLICE = "All Examples"  # TFDV's name for the slice of all rows

_KINDS = {"num_stats": "number", "string_stats": "category", "bytes_stats": "bytes", "struct_stats": "struct"}


def path_name(path: path_pb2.Path) -> str:
    return ".".join(path.step)


def dataset(statistics: Statistics) -> statistics_pb2.DatasetFeatureStatistics:
    """The statistics of all rows, empty when there are none. Raises ValueError for slices alone."""
    if not statistics.datasets:
        return statistics_pb2.DatasetFeatureStatistics()
    if len(statistics.datasets) == 1:
        return statistics.datasets[0]
    for candidate in statistics.datasets:
        if candidate.name == DEFAULT_SLICE:
            return candidate
    raise ValueError(f"the statistics hold several data sets, none of which is {DEFAULT_SLICE!r}")


class View:
    """One feature's statistics.

    Attributes:
      kind: `number`, `category` (counted value by value), `bytes`, `struct` or `none`.
      rows: rows in the data set; present, missing: rows with and without a value.
      empty: those of the missing that have an empty list, which TFDV counts as present; `maybe_empty` of the
        present may have one, too.
      values: a category's values, those of all rows together (by weight where the statistics have weights).
    """

    def __init__(self, proto: statistics_pb2.FeatureNameStatistics, rows: int) -> None:
        field = proto.WhichOneof("stats")
        self.proto = proto
        self.name: str = proto.name or path_name(proto.path)
        self.kind = _KINDS.get(field or "", "none")
        common = getattr(proto, field).common_stats if field else statistics_pb2.CommonStatistics()
        self.rows = rows
        self.empty, self.maybe_empty = empty_rows(common)
        self.present = int(common.num_non_missing) - self.empty
        self.missing = max(rows - self.present, 0)
        total = common.weighted_common_stats if self.is_weighted else common
        self.values = float(total.tot_num_values)

    @property
    def is_weighted(self) -> bool:
        weighted = self.proto.string_stats.weighted_string_stats
        return bool(weighted.rank_histogram.buckets or weighted.top_values)

    def rows_of(self, value: str, count: float) -> float:
        """In how many rows at most a value came that is counted so often; a row may weigh more than one."""
        return min(count, self._rare.get(value, count))

    def rows_at_least(self, value: str, count: float) -> float:
        """In how many rows at least a value came that is counted so often: one row may have it many times.

        What says whose a value is must go by this: all of them may have come in one request.
        """
        return self.rows_of(value, count) / self.longest

    def rows_of_share(self, share: float) -> float:
        """In how many rows at least a number came that is this share (0 to 1) of all."""
        return share * self.values / self.longest / self._number(HEAVIEST_ROW)

    @property
    def longest(self) -> float:
        """The most values that a row has, 1 at least."""
        return max(float(self.common.max_num_values), 1.0)

    @functools.cached_property
    def _rare(self) -> dict[str, float]:
        histograms = [
            statistic.rank_histogram.buckets
            for statistic in self.proto.custom_stats
            if statistic.name == RARE_VALUES
        ]
        return {bucket.label: bucket.sample_count for buckets in histograms for bucket in buckets}

    @property
    def missing_share(self) -> float:
        return self.missing / self.rows if self.rows else 0.0

    def counts(self) -> Counter[str]:
        """Values by how often they come, as far as TFDV kept them (its 1,000 most frequent, unless told)."""
        return self._counts

    @functools.cached_property
    def _counts(self) -> Counter[str]:
        plain = self.proto.string_stats
        strings = plain.weighted_string_stats if self.is_weighted else plain
        counts = {bucket.label: bucket.sample_count for bucket in strings.rank_histogram.buckets}
        return Counter(counts or {top.value: top.frequency for top in strings.top_values})

    def counted(self) -> Counted:
        """`counts` with what follows from them."""
        return self._counted

    @functools.cached_property
    def _counted(self) -> Counted:
        counts = self.counts()
        cut = self.proto.string_stats.unique > len(counts)
        unkept = float(min(counts.values(), default=0)) if cut else 0.0
        return Counted(counts, max(self.values, float(sum(counts.values()))), unkept)

    @property
    def total(self) -> float:
        """See `Counted`."""
        return self.counted().total

    def shares(self) -> dict[str, float]:
        """Shares of all values, of those that TFDV kept: less than 1 together where its list is cut."""
        return self.counted().shares()

    @property
    def most_unkept(self) -> float:
        """See `Counted`."""
        return self.counted().most_unkept

    def buckets(self, kind: int) -> list[Bucket]:
        """The histogram of TFDV's type `kind` (STANDARD or QUANTILES), infinite values left out."""
        return self._buckets.get(kind, [])

    @functools.cached_property
    def _buckets(self) -> dict[int, list[Bucket]]:
        """The first histogram of each type."""
        result: dict[int, list[Bucket]] = {}
        for histogram in self.proto.num_stats.histograms:
            if histogram.type not in result:
                buckets = [Bucket(b.low_value, b.high_value, b.sample_count) for b in histogram.buckets]
                result[histogram.type] = [
                    b for b in buckets if math.isfinite(b.low) and math.isfinite(b.high)
                ]
        return result

    @functools.cached_property
    def design_effect(self) -> float:
        """How many rows tell as much as one independent row: more than 1 where rows belong together."""
        return self._number(DESIGN_EFFECT)

    @functools.cached_property
    def missing_effect(self) -> float:
        """Likewise of whether a row has the feature."""
        return self._number(MISSING_EFFECT)

    @property
    def most_effect(self) -> float:
        """What the design effect is at most: were all rows equal that belong together."""
        return max(self._number(MOST_EFFECT), self.design_effect)

    def _number(self, name: str) -> float:
        numbers = (float(statistic.num) for statistic in self.proto.custom_stats if statistic.name == name)
        return max([1.0, *numbers])

    def as_grouped_as(self, other: View | None) -> View:
        """With the other's design effects where none are known of this."""
        if other is None or self._knows_groups or not other.is_grouped:
            return self
        view = View(self.proto, self.rows)
        view.design_effect, view.missing_effect = other.design_effect, other.missing_effect
        return view

    def with_counts(self, counts: Counter[str]) -> View:
        """The same feature with other counts of its values."""
        view = View(self.proto, self.rows)
        view._counts = counts
        before = self.counted()
        view._counted = before._replace(counts=counts, total=max(before.total, float(sum(counts.values()))))
        view.design_effect, view.missing_effect = self.design_effect, self.missing_effect
        return view

    @property
    def is_grouped(self) -> bool:
        """Whether its rows are known to belong together."""
        return self.design_effect > 1 or self.missing_effect > 1

    @property
    def _knows_groups(self) -> bool:
        """Whether it is known how much rows belong together, if at all."""
        return self.is_grouped or any(each.name == DESIGN_EFFECT for each in self.proto.custom_stats)

    @property
    def independent(self) -> float:
        """How many independent rows tell as much as those that have the feature."""
        return self.present / self.design_effect

    @functools.cached_property
    def worth(self) -> float:
        """How many independent values tell as much: those of one row do not count for more than the row.

        Rows that belong together count by their design effect.
        """
        return self._worth_of_rows / self.design_effect

    @functools.cached_property
    def _worth_of_rows(self) -> float:
        """`worth` were rows independent.

        Kish's effective size over the numbers of values in a row, from below: TFDV's ten quantiles of these
        bound the sum of their squares.
        """
        common = self.common
        buckets, total = common.num_values_histogram.buckets, float(common.tot_num_values)
        if common.max_num_values <= 1 or not buckets or not total:
            return float(self.present)
        *first, last = buckets
        squares = sum(bucket.sample_count * bucket.high_value**2 for bucket in first)
        rest = max(total - sum(bucket.sample_count * bucket.low_value for bucket in first), 0.0)
        squares += min(last.sample_count * last.high_value, rest) * last.high_value
        return float(min(max(total**2 / squares, 1.0), self.present)) if squares else float(self.present)

    @functools.cached_property
    def not_finite(self) -> float:
        """How many values of a number are NaN or infinite."""
        histograms = self.proto.num_stats.histograms
        nans = max((histogram.num_nan for histogram in histograms), default=0)
        standard = [histogram for histogram in histograms if histogram.type == histogram.STANDARD]
        ends = (bucket for histogram in standard for bucket in histogram.buckets)
        infinite = (b.sample_count for b in ends if math.isinf(b.low_value) and b.low_value == b.high_value)
        return float(nans) + float(sum(infinite))

    @functools.cached_property
    def worth_finite(self) -> float:
        """`worth` of the values that a distribution function is made of: neither NaN nor infinite."""
        return self.worth * max(1 - self.not_finite / self.values, 0.0) if self.values else 0.0

    @functools.cached_property
    def common(self) -> statistics_pb2.CommonStatistics:
        """What TFDV says of features of every kind."""
        return getattr(self.proto, self.proto.WhichOneof("stats") or "num_stats").common_stats

    def median(self) -> float:
        return float(self.proto.num_stats.median)


def views_by_feature(statistics: Statistics) -> dict[str, View]:
    """Views by dotted feature name, in the order of the statistics."""
    shared = _SHARED.get()
    if shared is None:
        return _views_by_feature(statistics)
    _, by_feature = shared.setdefault(id(statistics), (statistics, {}))
    if not by_feature:
        by_feature.update(_views_by_feature(statistics))
    return by_feature


def _views_by_feature(statistics: Statistics) -> dict[str, View]:
    all_rows = dataset(statistics)
    feature_views = [View(proto, int(all_rows.num_examples)) for proto in all_rows.features]
    return {view.name: view for view in feature_views}


# By the id of statistics: themselves, so that no others get the id, and their views.
_SHARED: ContextVar[dict[int, tuple[Statistics, dict[str, View]]] | None] = ContextVar(
    "shared_views", default=None
)


@contextlib.contextmanager
def shared_views() -> Iterator[None]:
    """In the context statistics have the same views whenever they are asked for, and must not change."""
    token = _SHARED.set({})
    try:
        yield
    finally:
        _SHARED.reset(token)
