"""Summaries of the slices of a set of rows, as many as memory allows, the largest rather than the others."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.summaries.feature import Use
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.weighted import WeightedSummary, groups, rows_at

Array = np.ndarray[Any, Any]

#: How many slices are summarised at a time, what their summaries may take in all, and how many other names
#: are remembered. A slice by something that is different in each request must not fill the memory.
MOST_SLICES = 500
MOST_BYTES = 1 << 30
MOST_NAMES = 10_000
# A feature of few values takes about so much beside its sketch or table.
_BYTES_A_FEATURE = 4096


@dataclasses.dataclass
class SlicedSummary:
    """The summaries of slices, an accumulator for a CombineFn; a row may be in several.

    A slice that was given up once, for a larger one, is never taken up again: it would lack rows.

    Attributes:
      uses: what a schema says of features' values; see `uses_of`.
      kept: of each slice whose rows were all summarised, its summary.
      given_up: rows of the slices that were given up, by name.
      closed: whether there are more names than can be remembered, so that a new one may be an old one.
    """

    uses: Mapping[str, Use] = dataclasses.field(default_factory=dict)
    kept: dict[str, WeightedSummary] = dataclasses.field(default_factory=dict)
    given_up: dict[str, int] = dataclasses.field(default_factory=dict)
    closed: bool = False
    _sizes: dict[str, int] = dataclasses.field(default_factory=dict)

    def add(
        self, rows: pa.RecordBatch, rates: Array | None, marks: Iterable[pa.DictionaryArray], scratch: Scratch
    ) -> None:
        """Adds a batch; `marks` has the name of each row's slice, one array for each way of slicing."""
        for mark in marks:
            names = mark.dictionary.to_pylist()
            slices = list(groups(mark.indices.to_numpy(zero_copy_only=False)))
            # The largest first: where there is no more room, it is the others that find none.
            for code, row_indices in sorted(slices, key=lambda group: (-len(group[1]), names[group[0]])):
                self._add_slice(names[code], rows, rates, row_indices, scratch)
        self._bound()

    def merge(self, other: SlicedSummary, scratch: Scratch) -> None:
        """Adds what `other` has seen; it is not changed."""
        for name in [name for name in self.kept if name not in other.kept and other.lacks(name)]:
            self._give_up(name)
        for name, summary in other.kept.items():
            if name in self.kept or not self.lacks(name):
                self._summary(name).merge(summary, scratch)
                self._measure(name)
            else:
                self._count(name, summary.num_examples)
        for name, rows in other.given_up.items():
            self._count(name, rows)
        self.closed |= other.closed
        self._bound()

    def lacks(self, name: str) -> bool:
        """Whether rows of the slice may have been seen without being summarised."""
        return name in self.given_up or (self.closed and name not in self.kept)

    @property
    def num_bytes(self) -> int:
        """Memory that the summaries take."""
        return sum(self._sizes.values())

    def largest(self, least: int, most: int) -> list[tuple[str, WeightedSummary]]:
        """At most `most` slices of at least `least` rows, the largest first."""
        large_enough = [
            (name, summary) for name, summary in self.kept.items() if summary.num_examples >= least
        ]
        return sorted(large_enough, key=lambda item: (-item[1].num_examples, item[0]))[:most]

    def _add_slice(
        self, name: str, rows: pa.RecordBatch, rates: Array | None, row_indices: Array, scratch: Scratch
    ) -> None:
        if name not in self.kept and (self.lacks(name) or not self._has_room(len(row_indices))):
            self._count(name, len(row_indices))
            return
        part = rows if len(row_indices) == rows.num_rows else rows_at(rows, row_indices)
        self._summary(name).add(part, None if rates is None else rates[row_indices], scratch)
        self._measure(name)

    def _has_room(self, rows: int) -> bool:
        """Makes room for a slice of so many rows, where there is a smaller one."""
        if len(self.kept) < MOST_SLICES:
            return True
        smallest = self._smallest(1)[0]
        if self.kept[smallest].num_examples >= rows:
            return False
        self._give_up(smallest)
        return True

    def _summary(self, name: str) -> WeightedSummary:
        summary = self.kept.get(name)
        if summary is None:
            summary = self.kept[name] = WeightedSummary(self.uses)
        return summary

    def _measure(self, name: str) -> None:
        parts = self.kept[name].parts.values()
        features = sum(len(part.features) for part in parts)
        self._sizes[name] = self.kept[name].num_bytes + _BYTES_A_FEATURE * features

    def _smallest(self, count: int) -> Sequence[str]:
        return heapq.nsmallest(count, self.kept, key=lambda name: (self.kept[name].num_examples, name))

    def _give_up(self, name: str) -> None:
        self._sizes.pop(name, None)
        self._count(name, self.kept.pop(name).num_examples)

    def _count(self, name: str, rows: int) -> None:
        """Counts rows that are not summarised. A slice of which there are some is given up."""
        if name in self.kept:
            self._give_up(name)
        if name in self.given_up or len(self.given_up) < MOST_NAMES:
            self.given_up[name] = self.given_up.get(name, 0) + rows
        else:
            self.closed = True

    def _bound(self) -> None:
        for name in self._smallest(max(len(self.kept) - MOST_SLICES, 0)):
            self._give_up(name)
        while self.num_bytes > MOST_BYTES and len(self.kept) > 1:
            self._give_up(self._smallest(1)[0])
