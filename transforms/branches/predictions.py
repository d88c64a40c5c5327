"""Logged answers as rows of their own, and what is found out about them."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from trueserve.transforms.branches.branch import Branch, Fork, Single
from trueserve.transforms.branches.partial import Kind, RowsPartial
from trueserve.transforms.core.accounting import of_answers
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.performance import record as records
from trueserve.transforms.performance.bins import ScoreBins
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.predictions.logged import logged_columns
from trueserve.transforms.predictions.outputs import Output

PERFORMANCE: Kind = ("performance", 0)


class Predictions(Fork):
    """Batches, read with `Settings.responses`, to as many rows of predictions, for several branches.

    Rows that have no prediction are counted; `accounting.answers_of` reads that. `outputs` are those of the
    model that is taken to have answered.
    """

    def __init__(self, outputs: tuple[Output, ...], branches: Sequence[Branch]) -> None:
        super().__init__(branches)
        self._outputs = outputs

    def add(self, batch: Batch) -> None:
        features, reasons = logged_columns(batch.metadata, self._outputs)
        self.forms += Counter({of_answers(reason): rows for reason, rows in reasons.items()})
        super().add(Batch(features, batch.metadata))


class ScorePartial(RowsPartial):
    """`ScoreBins` of the rows of predictions that are numbers, each counted once whatever its weight."""

    def __init__(self, record: PerformanceRecord) -> None:
        self._record = record
        self._bins = records.scores_of(record, np.empty((0, record.width)))

    def add(self, batch: Batch) -> None:
        columns = [batch.features.column(name) for name in self._record.features]
        # All of an output's columns are null in the same rows.
        values = np.column_stack([column.flatten().to_numpy(zero_copy_only=False) for column in columns])
        finite = values[np.isfinite(values).all(axis=1)]
        if len(finite):
            self._bins = self._bins.plus(records.scores_of(self._record, finite))

    def merge(self, other: ScorePartial) -> None:
        self._bins = self._bins.plus(other.result())

    def result(self) -> ScoreBins:
        return self._bins


def performance(record: PerformanceRecord) -> Branch:
    """The scores of a window, by the bins that were recorded at export."""
    return Single(PERFORMANCE, functools.partial(ScorePartial, record))
