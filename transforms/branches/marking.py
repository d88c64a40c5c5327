"""What statistics must know of a row beside its features: its slices, its group, and what it stands for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from trueserve.transforms.branches.branch import Branch, Fork
from trueserve.transforms.branches.samples import group_feature
from trueserve.transforms.core import slicing
from trueserve.transforms.core.accounting import ODD_RATE
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch
from trueserve.transforms.core.slicing import Slicing
from trueserve.transforms.summaries.weighted import odd_rates

_RATE = METADATA_SCHEMA.get_field_index("sampling_rate")


class Marked(Fork):
    """Batches with slices and groups of their rows, for several branches. Rates that are none are counted.

    Attributes:
      slicings: the slices that are wanted; see `transforms.core.slicing`.
      group_by: the feature by which rows belong together; None for none.
      ignore_sampling_rate: whether all rows are to count the same.
    """

    def __init__(
        self,
        slicings: Sequence[Slicing],
        branches: Sequence[Branch],
        *,
        ignore_sampling_rate: bool = False,
        group_by: str | None = None,
    ) -> None:
        super().__init__(branches)
        self._slicings, self._group_by = slicings, group_by
        self._ignore = ignore_sampling_rate

    def add(self, batch: Batch) -> None:
        if self._ignore:
            batch = without_rates(batch)
        else:
            self.forms[ODD_RATE] += odd_rates(batch.metadata.column(_RATE))
        super().add(group_feature.marked(slicing.marked(batch, self._slicings), self._group_by))


def without_rates(batch: Batch) -> Batch:
    """The batch as if the log had no sampling rates."""
    metadata = batch.metadata
    unset = pa.nulls(metadata.num_rows, METADATA_SCHEMA.field(_RATE).type)
    columns = [unset if i == _RATE else column for i, column in enumerate(metadata.columns)]
    return dataclasses.replace(batch, metadata=pa.RecordBatch.from_arrays(columns, schema=metadata.schema))
