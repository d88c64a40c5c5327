"""ComputeStatistics: TFDV's statistics of record batches, with the options that every baseline has."""

from __future__ import annotations

import dataclasses

import apache_beam as beam
import pyarrow as pa
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

# Both sides of a comparison must be computed with the same options, so they are constants.

# The L-infinity norm is taken over the top values that both sides kept: with too few, a value that is
# frequent on one side alone is no longer seen to be absent from the other. 1,000 covers most vocabularies.
NUM_TOP_VALUES = 1000
# Buckets of the rank histogram, which TFDV's comparison of strings reads.
NUM_RANK_BUCKETS = 1000
# Standard histograms carry the Jensen-Shannon divergence and the page's pictures, quantiles the picture of
# long tails. More buckets would raise the distance between two samples of one distribution.
NUM_HISTOGRAM_BUCKETS = 10
NUM_QUANTILES_BUCKETS = 10
# Of the quantiles' ranks, as a fraction of rows: a tenth of a bucket.
EPSILON = 0.01


@dataclasses.dataclass(eq=False)
class ComputeStatistics(beam.PTransform):  # type: ignore[misc]
    """`PCollection[pa.RecordBatch]` to a PCollection of one `DatasetFeatureStatisticsList`.

    Without any row the result is one data set with 0 examples and no feature.

    Attributes:
      schema: tells which numbers are categories (so that their values are counted) and which bytes are
        images or the like; None for a first look at data without a schema.
    """

    schema: schema_pb2.Schema | None = None

    def expand(
        self, batches: beam.PCollection[pa.RecordBatch]
    ) -> beam.PCollection[statistics_pb2.DatasetFeatureStatisticsList]:
        return batches | "GenerateStatistics" >> tfdv.GenerateStatistics(statistics_options(self.schema))


def statistics_options(schema: schema_pb2.Schema | None) -> tfdv.StatsOptions:
    """TFDV's options; the schema is copied, as TFDV keeps a reference to it."""
    copy = None
    if schema is not None:
        copy = schema_pb2.Schema()
        copy.CopyFrom(schema)
    return tfdv.StatsOptions(
        schema=copy,
        num_top_values=NUM_TOP_VALUES,
        num_rank_histogram_buckets=NUM_RANK_BUCKETS,
        num_histogram_buckets=NUM_HISTOGRAM_BUCKETS,
        num_quantiles_histogram_buckets=NUM_QUANTILES_BUCKETS,
        epsilon=EPSILON,
    )
