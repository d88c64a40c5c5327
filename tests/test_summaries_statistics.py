"""The statistics made of summaries are those of TFDV."""

from __future__ import annotations

import pickle

import pyarrow as pa
import tensorflow_data_validation as tfdv
from hypothesis import given, settings
from hypothesis import strategies as st
from support_statistics import assert_same, columns
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from transforms.summaries.dataset import DatasetSummary, uses_of
from transforms.summaries.protos import dataset_statistics
from transforms.summaries.quantiles import Scratch


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


@settings(deadline=None, max_examples=500)
@given(columns())
def test_equal_tfdv(drawn: tuple[schema_pb2.Schema, pa.RecordBatch]) -> None:
    schema, batch = drawn
    assert_same(dataset_statistics(summarized(schema, batch)), tfdv_statistics(schema, batch))


@settings(deadline=None, max_examples=200)
@given(columns(), st.integers(0, 30), st.integers(0, 30))
def test_equal_however_the_rows_are_divided(
    drawn: tuple[schema_pb2.Schema, pa.RecordBatch], one: int, other: int
) -> None:
    schema, batch = drawn
    first, last = sorted((min(one, len(batch)), min(other, len(batch))))
    parts = [batch[:first], batch[first:last], batch[last:]]
    whole, scratch = DatasetSummary(uses_of(schema)), Scratch()
    for part in parts:
        whole.merge(pickle.loads(pickle.dumps(summarized(schema, part))), scratch)
    assert_same(dataset_statistics(whole), dataset_statistics(summarized(schema, batch)))
