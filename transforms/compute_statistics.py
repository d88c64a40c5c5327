"""ComputeStatistics: TFDV's statistics of batches, with the options that every baseline has; slices too."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import apache_beam as beam
import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from transforms.coders import SummaryCoder
from transforms.core import slicing
from transforms.core.arrow import pa
from transforms.core.batches import Batch
from transforms.core.slicing import SliceStatistics
from transforms.summaries.dataset import uses_of
from transforms.summaries.folding import fold
from transforms.summaries.protos import SIZES
from transforms.summaries.quantiles import Scratch
from transforms.summaries.sliced import SlicedSummary
from transforms.summaries.weighted import WeightedSummary, rates_of

Array = np.ndarray[Any, Any]
RowBatch: TypeAlias = Batch | pa.RecordBatch
Dataset: TypeAlias = statistics_pb2.DatasetFeatureStatistics

#: So many slices have statistics at most, which take so many bytes together: they are one message.
MOST_SLICES = 100
MOST_BYTES = 512 << 20


@dataclasses.dataclass(eq=False)
class ComputeStatistics(beam.PTransform):
    """`PCollection[Batch]` or of `pa.RecordBatch` to a PCollection of one `DatasetFeatureStatisticsList`.

    The statistics are those of `tfdv.GenerateStatistics`, computed by `transforms.summaries`; docs/speed.md
    says how far they agree. Without any row the result is one data set with 0 examples and no feature.

    The rows of a `Batch` count 1 / sampling rate each (see `summaries.folding`), which shows in TFDV's plain
    fields: `num_examples` is the effective number of rows where the rates differ.

    Attributes:
      schema: tells which numbers are categories (so that their values are counted) and which bytes are
        images or the like; None for a first look at data without a schema.
    """

    schema: schema_pb2.Schema | None = None

    def expand(
        self, batches: beam.PCollection[RowBatch]
    ) -> beam.PCollection[statistics_pb2.DatasetFeatureStatisticsList]:
        return batches | "Summarise" >> beam.CombineGlobally(_Summarise(self.schema))


@dataclasses.dataclass(eq=False)
class ComputeSliceStatistics(beam.PTransform):
    """`PCollection[Batch]`, whose slices are marked, to a PCollection of one `SliceStatistics`.

    One accumulator holds all slices: it alone can tell which of them it must give up, the smallest, where
    there are more than memory allows. A combine for each key would hold a summary for each user id.

    Attributes:
      schema: as in `ComputeStatistics`.
      least: rows that a slice must have to be examined.
    """

    schema: schema_pb2.Schema | None
    least: int

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[SliceStatistics]:
        return batches | "Summarise" >> beam.CombineGlobally(_SummariseSlices(self.schema, self.least))


class WindowStatistics(NamedTuple):
    """The statistics of one window, and how many rows it has, whatever they weigh."""

    rows: int
    statistics: statistics_pb2.DatasetFeatureStatisticsList


@dataclasses.dataclass(eq=False)
class ComputeWindowStatistics(beam.PTransform):
    """`PCollection[Batch]` to (number of a window, `WindowStatistics`), one element a window that has rows.

    A window's statistics are those that `ComputeStatistics` gives for its rows alone. Each has a summary of
    its own, which is kept whole: there must not be more windows than a worker's memory holds summaries of.

    Attributes:
      schema: as in `ComputeStatistics`.
      start, every: see `slicing.by_window`.
      features: those that are looked at; None for all.
    """

    schema: schema_pb2.Schema | None
    start: dt.datetime
    every: dt.timedelta
    features: frozenset[str] | None = None

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[tuple[int, WindowStatistics]]:
        split = beam.FlatMap(slicing.by_window, self.start, self.every)
        if self.features is not None:
            narrow = beam.Map(slicing.narrowed, self.features)
            batches = batches | "Narrow" >> narrow.with_output_types(Batch)
        return (
            batches
            | "SplitByWindow" >> split.with_output_types(tuple[int, Batch])
            | "Summarise" >> beam.CombinePerKey(_SummariseWindow(self.schema))
        )


class _Combine(beam.CombineFn):
    """What both combines share: summaries that are added to and merged in the same scratch."""

    def __init__(self, schema: schema_pb2.Schema | None) -> None:
        super().__init__()
        self._uses = uses_of(schema)
        self._scratch: Scratch | None = None

    def setup(self) -> None:
        self._scratch = Scratch()

    def merge_accumulators(self, summaries: Iterable[Any]) -> Any:
        parts = iter(summaries)
        # The first is added to, and not copied: with thousands of features a copy takes hundreds of MB.
        total = next(parts, None) or self.create_accumulator()
        for summary in parts:
            total.merge(summary, self._working_room())
        return total

    def get_accumulator_coder(self) -> SummaryCoder:
        return SummaryCoder()

    def _working_room(self) -> Scratch:
        if self._scratch is None:
            self._scratch = Scratch()
        return self._scratch


class _Summarise(_Combine):
    """Batches to statistics; the accumulator is a `WeightedSummary`, which stays small (see its docs)."""

    def create_accumulator(self) -> WeightedSummary:
        return WeightedSummary(self._uses)

    def add_input(self, summary: WeightedSummary, rows: RowBatch) -> WeightedSummary:
        if isinstance(rows, Batch):
            summary.add(rows.features, _rates(rows), self._working_room())
        else:
            summary.add(rows, None, self._working_room())
        return summary

    def extract_output(self, summary: WeightedSummary) -> statistics_pb2.DatasetFeatureStatisticsList:
        return statistics_pb2.DatasetFeatureStatisticsList(datasets=[fold(summary, SIZES)])


class _SummariseWindow(_Summarise):
    """The batches of one window to its `WindowStatistics`."""

    def extract_output(self, summary: WeightedSummary) -> WindowStatistics:
        return WindowStatistics(summary.num_examples, super().extract_output(summary))


class _SummariseSlices(_Combine):
    """Batches to `SliceStatistics`."""

    def __init__(self, schema: schema_pb2.Schema | None, least: int) -> None:
        super().__init__(schema)
        self._least = least

    def create_accumulator(self) -> SlicedSummary:
        return SlicedSummary(self._uses)

    def add_input(self, summary: SlicedSummary, rows: Batch) -> SlicedSummary:
        marks = slicing.marks(rows.metadata)
        summary.add(rows.features, _rates(rows), marks, self._working_room())
        return summary

    def extract_output(self, summary: SlicedSummary) -> SliceStatistics:
        datasets = list(_datasets(summary, self._least))
        return SliceStatistics(
            statistics=statistics_pb2.DatasetFeatureStatisticsList(datasets=datasets),
            rows={dataset.name: summary.kept[dataset.name].num_examples for dataset in datasets},
            left_out=len(summary.kept) + len(summary.given_up) - len(datasets),
            more=summary.closed,
        )


def _datasets(summary: SlicedSummary, least: int) -> Iterator[Dataset]:
    """The data sets of the largest slices, the largest first, as many as one message can hold."""
    bytes_left = MOST_BYTES
    for name, slice_summary in summary.largest(least, MOST_SLICES):
        dataset = fold(slice_summary, SIZES)
        dataset.name = name
        bytes_left -= dataset.ByteSize()
        if bytes_left < 0:
            return
        yield dataset


def _rates(batch: Batch) -> Array | None:
    return rates_of(batch.metadata.column(batch.metadata.schema.get_field_index("sampling_rate")))
