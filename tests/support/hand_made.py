"""Statistics as TFDV writes them, put together by hand: each figure is the one that a test names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import ComparedPair, Reference
from trueserve.transforms.verdict.severity import Policy

Feature: TypeAlias = statistics_pb2.FeatureNameStatistics
# Low and high bound, and how many values lie between them.
Buckets = Sequence[tuple[float, float, float]]
_STANDARD, _QUANTILES = statistics_pb2.Histogram.STANDARD, statistics_pb2.Histogram.QUANTILES


def about(value: float, **more: Any) -> Any:
    """`pytest.approx`, of a type that may stand in a tuple."""
    return pytest.approx(value, **more)


def number(
    name: str,
    present: int,
    *,
    values: int | None = None,
    longest: int = 1,
    deviation: float = 0.0,
    median: float = 0.0,
    nans: int = 0,
    buckets: Buckets = (),
    quantiles: Buckets = (),
) -> Feature:
    """A number that `present` rows have."""
    feature = Feature(path={"step": [name]}, type=Feature.FLOAT)
    stats = feature.num_stats
    _fill_common(stats.common_stats, present, values, longest)
    stats.std_dev, stats.median = deviation, median
    for kind, parts in ((_STANDARD, buckets), (_QUANTILES, quantiles)):
        histogram = stats.histograms.add(type=kind, num_nan=nans)
        for low, high, mass in parts:
            histogram.buckets.add(low_value=low, high_value=high, sample_count=mass)
    return feature


def category(
    name: str,
    counts: Mapping[str, float],
    *,
    present: int | None = None,
    values: int | None = None,
    longest: int = 1,
    unique: int | None = None,
) -> Feature:
    """A category, of whose values those of `counts` were kept; `unique` values if not just these."""
    feature = Feature(path={"step": [name]}, type=Feature.STRING)
    stats, total = feature.string_stats, int(sum(counts.values()))
    _fill_common(stats.common_stats, total if present is None else present, values or total, longest)
    stats.unique = len(counts) if unique is None else unique
    for rank, (value, count) in enumerate(sorted(counts.items(), key=lambda item: -item[1])):
        stats.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=value, sample_count=count)
    return feature


def _fill_common(common: Any, present: int, values: int | None, longest: int) -> None:
    common.num_non_missing = present
    common.tot_num_values = present if values is None else values
    common.max_num_values = longest


def statistics(rows: int, *features: Feature) -> Statistics:
    """The statistics of one data set."""
    result = Statistics()
    result.datasets.add(num_examples=rows, features=features)
    return result


def schema(*features: schema_pb2.Feature) -> schema_pb2.Schema:
    """A schema of these features."""
    return schema_pb2.Schema(feature=features)


def pair(
    schema: schema_pb2.Schema,
    training: Statistics,
    served: Statistics,
    policy: Policy | None = None,
    forms: Mapping[tuple[str, str], int] | None = None,
    **reference: Any,
) -> ComparedPair:
    """Both sides of a comparison, of raw features unless told otherwise."""
    against = Reference(schema, training, reference.pop("space", Space.RAW), **reference)
    return ComparedPair(against, policy or Policy(), served, Counter(forms or {}))
