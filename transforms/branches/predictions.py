"""Logged answers as rows of their own, and what is found out about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from trueserve.transforms.branches.branch import Branch, Fork
from trueserve.transforms.core.accounting import of_answers
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.predictions.logged import logged_columns
from trueserve.transforms.predictions.outputs import Output


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
