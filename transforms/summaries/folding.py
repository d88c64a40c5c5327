"""From the summaries of several sampling rates to one data set of TFDV's statistics, in its plain fields.

A row of rate r is counted as if it had come 1 / r times, and the counts are then brought down to the
effective size of the sample, n = (sum of weights)^2 / (sum of their squares) (Kish, "Survey Sampling", 1965):
so many rows of equal weight tell as much. A comparison takes it for the number of rows, and so do its noise
floors, as they must.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.custom_stats import HEAVIEST_ROW, NAMED_FROM, RARE_VALUES
from trueserve.transforms.summaries.central_moments import CentralMoments
from trueserve.transforms.summaries.columns import ValueType
from trueserve.transforms.summaries.dataset import DatasetSummary
from trueserve.transforms.summaries.feature import FeatureSummary, Lengths
from trueserve.transforms.summaries.lists import Lists, include
from trueserve.transforms.summaries.protos import Sizes, dataset_statistics, ranked
from trueserve.transforms.summaries.quantiles import Quantiles
from trueserve.transforms.summaries.value_counts import ValueCounts
from trueserve.transforms.summaries.vectors.vector import Vectors
from trueserve.transforms.summaries.weighted import WeightedSummary

Array = np.ndarray[Any, Any]
Dataset: TypeAlias = statistics_pb2.DatasetFeatureStatistics
Feature: TypeAlias = statistics_pb2.FeatureNameStatistics

# Weights that are no whole numbers are taken in this fraction.
_FINEST = float(1 << 20)


def fold(summary: WeightedSummary, sizes: Sizes) -> Dataset:
    """The statistics of all rows, each with the weight 1 / rate.

    Where all rows have the same rate they are those of the rows as they are.
    """
    parts = summary.by_rate()
    if len(parts) == 1:
        return dataset_statistics(parts[0][1], sizes)
    times = repeats([1 / rate for rate, _ in parts], [part.num_examples for _, part in parts])
    repeated = [(part, count) for (_, part), count in zip(parts, times, strict=True)]
    result = dataset_statistics(_folded(repeated), sizes)
    heaviest = max(times) * _effective_rows(repeated) / result.num_examples
    _normalise(result, _effective_rows(repeated))
    _add_rare_values(result, repeated)
    _add_heaviest_row(result, heaviest)
    return result


def repeats(weights: Sequence[float], rows: Sequence[int]) -> list[int]:
    """Whole numbers in the proportion of `weights`, 1 at least: exact for whole ones, else to 1e-6."""
    counts = [round(weight) for weight in weights]
    total = sum(weight * count for weight, count in zip(weights, rows, strict=True))
    near = all(abs(weight - count) <= 1e-9 * weight for weight, count in zip(weights, counts, strict=True))
    if not near or total > 2.0**50:
        finest = min(_FINEST, 2.0**60 / total)
        counts = [max(round(weight * finest), 1) for weight in weights]
    common = math.gcd(*counts)
    return [count // common for count in counts]


class _PooledQuantiles(Quantiles):
    """Several sketches whose numbers came so many times each."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[Quantiles, int]]) -> None:
        super().__init__(np.uint32)
        self._parts = parts

    def weighted(self) -> tuple[Array, Array]:
        sketches = [(*sketch.weighted(), times) for sketch, times in self._parts]
        values = np.concatenate([numbers for numbers, _, _ in sketches])
        weights = np.concatenate([counts * times for _, counts, times in sketches])
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]


