"""The statistics made of summaries are those of TFDV."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from hypothesis import given, settings
from hypothesis import strategies as st
from support.statistics import assert_same, columns
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.summaries.dataset import DatasetSummary, uses_of
from trueserve.transforms.summaries.protos import dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch


def summarized(schema: schema_pb2.Schema | None, *batches: pa.RecordBatch) -> DatasetSummary:
    summary, scratch = DatasetSummary(uses_of(schema)), Scratch()
    for batch in batches:
        summary.add(batch, scratch)
    return summary


def tfdv_statistics(
    schema: schema_pb2.Schema | None, batch: pa.RecordBatch
) -> statistics_pb2.DatasetFeatureStatistics:
    options = tfdv.StatsOptions(schema=schema)
    return stats_impl.generate_statistics_in_memory(batch, options).datasets[0]


@settings(deadline=None, max_examples=250)
@given(columns())
def test_equal_tfdv(drawn: tuple[schema_pb2.Schema, pa.RecordBatch]) -> None:
    schema, batch = drawn
    assert_same(dataset_statistics(summarized(schema, batch)), tfdv_statistics(schema, batch))


@settings(deadline=None, max_examples=200)
@given(columns(), st.integers(0, 30), st.integers(0, 30))
def test_equal_however_the_rows_are_divided(
    drawn: tuple[schema_pb2.Schema, pa.RecordBatch], cut: int, other_cut: int
) -> None:
    schema, batch = drawn
    first, last = sorted((min(cut, len(batch)), min(other_cut, len(batch))))
    parts = [batch[:first], batch[first:last], batch[last:]]
    merged, scratch = DatasetSummary(uses_of(schema)), Scratch()
    for part in parts:
        merged.merge(pickle.loads(pickle.dumps(summarized(schema, part))), scratch)
    assert_same(dataset_statistics(merged), dataset_statistics(summarized(schema, batch)))


def _large(num_rows: int) -> pa.RecordBatch:
    rng = np.random.default_rng(0)
    tokens: list[Any] = [
        [b"word %d" % i for i in rng.zipf(1.2, rng.integers(0, 3)) % 12_000] for _ in range(num_rows)
    ]
    tokens[7] = None
    return pa.RecordBatch.from_arrays(
        [
            pa.array(list(rng.normal(size=(num_rows, 1)).astype(np.float32)), pa.large_list(pa.float32())),
            pa.array(list(rng.integers(-1000, 1000, (num_rows, 3))), pa.large_list(pa.int64())),
            pa.array(tokens, pa.large_list(pa.large_binary())),
            pa.array([[0.0] * int(n) for n in rng.zipf(1.5, num_rows) % 500], pa.large_list(pa.float32())),
        ],
        names=["float", "int", "words", "long"],
    )


def _through_beam(batch: pa.RecordBatch, path: Path) -> statistics_pb2.DatasetFeatureStatistics:
    """TFDV's statistics with every value counted exactly."""
    with beam.Pipeline(runner="DirectRunner") as pipeline:
        batches = [batch[i : i + 5000] for i in range(0, len(batch), 5000)]
        statistics = pipeline | beam.Create(batches, reshuffle=False) | tfdv.GenerateStatistics()
        _ = statistics | tfdv.WriteStatisticsToTFRecord(str(path))
    return tfdv.load_statistics(str(path)).datasets[0]


def _take_histograms(feature: Any) -> list[Any]:
    """Removes all that a sketch of quantiles is behind; the quantiles' histograms of it."""
    stats = getattr(feature, feature.WhichOneof("stats"))
    taken = [statistics_pb2.Histogram.FromString(stats.common_stats.num_values_histogram.SerializeToString())]
    stats.common_stats.ClearField("num_values_histogram")
    if feature.HasField("num_stats"):
        taken.append(statistics_pb2.Histogram.FromString(stats.histograms[1].SerializeToString()))
        stats.ClearField("histograms")
        stats.ClearField("median")
    return taken


