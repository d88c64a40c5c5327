"""Rows that stand for others: statistics weighted by the inverse of the sampling rate, in plain fields."""

from __future__ import annotations

import itertools
import math
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.statistics import assert_same, columns
from support.weights import numbers
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.summaries import folding, weighted
from trueserve.transforms.summaries.dataset import DatasetSummary, uses_of
from trueserve.transforms.summaries.folding import fold, repeats
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.weighted import MOST_RATES, WeightedSummary, odd_rates, rates_of, rows_at
from trueserve.transforms.verdict import feature_stats

Dataset: TypeAlias = statistics_pb2.DatasetFeatureStatistics


def weighed(schema: schema_pb2.Schema | None, rows: pa.RecordBatch, rates: Any, cut: int = 0) -> Dataset:
    """The folded statistics of rows, added in two parts and merged."""
    parts, scratch = [WeightedSummary(uses_of(schema)), WeightedSummary(uses_of(schema))], Scratch()
    parts[0].add(rows[:cut], rates[:cut], scratch)
    parts[1].add(rows[cut:], rates[cut:], scratch)
    parts[0].merge(parts[1], scratch)
    return fold(parts[0], SIZES)


def repeated(schema: schema_pb2.Schema | None, rows: pa.RecordBatch, times: Any) -> Dataset:
    summary = DatasetSummary(uses_of(schema))
    summary.add(rows_at(rows, np.repeat(np.arange(len(rows)), times)), Scratch())
    return dataset_statistics(summary, SIZES)


@settings(deadline=None, max_examples=150)
@given(columns(), st.data())
def test_whole_weights_are_rows_that_come_so_many_times(
    drawn: tuple[schema_pb2.Schema, pa.RecordBatch], data: st.DataObject
) -> None:
    schema, rows = drawn
    times = np.array(data.draw(st.lists(st.integers(1, 9), min_size=len(rows), max_size=len(rows))))
    cut = data.draw(st.integers(0, len(rows)))
    actual, expected = weighed(schema, rows, 1 / times, cut), repeated(schema, rows, times)
    effective = max(round(times.sum() ** 2 / (times**2).sum()), 1)
    assert actual.num_examples == effective
    names = [feature.path.step[0] for feature in actual.features]
    assert sorted(names) == sorted(feature.path.step[0] for feature in expected.features)
    if len(set(times)) > 1:
        folding._normalise(expected, effective)
    else:
        expected = repeated(schema, rows, np.ones_like(times))
    for feature in (*actual.features, *expected.features):
        del feature.custom_stats[:]
    assert_same(actual, expected)


@settings(deadline=None, max_examples=50)
@given(columns(), st.sampled_from([1.0, 0.1, 1 / 3, 1e-6]))
def test_one_rate_for_all_changes_nothing(
    drawn: tuple[schema_pb2.Schema, pa.RecordBatch], rate: float
) -> None:
    schema, rows = drawn
    actual = weighed(schema, rows, np.full(len(rows), rate))
    expected = repeated(schema, rows, np.ones(len(rows), int))
    # As bytes: no NaN is equal to another.
    assert actual.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


def words_of(values: Any) -> pa.RecordBatch:
    column = pa.array([[value] for value in values], pa.large_list(pa.large_binary()))
    return pa.RecordBatch.from_arrays([column], names=["word"])


def test_rates_that_are_no_whole_parts() -> None:
    rng = np.random.default_rng(4)
    values, rates = rng.normal(size=5000), rng.choice([0.3, 0.7, 0.9], 5000)
    stats = weighed(None, numbers(values), rates, 1234).features[0].num_stats
    weights = 1 / rates
    mean = np.average(values.astype(np.float32), weights=weights)
    assert stats.mean == pytest.approx(mean, rel=1e-4)
    deviation = math.sqrt(np.average((values - mean) ** 2, weights=weights))
    assert stats.std_dev == pytest.approx(deviation, rel=1e-4)
    assert stats.common_stats.num_non_missing == round(weights.sum() ** 2 / (weights**2).sum())
    order = np.argsort(values)
    median = values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]
    assert stats.median == pytest.approx(median, abs=1e-3)


def test_what_is_no_rate_counts_as_one() -> None:
    column = pa.array([None, 0.0, 0.5, math.nan, -1.0, 1.5, 1e-300, math.inf, 1.0], pa.float64())
    assert rates_of(column).tolist() == [1, 1, 0.5, 1, 1, 1, 1, 1, 1]  # type: ignore[union-attr]
    assert odd_rates(column) == 5
    assert rates_of(pa.nulls(3, pa.float64())) is None
    assert odd_rates(pa.nulls(3, pa.float64())) == 0


