"""ComputeStatistics: TFDV's statistics of record batches, with the options that every baseline has."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from transforms.coders import SummaryCoder
from transforms.summaries.dataset import DatasetSummary, uses_of
from transforms.summaries.protos import Sizes, dataset_statistics
from transforms.summaries.quantiles import Scratch

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


@dataclasses.dataclass(eq=False)
class ComputeStatistics(beam.PTransform):  # type: ignore[misc]
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


class _Summarise(beam.CombineFn):  # type: ignore[misc]
    """Batches to statistics; the accumulator is a `DatasetSummary`, which stays small (see its docs)."""

    def __init__(self, schema: schema_pb2.Schema | None) -> None:
        super().__init__()
        self._uses = uses_of(schema)
        self._scratch: Scratch | None = None

    def setup(self) -> None:
        self._scratch = Scratch()

    def create_accumulator(self) -> DatasetSummary:
        return DatasetSummary(self._uses)

    def add_input(self, summary: DatasetSummary, batch: pa.RecordBatch) -> DatasetSummary:
        summary.add(batch, self._working_room())
        return summary

    def merge_accumulators(self, summaries: Iterable[DatasetSummary]) -> DatasetSummary:
        parts = iter(summaries)
        # The first is added to, and not copied: with thousands of features a copy takes hundreds of MB.
        whole = next(parts, None) or self.create_accumulator()
        for summary in parts:
            whole.merge(summary, self._working_room())
        return whole

    def extract_output(self, summary: DatasetSummary) -> statistics_pb2.DatasetFeatureStatisticsList:
        return statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset_statistics(summary, SIZES)])

    def get_accumulator_coder(self) -> SummaryCoder:
        return SummaryCoder()

    def _working_room(self) -> Scratch:
        if self._scratch is None:
            self._scratch = Scratch()
        return self._scratch
