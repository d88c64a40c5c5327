"""Summaries as TFDV's statistics."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeAlias

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.custom_stats import POINTS, RAREST, packed_points
from trueserve.transforms.summaries import counting
from trueserve.transforms.summaries.central_moments import CentralMoments
from trueserve.transforms.summaries.columns import ValueType
from trueserve.transforms.summaries.dataset import DatasetSummary
from trueserve.transforms.summaries.feature import FeatureSummary, Lengths, Use
from trueserve.transforms.summaries.histograms import find_quantiles, spread, weigh_buckets
from trueserve.transforms.summaries.lists import Lists
from trueserve.transforms.summaries.quantiles import Quantiles
from trueserve.transforms.summaries.value_counts import ValueCounts
from trueserve.transforms.summaries.vectors import packing

Array = np.ndarray[Any, Any]
Stats: TypeAlias = statistics_pb2.FeatureNameStatistics
Histogram: TypeAlias = statistics_pb2.Histogram

_NOT_UTF8_LABEL, _LONG_LABEL = b"__BYTES_VALUE__", b"__LARGE_BYTES__"
# A standard histogram is made of this many quantiles for every bucket of the other.
_FINER = 100


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much of a summary is shown; the defaults are those of `tfdv.StatsOptions`."""

    num_top_values: int = 20
    num_rank_histogram_buckets: int = 1000
    num_values_histogram_buckets: int = 10
    num_histogram_buckets: int = 10
    num_quantiles_histogram_buckets: int = 10
    num_fine_quantiles: int = 0


DEFAULT_SIZES = Sizes()

# Both sides of a comparison must be computed with the same options, so they are constants.

# The L-infinity norm is taken over the top values that both sides kept: with too few, a value that is
# frequent on one side alone is no longer seen to be absent from the other. 1,000 covers most vocabularies.
# TFDV's comparison of strings reads the rank histogram. Standard histograms carry the Jensen-Shannon
# divergence and the page's pictures, quantiles the picture of long tails; more buckets would raise the
# distance between two samples of one distribution.
SIZES = Sizes(
    num_top_values=1000,
    num_rank_histogram_buckets=1000,
    num_histogram_buckets=10,
    num_quantiles_histogram_buckets=10,
    num_fine_quantiles=200,
)


def dataset_statistics(
    summary: DatasetSummary, sizes: Sizes = DEFAULT_SIZES
) -> statistics_pb2.DatasetFeatureStatistics:
    """The statistics of a set of rows; the name of the slice is the caller's to set."""
    result = statistics_pb2.DatasetFeatureStatistics(num_examples=summary.num_examples)
    for name, feature in summary.features.items():
        result.features.append(feature_statistics(name, feature, summary.num_examples, sizes))
    return result


def feature_statistics(name: str, feature: FeatureSummary, num_examples: int, sizes: Sizes) -> Stats:
    """The statistics of one feature."""
    result = Stats(type=_type_of(feature))
    result.path.step.append(name)
    common = _common(feature.lists, num_examples, sizes)
    if feature.numbers is not None and feature.quantiles is not None:
        _fill_numeric(result, feature.numbers, feature.quantiles, sizes)
        result.num_stats.common_stats.CopyFrom(common)
    elif feature.use is Use.BLOB and feature.value_type is not ValueType.INT:
        _fill_bytes(result.bytes_stats, feature.lengths or Lengths(), feature.lists.total)
        result.bytes_stats.common_stats.CopyFrom(common)
    else:
        _fill_strings(result.string_stats, feature, sizes)
        _add_rarest(result, feature.counts, sizes)
        result.string_stats.common_stats.CopyFrom(common)
    if sizes.num_fine_quantiles:
        packing.add_positions(result, feature.vectors, feature.lists.with_values)
    return result


def _type_of(feature: FeatureSummary) -> int:
    if feature.value_type in (None, ValueType.STRING):
        return int(Stats.BYTES if feature.use is Use.BLOB else Stats.STRING)
    return int(Stats.INT if feature.value_type is ValueType.INT else Stats.FLOAT)


def _common(lists: Lists, num_examples: int, sizes: Sizes) -> statistics_pb2.CommonStatistics:
    result = statistics_pb2.CommonStatistics(
        num_non_missing=lists.present, num_missing=num_examples - lists.present
    )
    if lists.present:
        result.min_num_values, result.max_num_values = lists.least, lists.most
        result.tot_num_values = lists.total
        result.avg_num_values = lists.total / lists.present
        bounds, ranks = _quantiles(*lists.weighted(), sizes.num_values_histogram_buckets)
        result.num_values_histogram.CopyFrom(_quantiles_histogram(bounds, ranks))
    return result


