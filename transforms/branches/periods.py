"""Rows counted by day and by hour, in the cells of their features."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import RowsPartial
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.verdict.variation.bins import Bins
from trueserve.transforms.verdict.variation.period_counts import Layout, PeriodCounts


class PeriodsPartial(RowsPartial):
    """`PeriodCounts` of rows that have times."""

    def __init__(self, layout: Layout) -> None:
        self._counts = PeriodCounts(layout)

    def add(self, batch: Batch) -> None:
        time = batch.metadata.column(batch.metadata.schema.get_field_index("time"))
        self._counts.add(batch.features, time)

    def merge(self, other: PeriodsPartial) -> None:
        self._counts.merge(other._counts)

    def result(self) -> PeriodCounts:
        return self._counts


def periods(space: str, cells: Mapping[str, Bins]) -> Single:
    """The branch that counts rows in the cells of each feature, by name."""
    return Single((space, 0), functools.partial(PeriodsPartial, Layout.of(cells)))
