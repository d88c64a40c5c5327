"""The statistics of each window of time, in one space."""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.branches.branch import Branch, PartialResults
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples.requests import RequestsPartial
from trueserve.transforms.branches.statistics import StatisticsPartial
from trueserve.transforms.core import slicing
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.summaries.dataset import uses_of
from trueserve.transforms.summaries.feature import Use

# There may be thousands of windows: of each so many requests are kept, and so many rows of a user.
_REQUESTS, _ROWS_OF_USER = 100, 10


class WindowStatistics(NamedTuple):
    """The statistics of one window, and how many rows it has, whatever they weigh."""

    rows: int
    statistics: statistics_pb2.DatasetFeatureStatisticsList


class WindowPartial(StatisticsPartial):
    """The summary of the rows of one window, and how much those that belong together are alike."""

    def __init__(self, uses: Mapping[str, Use]) -> None:
        super().__init__(uses)
        self._requests = RequestsPartial(_REQUESTS, _ROWS_OF_USER)

    def add(self, batch: Batch) -> None:
        super().add(batch)
        self._requests.add(batch)

    def merge(self, other: StatisticsPartial) -> None:
        assert isinstance(other, WindowPartial)
        super().merge(other)
        self._requests.merge(other._requests)

    def result(self) -> WindowStatistics:
        statistics = super().result()
        design_effect.note(statistics, self._requests.result())
        return WindowStatistics(self.summary.num_examples, statistics)

    @property
    def num_bytes(self) -> int:
        return super().num_bytes + self._requests.num_bytes

    def compact(self, most: int) -> None:
        """Keeps it as it is: a window may lie in one range, and errors of many ranges alone cancel."""


class Windows(Branch):
    """`WindowStatistics` of the windows that have rows; a kind is the space and the number of the window.

    A window's statistics are those that `statistics` gives for its rows alone. Each has a summary of its own,
    which is kept whole: there must not be more windows than a worker's memory holds summaries of.

    Attributes:
      schema: as in `statistics`.
      start, every: see `slicing.by_window`.
      features: those that are looked at; None for all.
    """

    def __init__(
        self,
        space: str,
        schema: schema_pb2.Schema | None,
        start: dt.datetime,
        every: dt.timedelta,
        features: frozenset[str] | None = None,
    ) -> None:
        self._space, self._uses = space, uses_of(schema)
        self._first, self._every, self._features = start, every, features

    def start(self) -> None:
        new = functools.partial(WindowPartial, self._uses)
        self._partials: defaultdict[int, WindowPartial] = defaultdict(new)

    def add(self, batch: Batch) -> None:
        rows = batch if self._features is None else slicing.narrowed(batch, self._features)
        for number, rows_of_window in slicing.by_window(rows, self._first, self._every):
            self._partials[number].add(rows_of_window)

    def result(self) -> PartialResults:
        partials = self._partials
        del self._partials
        while partials:
            number, partial = partials.popitem()
            yield (self._space, number), partial
