"""The statistics of values that came in another type than the schema's; nearly all ranges have none."""

from __future__ import annotations

import functools

from trueserve.transforms.branches.branch import PartialResults, Single
from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.branches.statistics import StatisticsPartial, sampling_rates
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.summaries.quantiles import Scratch

OTHER_TYPES: Kind = ("other_types", 0)


class OtherTypesPartial(StatisticsPartial):
    """The summary of `Batch.other_types`; features are named by `accounting.of_other_type`."""

    def add(self, batch: Batch) -> None:
        if batch.other_types is not None:
            self.summary.add(batch.other_types, sampling_rates(batch), Scratch())


class _OtherTypes(Single):
    """A branch without a result where no row has such a value."""

    def result(self) -> PartialResults:
        for kind, partial in super().result():
            if isinstance(partial, OtherTypesPartial) and partial.num_bytes:
                yield kind, partial


def other_types() -> Single:
    """The branch of these statistics. They have no schema: numbers are numbers, and texts categories."""
    return _OtherTypes(OTHER_TYPES, functools.partial(OtherTypesPartial, {}))
