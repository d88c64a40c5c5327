"""How large the group is that a row is in, on average, of groups that are too many to be counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.columnar.compact_rows import mixed

Array = np.ndarray[Any, Any]

_BUCKETS = 2048
_SIGN = np.uint64(40)


class GroupSizes:
    """A sketch of the sum of the squares of the groups' sizes.

    A sample of groups misses the few that are large, of which the sum is made. Each group has a bucket and a
    sign by its hash; the square of a bucket's sum is that of its groups' sizes, on average (Alon, Matias and
    Szegedy 1996; with buckets Charikar, Chen and Farach-Colton 2002). The standard error is at most 3 %.
    """

    def __init__(self) -> None:
        self.num_rows = 0
        self._sums = np.zeros(0, np.int64)  # none until there are rows: there may be thousands of sketches

    def add(self, groups: Array) -> None:
        """Adds rows, by the hash (uint64) of the group of each."""
        if not len(groups):
            return
        self.num_rows += len(groups)
        codes = mixed(groups)
        signs = np.where((codes >> _SIGN) & np.uint64(1), 1.0, -1.0)
        buckets = (codes % np.uint64(_BUCKETS)).astype(np.int64)
        self._add(np.bincount(buckets, signs, _BUCKETS).astype(np.int64))

    def merge(self, other: GroupSizes) -> None:
        self.num_rows += other.num_rows
        self._add(other._sums)

    @property
    def mean(self) -> float:
        """The size of the group that a row is in, on average over rows; 1 where there are none."""
        squares = float((self._sums.astype(float) ** 2).sum())
        return max(squares / self.num_rows, 1.0) if self.num_rows else 1.0

    @property
    def num_bytes(self) -> int:
        return int(self._sums.nbytes)

    def _add(self, sums: Array) -> None:
        if len(sums):
            self._sums = self._sums + sums if len(self._sums) else sums
