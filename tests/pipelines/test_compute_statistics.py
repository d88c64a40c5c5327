"""Statistics of record batches, equal however they are cut, and well-formed without rows."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.compute_statistics import ComputeStatistics


def batch(rows: int) -> pa.RecordBatch:
    numbers = [[float(i % 7)] if i % 5 else None for i in range(rows)]
    codes = [[i % 3] for i in range(rows)]
    tokens = [[b"word%d" % (i % 400)] for i in range(rows)]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(numbers, pa.large_list(pa.float32())),
            pa.array(codes, pa.large_list(pa.int64())),
            pa.array(tokens, pa.large_list(pa.large_binary())),
        ],
        names=["number", "code", "word"],
    )


def compute(
    batches: list[pa.RecordBatch], schema: schema_pb2.Schema | None = None
) -> statistics_pb2.DatasetFeatureStatisticsList:
    serialized: list[bytes] = []
    with beam.Pipeline("FnApiRunner") as pipeline:
        statistics = pipeline | beam.Create(batches) | "ComputeStatistics" >> ComputeStatistics(schema)
        _ = (
            statistics
            | beam.Map(lambda s: s.SerializeToString())
            | beam.combiners.ToList()
            | beam.Map(_write)
        )
    serialized = _SERIALIZED.pop()
    assert len(serialized) == 1
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(serialized[0])


_SERIALIZED: list[list[bytes]] = []


def _write(serialized: list[bytes]) -> None:
    _SERIALIZED.append(serialized)


@pytest.mark.parametrize("batches", [[], [batch(0)]])
def test_no_row_gives_one_empty_data_set(batches: list[pa.RecordBatch]) -> None:
    statistics = compute(batches)
    assert len(statistics.datasets) == 1
    assert statistics.datasets[0].num_examples == 0
    # Comparing it must not raise.
    assert tfdv.validate_statistics(statistics, schema_pb2.Schema()) is not None


def test_counts_do_not_depend_on_the_cut() -> None:
    uncut, cut = (
        compute([batch(1000)]),
        compute([batch(1000).slice(0, 300), batch(0), batch(1000).slice(300)]),
    )
    for statistics in (uncut, cut):
        (dataset,) = statistics.datasets
        features = {f.path.step[0]: f for f in dataset.features}
        assert dataset.num_examples == 1000
        assert features["number"].num_stats.common_stats.num_missing == 200
        assert features["word"].string_stats.unique == 400
        assert len(features["word"].string_stats.rank_histogram.buckets) == 400
        expected = sum(i % 7 for i in range(1000) if i % 5) / 800
        assert features["number"].num_stats.mean == pytest.approx(expected)


def test_the_schema_makes_integers_categories_and_stays_as_it_is() -> None:
    schema = text_format.Parse(
        "feature { name: 'code' type: INT int_domain { is_categorical: true } }", schema_pb2.Schema()
    )
    before = schema.SerializeToString()
    features = {f.path.step[0]: f for f in compute([batch(9)], schema).datasets[0].features}
    assert {v.value: v.frequency for v in features["code"].string_stats.top_values} == {
        "0": 3,
        "1": 3,
        "2": 3,
    }
    assert schema.SerializeToString() == before
