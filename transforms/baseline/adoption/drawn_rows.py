"""Rows drawn from statistics, where there are no examples: each value is one that training had, or near one.

Every feature is drawn by itself. So no drawn row need look like a real one, and nothing may be learnt from
them about how features go together; but a graph that maps each value as another one does gives the same for
them, and that is what probes are for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline.statistics_parts import DEFAULT_SLICE
from trueserve.transforms.core import record_batches
from trueserve.transforms.core.arrow import pa

Array = np.ndarray[Any, Any]

#: What is said of such a row.
DRAWN = "drawn from the training statistics"

# TFDV's label for a value that is no text.
_NO_TEXT = "__BYTES_VALUE__"


def dataset_of(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> statistics_pb2.DatasetFeatureStatistics:
    """The statistics of all rows, where there are some of slices too."""
    datasets = {dataset.name: dataset for dataset in statistics.datasets}
    return datasets.get(DEFAULT_SLICE, statistics.datasets[0])


def name_of(feature: statistics_pb2.FeatureNameStatistics) -> str:
    """The name of a feature, dotted where it is in a struct."""
    return feature.name or ".".join(feature.path.step)


def draw(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, schema: schema_pb2.Schema, rows: int
) -> pa.RecordBatch:
    """So many rows with the columns of `record_batches.arrow_schema(schema)`; the same ones in every run.

    A feature is missing as often as in training, and has as many values. One whose statistics show no value
    (images, and texts that TFDV did not count) is missing in all rows.
    """
    by_name = {name_of(feature): feature for feature in dataset_of(statistics).features}
    columns = record_batches.arrow_schema(schema)
    arrays = [_column(by_name.get(field.name), field, rows) for field in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=columns)


def _column(feature: statistics_pb2.FeatureNameStatistics | None, field: pa.Field, rows: int) -> pa.Array:
    if feature is None:
        return pa.nulls(rows, field.type)
    rng = np.random.default_rng(zlib.crc32(field.name.encode()))
    common = getattr(feature, feature.WhichOneof("stats") or "num_stats").common_stats
    lengths = _lengths(common, _spread(rng, rows))
    total = common.num_missing + common.num_non_missing
    lengths[_spread(rng, rows) < common.num_missing / max(total, 1)] = 0
    values = _values(feature, field.type.value_type, _spread(rng, int(lengths.sum())))
    if values is None:
        return pa.nulls(rows, field.type)
    ends = np.cumsum(lengths)
    # A value is missing, whichever way it was logged: there is no empty list.
    lists = [values[end - n : end] if n else None for n, end in zip(lengths, ends, strict=True)]
    return pa.array(lists, field.type)


def _spread(rng: np.random.Generator, count: int) -> Array:
    """Shares (0 to 1) at equal distances, in a random order: the extremes are among them."""
    shares: Array = rng.permutation((np.arange(count) + 0.5) / max(count, 1))
    return shares


def _lengths(common: statistics_pb2.CommonStatistics, shares: Array) -> Array:
    buckets = common.num_values_histogram.buckets
    lengths = np.full(len(shares), common.max_num_values, np.int64)
    if common.min_num_values != common.max_num_values and buckets:
        lengths = np.rint(_between(buckets, shares)).astype(np.int64)
    return np.clip(lengths, common.min_num_values, common.max_num_values)


def _values(feature: statistics_pb2.FeatureNameStatistics, kind: pa.DataType, shares: Array) -> Any:
    """Values at these shares of the distribution; None where none is known."""
    if feature.WhichOneof("stats") == "string_stats":
        return _categories(feature.string_stats, kind, shares)
    quantiles = [h for h in feature.num_stats.histograms if h.type == h.QUANTILES and h.buckets]
    if pa.types.is_large_binary(kind) or not quantiles:
        return None
    numbers = _between(quantiles[0].buckets, shares)
    return np.rint(numbers).astype(np.int64) if pa.types.is_integer(kind) else numbers


def _between(buckets: Iterable[statistics_pb2.Histogram.Bucket], shares: Array) -> Array:
    """Points between the ends of buckets, by the shares of the values in them."""
    finite = [b for b in buckets if np.isfinite([b.low_value, b.high_value]).all() and b.sample_count > 0]
    if not finite:
        return np.zeros(len(shares))
    counts = np.array([bucket.sample_count for bucket in finite])
    at = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    lows, highs = (np.array([getattr(b, end) for b in finite]) for end in ("low_value", "high_value"))
    index = np.clip(np.searchsorted(at, shares, side="right") - 1, 0, len(finite) - 1)
    inside = (shares - at[index]) / (at[index + 1] - at[index])
    points: Array = lows[index] + inside * (highs[index] - lows[index])
    return points


def _categories(string_stats: statistics_pb2.StringStatistics, kind: pa.DataType, shares: Array) -> Any:
    counted = [(bucket.label, bucket.sample_count) for bucket in string_stats.rank_histogram.buckets]
    counted = counted or [(top.value, top.frequency) for top in string_stats.top_values]
    counted = [(label, count) for label, count in counted if count > 0 and label != _NO_TEXT]
    if not counted:
        return None
    shares_so_far = np.cumsum([count for _, count in counted]) / sum(count for _, count in counted)
    index = np.minimum(np.searchsorted(shares_so_far, shares, side="right"), len(counted) - 1)
    plain = str.encode if pa.types.is_large_binary(kind) else float if pa.types.is_floating(kind) else int
    labels = [plain(label) for label, _ in counted]
    return [labels[i] for i in index]