def _fill_numeric(result: Stats, numbers: CentralMoments, quantiles: Quantiles, sizes: Sizes) -> None:
    if not numbers.count:
        result.num_stats.CopyFrom(_only_nans(numbers.nans))
        return
    kept, weights = _with_ends(numbers, *quantiles.weighted())
    result.num_stats.CopyFrom(_numeric(numbers, kept, weights, sizes))
    if sizes.num_fine_quantiles:
        fine = _fine_quantiles(kept, weights, sizes.num_fine_quantiles)
        result.custom_stats.add(name=POINTS).any.value = fine


def _numeric(
    numbers: CentralMoments, kept: Array, weights: Array, sizes: Sizes
) -> statistics_pb2.NumericStatistics:
    finer = _FINER * sizes.num_quantiles_histogram_buckets
    bounds, ranks = _quantiles(kept, weights, finer)
    result = statistics_pb2.NumericStatistics(
        mean=numbers.mean,
        std_dev=numbers.deviation,
        num_zeros=numbers.zeros,
        min=numbers.range[0],
        max=numbers.range[1],
        median=(bounds[finer // 2] + bounds[(finer + 1) // 2]) / 2,
        histograms=[
            _standard_histogram(numbers, bounds, ranks, sizes.num_histogram_buckets),
            _quantiles_histogram(bounds[::_FINER], ranks[::_FINER]),
        ],
    )
    for histogram in result.histograms:
        histogram.num_nan = numbers.nans
    return result


def _fine_quantiles(kept: Array, weights: Array, count: int) -> bytes:
    """Points of the distribution function at its quantiles; where ranks jump at a value there are two.

    The first of the two has the share of all values below it.
    """
    bounds, ranks = _quantiles(kept, weights, count)
    total = float(ranks[-1])
    # Not by differences: those of two infinities are none.
    firsts = np.flatnonzero(np.concatenate([[True], bounds[1:] != bounds[:-1]]))
    values, upto = bounds[firsts], ranks[firsts] / total
    before = np.concatenate([[0], np.cumsum(weights)])[np.searchsorted(kept, values, "left")]
    under = np.clip(before / total, np.concatenate([[0.0], upto[:-1]]), upto)
    # What stands at a value is no step if it is no more than its neighbours; but the first begins at 0.
    is_step = (upto - under > 0.5 / count) | (firsts == 0)
    points = np.repeat(values, 1 + is_step)
    shares = np.repeat(upto, 1 + is_step)
    shares[np.flatnonzero(is_step) + np.concatenate([[0], np.cumsum(is_step)[:-1]])[is_step]] = under[is_step]
    return packed_points(points, shares)


def _only_nans(nans: int) -> statistics_pb2.NumericStatistics:
    types = (Histogram.STANDARD, Histogram.QUANTILES) if nans else ()
    return statistics_pb2.NumericStatistics(histograms=[Histogram(type=t, num_nan=nans) for t in types])


def _with_ends(numbers: CentralMoments, values: Array, weights: Array) -> tuple[Array, Array]:
    """The sketch's numbers, with the least and the greatest for its first and last, which are near them."""
    values[0], values[-1] = numbers.range
    return values, weights


def _quantiles(values: Array, weights: Array, count: int) -> tuple[Array, Array]:
    bounds, ranks = np.empty(count + 1), np.empty(count + 1)
    find_quantiles(values, weights, bounds, ranks)
    return bounds, ranks


def _weights(bounds: Array, ranks: Array) -> Array:
    weights = np.empty(len(bounds) - 1)
    weigh_buckets(np.ascontiguousarray(bounds), np.ascontiguousarray(ranks), weights)
    return weights


def _histogram(histogram_type: int, bounds: Array, counts: Array) -> Histogram:
    buckets = [
        Histogram.Bucket(low_value=low, high_value=high, sample_count=count)
        for low, high, count in zip(bounds[:-1].tolist(), bounds[1:].tolist(), counts.tolist(), strict=True)
    ]
    return Histogram(type=histogram_type, buckets=buckets)


def _quantiles_histogram(bounds: Array, ranks: Array) -> Histogram:
    return _histogram(Histogram.QUANTILES, bounds, _weights(bounds, ranks))


def _standard_histogram(numbers: CentralMoments, bounds: Array, ranks: Array, num_buckets: int) -> Histogram:
    """Buckets of equal width over the finite numbers, and one for each infinity that came."""
    if not numbers.finite:
        return _histogram(Histogram.STANDARD, np.array(numbers.finite_range), ranks[-1:])
    edges = _edges(numbers, num_buckets)
    if not np.isfinite(edges).all():  # The width overflows; TFDV shows no bucket then.
        return Histogram(type=Histogram.STANDARD)
    bounds, ranks, below = _finite(numbers, bounds, ranks)
    counts = np.empty(len(edges) - 1)
    spread(np.ascontiguousarray(bounds), _weights(bounds, ranks), edges, counts)
    result = _histogram(Histogram.STANDARD, edges, counts)
    if below:
        infinite = Histogram.Bucket(low_value=-np.inf, high_value=-np.inf, sample_count=below)
        result.buckets.insert(0, infinite)
    if numbers.above:
        result.buckets.add(low_value=np.inf, high_value=np.inf, sample_count=numbers.above)
    return result


def _edges(numbers: CentralMoments, num_buckets: int) -> Array:
    least, most = numbers.finite_range
    if least == most:
        return np.array([least, most])
    with np.errstate(over="ignore", invalid="ignore"):
        return np.linspace(least, most, num_buckets + 1)


def _finite(numbers: CentralMoments, bounds: Array, ranks: Array) -> tuple[Array, Array, float]:
    """The bounds that are finite, their ranks among finite numbers, and how many lie below all."""
    first = int(np.searchsorted(bounds, -np.inf, side="right"))
    below = float(ranks[first - 1]) if first else 0.0
    bounds, ranks = bounds[first:], ranks[first:] - below
    if numbers.above:
        last, rest = int(np.searchsorted(bounds, np.inf)), ranks[-1] - numbers.above
        bounds = np.append(bounds[:last], numbers.finite_range[1])
        ranks = np.append(ranks[:last], rest)
    return bounds, ranks, below


def _fill_bytes(result: statistics_pb2.BytesStatistics, lengths: Lengths, total: int) -> None:
    if lengths.least is not None and lengths.most is not None:
        result.avg_num_bytes = lengths.total / total
        result.min_num_bytes, result.max_num_bytes = lengths.least, lengths.most
        result.max_num_bytes_int = lengths.most


def _fill_strings(result: statistics_pb2.StringStatistics, feature: FeatureSummary, sizes: Sizes) -> None:
    lengths, counts = feature.lengths or Lengths(), feature.counts
    if feature.lists.total:
        result.avg_length = lengths.total / feature.lists.total
    result.invalid_utf8_count = lengths.invalid + (counts.invalid if counts is not None else 0)
    if counts is not None and feature.lists.total:
        result.unique = counts.distinct()
        most = max(sizes.num_top_values, sizes.num_rank_histogram_buckets)
        most_frequent = ranked(counts, most, of_ints=feature.value_type is ValueType.INT)
        _fill_ranks(result, most_frequent, sizes)


def _add_rarest(result: Stats, counts: ValueCounts | None, sizes: Sizes) -> None:
    """Of values of which not all are kept, how often the rarest came: only while every count is exact.

    As with fine quantiles, it is not among TFDV's own fields.
    """
    is_cut = counts is not None and counts.distinct() > sizes.num_rank_histogram_buckets
    if counts is None or not is_cut or not counts.exact or not sizes.num_fine_quantiles:
        return
    of_values = [count for _, _, count in counts.entries()]
    least = min(of_values)
    histogram = result.custom_stats.add(name=RAREST).rank_histogram
    for count in (least, least + 1):
        histogram.buckets.add(sample_count=count, high_rank=of_values.count(count))
    histogram.buckets.add(sample_count=2 * least, high_rank=sum(count <= 2 * least for count in of_values))


def _fill_ranks(
    result: statistics_pb2.StringStatistics, most_frequent: list[tuple[int, bytes]], sizes: Sizes
) -> None:
    for rank, (count, value) in enumerate(most_frequent):
        label = value.decode()
        if rank < sizes.num_top_values:
            result.top_values.add(value=label, frequency=count)
        if rank < sizes.num_rank_histogram_buckets:
            result.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, sample_count=count, label=label)


def ranked(counts: ValueCounts, most: int | None, *, of_ints: bool) -> list[tuple[int, bytes]]:
    """Counts and values, the greatest first; of equal counts the greater value; what is no text is one.

    `most` is how many of them, None for all.
    """
    by_value: dict[bytes, int] = {}
    for value, kind, count in counts.entries():
        if of_ints:
            shown = str(int.from_bytes(value, "little", signed=True)).encode()
        elif kind == counting.TEXT:
            shown = value
        else:
            shown = _LONG_LABEL if kind == counting.LONG_TEXT else _NOT_UTF8_LABEL
        by_value[shown] = by_value.get(shown, 0) + count
    return sorted(((count, value) for value, count in by_value.items()), reverse=True)[:most]
