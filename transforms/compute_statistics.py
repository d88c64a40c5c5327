"""ComputeStatistics: TFDV's statistics of record batches, with the options that every baseline has."""

from __future__ import annotations

import dataclasses

import apache_beam as beam
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.branches.statistics import StatisticsPartial
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.merge_results import MergeResults
from trueserve.transforms.summaries.dataset import uses_of
from trueserve.transforms.summaries.quantiles import Scratch


@dataclasses.dataclass(eq=False)
class ComputeStatistics(beam.PTransform):
    """`PCollection[pa.RecordBatch]` to a PCollection of one `DatasetFeatureStatisticsList`.

    The statistics are those of `tfdv.GenerateStatistics`, computed by `transforms.summaries`; docs/speed.md
    says how far they agree. Without any row the result is one data set with 0 examples and no feature.

    Attributes:
      schema: tells which numbers are categories (so that their values are counted) and which bytes are
        images or the like; None for a first look at data without a schema.
    """

    schema: schema_pb2.Schema | None = None

    def expand(
        self, batches: beam.PCollection[pa.RecordBatch]
    ) -> beam.PCollection[statistics_pb2.DatasetFeatureStatisticsList]:
        return batches | "Summarise" >> beam.CombineGlobally(_Summarise(self.schema))


class _Summarise(MergeResults):
    """Rows to statistics; the accumulator stays small (see `WeightedSummary`)."""

    def __init__(self, schema: schema_pb2.Schema | None) -> None:
        super().__init__()
        self._uses = uses_of(schema)

    def create_accumulator(self) -> StatisticsPartial:
        return StatisticsPartial(self._uses)

    def add_input(self, total: StatisticsPartial, element: pa.RecordBatch) -> StatisticsPartial:
        total.summary.add(element, None, Scratch())
        return total