def test_without_rates_there_is_one_summary() -> None:
    summary = WeightedSummary()
    summary.add(numbers([1.0, 2.0]), None, Scratch())
    summary.add(numbers([]), None, Scratch())
    assert list(summary.parts) == [1.0]


def test_a_missing_row_is_not_rounded_away() -> None:
    rows = pa.RecordBatch.from_arrays(
        [pa.array([[1.0]] * 9 + [None] + [[1.0]] * 10, pa.large_list(pa.float32()))], names=["number"]
    )
    rates = np.array([1.0] * 10 + [0.001] * 10)
    dataset = weighed(None, rows, rates)
    common = dataset.features[0].num_stats.common_stats
    assert common.num_missing == 1
    assert common.num_missing + common.num_non_missing == dataset.num_examples == 10


@pytest.mark.parametrize(("least", "error"), [(0.3, 0.01), (0.01, 0.05)])
def test_many_rates_are_brought_to_a_grid_of_few(least: float, error: float) -> None:
    rng = np.random.default_rng(1)
    rates, values = rng.uniform(least, 1, 20_000), rng.normal(size=20_000)
    for cuts in ([0, 20_000], [0, 10, 5000, 20_000]):
        parts, scratch = [], Scratch()
        for low, high in itertools.pairwise(cuts):
            parts.append(WeightedSummary())
            for start in range(low, high, 700):
                end = min(start + 700, high)
                parts[-1].add(numbers(values[start:end]), rates[start:end], scratch)
        merged = parts[0]
        for part in parts[1:]:
            merged.merge(part, scratch)
        assert 2 <= len(merged.parts) <= MOST_RATES
        assert merged.num_examples == 20_000
        rows_by_rate = {rate: part.num_examples for rate, part in merged.by_rate()}
        total = sum(count / rate for rate, count in rows_by_rate.items())
        assert total == pytest.approx((1 / rates).sum(), rel=error / 2)
        cells = weighted._cells_of(rates, merged.level)
        known = np.array([weighted._rate(cell, merged.level) for cell in cells])
        worst = np.abs(known / rates - 1).max()
        assert worst <= error * 1.01


@given(st.lists(st.floats(1e-9, 1), min_size=65, max_size=200, unique=True), st.randoms())
@settings(deadline=None, max_examples=20)
def test_the_grid_does_not_depend_on_the_order(rates: list[float], rng: Any) -> None:
    def rows_by_rate(in_order: list[float]) -> dict[float, int]:
        summary, scratch = WeightedSummary(), Scratch()
        for rate in in_order:
            summary.add(numbers([1.0]), np.array([rate]), scratch)
        return {rate: part.num_examples for rate, part in sorted(summary.by_rate(), key=lambda p: p[0])}

    shuffled = rates.copy()
    rng.shuffle(shuffled)
    assert rows_by_rate(rates) == rows_by_rate(shuffled)


def test_repeats_are_exact_for_whole_weights() -> None:
    assert repeats([1.0, 10.0, 100.0], [5, 5, 5]) == [1, 10, 100]
    assert repeats([10.0, 20.0], [1, 1]) == [1, 2]
    first, second = repeats([1 / 0.7, 1 / 0.3], [3, 4])
    assert second / first == pytest.approx(7 / 3, rel=1e-6)


def test_tables_of_all_rates_keep_to_one_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trueserve.transforms.summaries.dataset.TABLE_BYTES", 4 << 20)
    summary, scratch = WeightedSummary(), Scratch()
    for part in range(20):
        rows = words_of([b"%d in %d" % (i, part) for i in range(5000)])
        summary.add(rows, np.full(5000, 1 / (part + 1)), scratch)
    assert summary.num_bytes <= 4 << 20


def test_a_rare_value_is_not_named_for_its_weight() -> None:
    rows = words_of([b"common"] * 10_000 + [b"secret"])
    dataset = weighed(None, rows, np.array([1.0] * 10_000 + [0.01]), 3)
    counts = {b.label: b.sample_count for b in dataset.features[0].string_stats.rank_histogram.buckets}
    assert counts["secret"] >= NAMED_FROM
    view = feature_stats.views_by_feature(statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset]))[
        "word"
    ]
    assert view.rows_of("secret", counts["secret"]) == 1
    assert view.rows_of("common", counts["common"]) == counts["common"]


def test_kept_counts_add_up_to_all_values() -> None:
    rng = np.random.default_rng(2)
    rows = words_of([b"w%d" % i for i in rng.integers(0, 50, 3000)])
    for rates in (rng.choice([0.3, 0.9], 3000), rng.choice([1.0, 0.01], 3000)):
        dataset = weighed(None, rows, rates)
        view = feature_stats.views_by_feature(
            statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])
        )["word"]
        assert sum(view.counts().values()) == view.values == view.total
