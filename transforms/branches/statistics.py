"""The statistics of one space."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from transforms.branches.branch import Single
from transforms.branches.partial import RowsPartial
from transforms.core.batches import Batch
from transforms.summaries.dataset import uses_of
from transforms.summaries.feature import Use
from transforms.summaries.folding import fold
from transforms.summaries.protos import SIZES
from transforms.summaries.quantiles import Scratch
from transforms.summaries.weighted import WeightedSummary, rates_of


class StatisticsPartial(RowsPartial):
    """The summary of rows, which becomes TFDV's statistics of them, in a `DatasetFeatureStatisticsList`.

    Rows count 1 / sampling rate each (see `summaries.folding`). `uses` are those of `uses_of` a schema.
    """

    def __init__(self, uses: Mapping[str, Use]) -> None:
        self.summary = WeightedSummary(uses)

    def add(self, batch: Batch) -> None:
        self.summary.add(batch.features, sampling_rates(batch), Scratch())

    def merge(self, other: StatisticsPartial) -> None:
        self.summary.merge(other.summary, Scratch())

    def result(self) -> Any:
        return statistics_pb2.DatasetFeatureStatisticsList(datasets=[fold(self.summary, SIZES)])

    @property
    def num_bytes(self) -> int:
        return self.summary.num_bytes


def statistics(space: str, schema: schema_pb2.Schema | None) -> Single:
    """The branch of the statistics of all rows; its kind is the name of the space.

    `schema` tells which numbers are categories and which bytes are images or the like.
    """
    return Single((space, 0), functools.partial(StatisticsPartial, uses_of(schema)))


def sampling_rates(batch: Batch) -> np.ndarray[Any, Any] | None:
    """The sampling rate of each row, as `weighted.rates_of` gives it."""
    return rates_of(batch.metadata.column(batch.metadata.schema.get_field_index("sampling_rate")))
