"""The times of the rows that a sample keeps, read apart from it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import RowsPartial
from trueserve.transforms.branches.samples.sample import row_hashes
from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.batches import Batch

Array = np.ndarray[Any, Any]

#: The kind of the result, and what stands for a row without a time.
TIMES, NO_TIME = "times", np.iinfo(np.int64).min


def sample_times(rows: int) -> Single:
    """The branch of the times of so many rows, those of `sample` in its order: int64, seconds since 1970."""
    return Single((TIMES, 0), functools.partial(TimesPartial, rows))


class TimesPartial(RowsPartial):
    """Hashes of rows, ascending, with their times."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._hashes, self._times = np.zeros(0, np.uint64), np.zeros(0, np.int64)

    def add(self, batch: Batch) -> None:
        time = batch.metadata.column(batch.metadata.schema.get_field_index("time"))
        seconds = pc.cast(pc.cast(time, pa.timestamp("s"), safe=False), pa.int64()).fill_null(NO_TIME)
        self._join(row_hashes(batch.metadata), seconds.to_numpy(zero_copy_only=False))

    def merge(self, other: TimesPartial) -> None:
        self._join(other._hashes, other._times)

    def result(self) -> Array:
        """The times; none where rows of one hash have several, as it is not known whose is whose."""
        same = self._hashes[1:] == self._hashes[:-1]
        is_known = not (same & (self._times[1:] != self._times[:-1])).any()
        return self._times if is_known else self._times[:0]

    @property
    def num_bytes(self) -> int:
        return self._hashes.nbytes + self._times.nbytes

    def _join(self, hashes: Array, times: Array) -> None:
        if len(self._hashes) == self._rows:
            below = hashes < self._hashes[-1]
            hashes, times = hashes[below], times[below]
        both = np.concatenate([self._hashes, hashes]), np.concatenate([self._times, times])
        order = np.argsort(both[0], kind="stable")[: self._rows]
        self._hashes, self._times = both[0][order], both[1][order]
