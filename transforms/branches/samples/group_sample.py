"""Some groups of rows, with a few rows and the size of each: the same however the rows are cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trueserve.transforms.columnar import compact_rows
from trueserve.transforms.columnar.compact_rows import Column

Array = np.ndarray[Any, Any]

#: So many groups are kept, so many rows of each, and so many bytes for each feature, up to a thousand.
MOST_GROUPS, ROWS_EACH, BYTES_EACH = 400, 6, 1 << 16
_ALL = int(np.iinfo(np.uint64).max)


class GroupSample:
    """The groups with the smallest hashes, and of each the rows with the smallest ones.

    A group that is among these of all rows is among those of any part. Once one was given up, no group from
    its hash on is kept, in no part.

    Attributes:
      num_rows: of all groups, kept or not.
      groups: uint64, the group of each row that is kept.
      rows: their columns.
      limit: groups of this hash and greater ones are not kept.
    """

    def __init__(self, most: int = MOST_GROUPS, rows_each: int = ROWS_EACH) -> None:
        self.num_rows, self.limit, self._most, self._rows_each = 0, _ALL, most, rows_each
        self.groups, self._order = np.zeros(0, np.uint64), np.zeros(0, np.uint64)
        self.rows: dict[str, Column] = {}
        self._waiting: list[tuple[Array, Array, dict[str, Column]]] = []
        self._ids, self._sizes = np.zeros(0, np.uint64), np.zeros(0, np.int64)

    def wanted(self, groups: Array) -> Array:
        """The places of rows that may be kept; all rows are counted."""
        self.num_rows += len(groups)
        below = np.flatnonzero(groups < np.uint64(self.limit))
        self._count(*np.unique(groups[below], return_counts=True))
        # Groups that are given up at once are not looked at: most of a first batch.
        self._set_limit()
        return below[groups[below] < np.uint64(self.limit)]

    def thinned(self, groups: Array, order: Array) -> Array:
        """The places of the rows that are kept of each group, of rows that are `wanted`."""
        places = np.lexsort((order, groups))
        result: Array = np.sort(places[_rank(groups[places]) < self._rows_each])
        return result

    def add(self, groups: Array, order: Array, rows: dict[str, Column]) -> None:
        """Adds rows that were `wanted`, with their groups, and hashes (uint64) by which some are drawn."""
        self._waiting.append((groups, order, rows))
        # Joining sorts all that is kept.
        if sum(len(part[0]) for part in self._waiting) >= max(len(self.groups), self._most):
            self.settle()

    def settle(self) -> None:
        """Joins what waits; `groups`, `rows` and `sizes` are then those of all rows."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._join(waiting)

    def __getstate__(self) -> dict[str, object]:
        # What goes to another worker is as small as it can be.
        self.settle()
        return self.__dict__

    def merge(self, other: GroupSample) -> None:
        other.settle()
        self.settle()
        self.num_rows += other.num_rows
        self.limit = min(self.limit, other.limit)
        self._count(other._ids, other._sizes)
        self._join([(other.groups, other._order, other.rows)])

    @property
    def sizes(self) -> Array:
        """How many rows each group that is kept has, kept or not."""
        return self._sizes

    @property
    def num_groups(self) -> float:
        """About how many groups there are."""
        return len(self._ids) * _ALL / self.limit

    @property
    def num_bytes(self) -> int:
        waiting = sum(compact_rows.num_bytes(rows) for _, _, rows in self._waiting)
        return 16 * (len(self.groups) + len(self._ids)) + compact_rows.num_bytes(self.rows) + waiting

    def _count(self, groups: Array, sizes: Array) -> None:
        ids, inverse = np.unique(np.concatenate([self._ids, groups]), return_inverse=True)
        both = np.concatenate([self._sizes, sizes])
        self._ids, self._sizes = ids, np.bincount(inverse.reshape(-1), both, len(ids)).astype(np.int64)

    def _set_limit(self) -> None:
        if len(self._ids) > self._most:
            self.limit = min(self.limit, int(self._ids[self._most]))

    def _join(self, more: Sequence[tuple[Array, Array, dict[str, Column]]]) -> None:
        parts = [(self.groups, self._order, self.rows), *more]
        groups, order = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        rows = compact_rows.joined([(len(part[0]), part[2]) for part in parts])
        kept = self._kept(groups, order, rows)
        self.groups, self._order, self.rows = groups[kept], order[kept], compact_rows.taken(rows, kept)
        below = self._ids < np.uint64(self.limit)
        self._ids, self._sizes = self._ids[below], self._sizes[below]

    def _kept(self, groups: Array, order: Array, rows: dict[str, Column]) -> Array:
        """Which rows are kept, sorted; sets the limit."""
        self._set_limit()
        places = np.lexsort((order, groups))
        sorted_groups = groups[places]
        is_kept = (_rank(sorted_groups) < self._rows_each) & (sorted_groups < np.uint64(self.limit))
        places = np.asarray(places[is_kept])
        most_rows = max(BYTES_EACH * min(len(rows), 1000) // max(_bytes_of_row(rows), 1), 2 * self._rows_each)
        if len(places) > most_rows:
            self.limit = int(groups[places[most_rows]])
            places = np.asarray(places[groups[places] < np.uint64(self.limit)])
        return places


def _rank(sorted_groups: Array) -> Array:
    """The place of each row in its group, from 0."""
    first: Array = np.searchsorted(sorted_groups, sorted_groups, side="left")
    return np.arange(len(sorted_groups)) - first


def _bytes_of_row(rows: dict[str, Column]) -> int:
    return 16 + sum(int(column.values.dtype.itemsize) + 1 for column in rows.values())