class _PooledCounts(ValueCounts):
    """Several tables whose values came so many times each."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[ValueCounts, int]]) -> None:
        super().__init__(max(counts.capacity for counts, _ in parts))
        self._parts = parts

    @property
    def invalid(self) -> int:
        return sum(counts.invalid * times for counts, times in self._parts)

    def distinct(self) -> int:
        return self.rows().distinct()

    def entries(self) -> list[tuple[bytes, int, int]]:
        totals: dict[tuple[bytes, int], int] = {}
        for counts, times in self._parts:
            for value, kind, count in counts.entries():
                totals[value, kind] = totals.get((value, kind), 0) + count * times
        return [(value, kind, count) for (value, kind), count in totals.items()]

    def rows(self) -> ValueCounts:
        """The same values, each counted as often as it came."""
        result = ValueCounts(self.capacity)
        for counts, _ in self._parts:
            result.merge(counts)
        return result


def _folded(parts: Sequence[tuple[DatasetSummary, int]]) -> DatasetSummary:
    """The summary of the rows, had they come so many times."""
    rows = sum(part.num_examples * times for part, times in parts)
    names = dict.fromkeys(name for part, _ in parts for name in part.features)
    folded = {
        name: _folded_feature(name, [(p.features[name], times) for p, times in parts if name in p.features])
        for name in names
    }
    return DatasetSummary(parts[0][0].uses, rows, folded)


def _folded_feature(name: str, parts: Sequence[tuple[FeatureSummary, int]]) -> FeatureSummary:
    typed = [(part, times) for part, times in parts if part.value_type is not None]
    result = FeatureSummary(parts[0][0].use)
    if not typed:
        return result
    types: set[ValueType | None] = {part.value_type for part, _ in typed}
    if len(types) > 1:
        raise TypeError(f"feature {name!r} has values of several types: {', '.join(sorted(map(str, types)))}")
    result.value_type = types.pop()
    result.lists = _lists([(part.lists, times) for part, times in typed])
    result.numbers = _central_moments([(part.numbers, n) for part, n in typed if part.numbers is not None])
    sketches = [(part.quantiles, times) for part, times in typed if part.quantiles is not None]
    result.quantiles = _PooledQuantiles(sketches) if sketches else None
    result.lengths = _lengths([(part.lengths, n) for part, n in typed if part.lengths is not None])
    tables = [(part.counts, times) for part, times in typed if part.counts is not None]
    result.counts = _PooledCounts(tables) if tables else None
    result.vectors = _vectors([(part.vectors, n) for part, n in typed if part.vectors is not None])
    return result


def _lists(parts: Sequence[tuple[Lists, int]]) -> Lists:
    result = Lists()
    for part, times in parts:
        include(result.counts, part.repeated(times).counts)
    long = [(part.long, times) for part, times in parts if part.long is not None]
    result.long = _PooledQuantiles(long) if long else None
    return result


def _central_moments(parts: Sequence[tuple[CentralMoments, int]]) -> CentralMoments | None:
    result = CentralMoments() if parts else None
    for part, times in parts:
        assert result is not None
        result.merge(part.repeated(times))
    return result


def _lengths(parts: Sequence[tuple[Lengths, int]]) -> Lengths | None:
    result = Lengths() if parts else None
    for part, times in parts:
        assert result is not None
        result.merge(Lengths(part.total * times, part.least, part.most, part.invalid * times))
    return result


def _vectors(parts: Sequence[tuple[Vectors, int]]) -> Vectors | None:
    result = Vectors() if parts else None
    for part, times in parts:
        assert result is not None
        result.merge(part.repeated(times))
    return result


def _effective_rows(parts: Sequence[tuple[DatasetSummary, int]]) -> int:
    total = sum(part.num_examples * times for part, times in parts)
    squares = sum(part.num_examples * times * times for part, times in parts)
    return max(round(total * total / squares), 1)


def _normalise(dataset: Dataset, rows: int) -> None:
    """Brings all counts down to those of so many rows; what is above zero stays so."""
    scale = rows / dataset.num_examples
    dataset.num_examples = rows
    for feature in dataset.features:
        stats = getattr(feature, feature.WhichOneof("stats"))
        if feature.HasField("string_stats"):
            _scale_strings(stats, scale)
        elif feature.HasField("num_stats"):
            stats.num_zeros = _scaled_count(stats.num_zeros, scale)
            for histogram in stats.histograms:
                _scale_histogram(histogram, scale)
        _scale_common(stats.common_stats, scale, rows)


def _scaled_count(count: int, scale: float) -> int:
    return max(round(count * scale), 1) if count else 0


def _scale_common(common: statistics_pb2.CommonStatistics, scale: float, rows: int) -> None:
    present = min(_scaled_count(common.num_non_missing, scale), rows)
    if common.num_missing and present == rows > 1:
        present -= 1  # a feature that is missing in some rows must not seem to be in all
    common.num_non_missing, common.num_missing = present, rows - present
    common.tot_num_values = _scaled_count(common.tot_num_values, scale)
    if common.HasField("num_values_histogram"):
        _scale_histogram(common.num_values_histogram, scale)


def _scale_histogram(histogram: statistics_pb2.Histogram, scale: float) -> None:
    histogram.num_nan = _scaled_count(histogram.num_nan, scale)
    for bucket in histogram.buckets:
        bucket.sample_count *= scale


def _scale_strings(stats: statistics_pb2.StringStatistics, scale: float) -> None:
    total = stats.common_stats.tot_num_values
    stats.invalid_utf8_count = _scaled_count(stats.invalid_utf8_count, scale)
    for counts, name in ((stats.top_values, "frequency"), (stats.rank_histogram.buckets, "sample_count")):
        before = [getattr(entry, name) for entry in counts]
        for entry, count in zip(counts, _scaled_frequencies(before, total, scale), strict=True):
            setattr(entry, name, count)


def _scaled_frequencies(counts: Sequence[float], total: int, scale: float) -> list[float]:
    """Scaled counts that add up to the scaled total without an error, where no value was cut off.

    Else the rest, however small, would be values that were not kept. Fractions of a power of two add up.
    """
    scaled = [max(round(count * scale * _FINEST), 1) / _FINEST for count in counts]
    if scaled and sum(counts) == total:
        scaled[0] = max(_scaled_count(total, scale) - sum(scaled[1:]), 1 / _FINEST)
    return scaled


def _add_heaviest_row(dataset: Dataset, weight: float) -> None:
    for feature in dataset.features:
        if feature.HasField("num_stats"):
            feature.custom_stats.add(name=HEAVIEST_ROW, num=weight)


def _add_rare_values(dataset: Dataset, parts: Sequence[tuple[DatasetSummary, int]]) -> None:
    for feature in dataset.features:
        heavy = {b.label for b in feature.string_stats.rank_histogram.buckets if b.sample_count >= NAMED_FROM}
        if heavy:
            _add_rare_values_of_feature(
                feature, heavy, [part.features.get(feature.path.step[0]) for part, _ in parts]
            )


def _add_rare_values_of_feature(
    feature: Feature, heavy: set[str], parts: Sequence[FeatureSummary | None]
) -> None:
    tables = [(part.counts, 1) for part in parts if part is not None and part.counts is not None]
    table = _PooledCounts(tables).rows()
    counts = {
        value.decode(): rows for rows, value in ranked(table, None, of_ints=feature.type == Feature.INT)
    }
    # One row may have a value as often as its list is long.
    often = NAMED_FROM * max(feature.string_stats.common_stats.max_num_values, 1)
    rare = {label: counts.get(label, 0) for label in sorted(heavy) if counts.get(label, 0) < often}
    if rare:
        histogram = feature.custom_stats.add(name=RARE_VALUES).rank_histogram
        for label, rows in rare.items():
            histogram.buckets.add(label=label, sample_count=rows)