def _ranks(histogram: Any, values: np.ndarray[Any, Any]) -> list[float]:
    """How far from where it should be, as a share of all values, each bound of a quantiles histogram lies."""
    values, count = np.sort(values), len(histogram.buckets)
    bounds = [histogram.buckets[0].low_value, *(bucket.high_value for bucket in histogram.buckets)]
    low = np.searchsorted(values, np.array(bounds) * (1 - 1e-6 * np.sign(bounds)), side="left") / len(values)
    high = np.searchsorted(values, np.array(bounds) * (1 + 1e-6 * np.sign(bounds)), side="right") / len(
        values
    )
    wanted = np.arange(count + 1) / count
    return list(np.maximum(low - wanted, 0) + np.maximum(wanted - high, 0))


def test_equal_tfdv_in_a_pipeline(tmp_path: Path) -> None:
    batch = _large(20_000)
    ours = dataset_statistics(summarized(None, *(batch[i : i + 3001] for i in range(0, len(batch), 3001))))
    theirs = _through_beam(batch, tmp_path / "statistics")
    for feature in ours.features:
        column = batch.column(batch.schema.get_field_index(feature.path.step[0]))
        lengths = np.asarray(column.value_lengths().drop_null(), np.float64)
        of_lengths, *of_values = _take_histograms(feature)
        assert max(_ranks(of_lengths, lengths)) <= 0.002
        for histogram in of_values:
            assert max(_ranks(histogram, np.asarray(column.flatten(), np.float64))) <= 0.002
    for feature in theirs.features:
        _take_histograms(feature)
    assert_same(ours, theirs)


def test_a_type_that_changes_is_an_error() -> None:
    floats = pa.RecordBatch.from_arrays([pa.array([[1.0]], pa.large_list(pa.float32()))], names=["a"])
    ints = pa.RecordBatch.from_arrays([pa.array([[1]], pa.large_list(pa.int64()))], names=["a"])
    with pytest.raises(TypeError, match=r"feature 'a'.*INT.*FLOAT"):
        summarized(None, floats, ints)
    with pytest.raises(TypeError, match="feature 'a'"):
        summarized(None, floats).merge(summarized(None, ints), Scratch())


def test_values_of_missing_rows_do_not_count() -> None:
    values = pa.array([1.0, 7.0, 3.0], pa.float32())
    bits = pa.py_buffer(np.array([0b101], np.uint8))
    offsets = pa.py_buffer(np.array([0, 1, 2, 3], np.int64))
    column = pa.Array.from_buffers(pa.large_list(pa.float32()), 3, [bits, offsets], children=[values])
    batch = pa.RecordBatch.from_arrays([column], names=["a"])
    stats = dataset_statistics(summarized(None, batch)).features[0].num_stats
    assert (stats.common_stats.num_missing, stats.common_stats.tot_num_values) == (1, 2)
    assert (stats.min, stats.max, stats.mean) == (1.0, 3.0, 2.0)


def test_a_row_of_very_many_values() -> None:
    lists = [[float(i) for i in range(100_000)], [1.0], []]
    batch = pa.RecordBatch.from_arrays([pa.array(lists, pa.large_list(pa.float32()))], names=["a"])
    stats = dataset_statistics(summarized(None, batch)).features[0].num_stats
    assert (stats.common_stats.max_num_values, stats.common_stats.min_num_values) == (100_000, 0)
    assert abs(stats.median - 50_000) < 300


def test_tables_keep_to_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trueserve.transforms.summaries.dataset.TABLE_BYTES", 4 << 20)
    columns = [
        pa.array([[b"%d in %d" % (i, c)] for i in range(20_000)], pa.large_list(pa.large_binary()))
        for c in range(8)
    ]
    batch = pa.RecordBatch.from_arrays(columns, names=[f"feature{c}" for c in range(8)])
    summary = summarized(None, batch)
    tables = [feature.counts for feature in summary.features.values()]
    assert sum(table.num_bytes for table in tables if table) <= 4 << 20
    stats = dataset_statistics(summary)
    assert all(abs(f.string_stats.unique / 20_000 - 1) < 0.1 for f in stats.features)
