"""The statistics of the slices of one space."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import RowsPartial
from trueserve.transforms.branches.statistics import sampling_rates
from trueserve.transforms.core import slicing
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.slicing import SliceStatistics
from trueserve.transforms.summaries.dataset import uses_of
from trueserve.transforms.summaries.feature import Use
from trueserve.transforms.summaries.folding import fold
from trueserve.transforms.summaries.protos import SIZES
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.sliced import SlicedSummary

Dataset: TypeAlias = statistics_pb2.DatasetFeatureStatistics

#: What comes after the name of a space in the kind of its slices.
SLICES = "_slices"
#: So many slices have statistics at most, which take so many bytes together: they are one message.
MOST_SLICES = 100
MOST_BYTES = 512 << 20


class SlicesPartial(RowsPartial):
    """The summaries of all slices of batches that are marked, which become `SliceStatistics`.

    One partial result holds them all: it alone can tell which of them it must give up, the smallest, where
    there are more than memory allows. A kind for each slice would be a summary for each user id.
    """

    def __init__(self, uses: Mapping[str, Use], min_rows: int) -> None:
        self.summary = SlicedSummary(uses)
        self._min_rows = min_rows

    def add(self, batch: Batch) -> None:
        marks = slicing.marks(batch.metadata)
        self.summary.add(batch.features, sampling_rates(batch), marks, Scratch())

    def merge(self, other: SlicesPartial) -> None:
        self.summary.merge(other.summary, Scratch())

    def result(self) -> SliceStatistics:
        summary, datasets = self.summary, list(self._datasets())
        return SliceStatistics(
            statistics=statistics_pb2.DatasetFeatureStatisticsList(datasets=datasets),
            rows={dataset.name: summary.kept[dataset.name].num_examples for dataset in datasets},
            left_out=len(summary.kept) + len(summary.given_up) - len(datasets),
            more=summary.closed,
        )

    @property
    def num_bytes(self) -> int:
        return self.summary.num_bytes

    def _datasets(self) -> Iterator[Dataset]:
        """The data sets of the largest slices, the largest first, as many as one message can hold."""
        bytes_left = MOST_BYTES
        for name, slice_summary in self.summary.largest(self._min_rows, MOST_SLICES):
            dataset = fold(slice_summary, SIZES)
            dataset.name = name
            bytes_left -= dataset.ByteSize()
            if bytes_left < 0:
                return
            yield dataset


def slices(space: str, schema: schema_pb2.Schema | None, min_rows: int) -> Single:
    """The branch of the slices of at least `min_rows`; `schema` is as in `statistics`."""
    return Single((f"{space}{SLICES}", 0), functools.partial(SlicesPartial, uses_of(schema), min_rows))
