"""Rows with the same values, again and again, from a sample of rows: a health check, a retry, a load test."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import Kind, RowsPartial
from trueserve.transforms.columnar.compact_rows import mixed
from trueserve.transforms.columnar.row_hashes import hashes_of
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.repeated_rows import RepeatedRow, RowRepeats

Array = np.ndarray[Any, Any]

REPEATS: Kind = ("repeats", 0)
# So many rows are looked at in a range, and of all ranges together. Values of 0.5 % of rows are 20 of them.
_MOST_OF_RANGE, _LEAST_OF_RANGE, _MOST = 4096, 1024, 8192
_VALUES = 200_000
# So many values that came more than once are kept.
_KEPT = 100
# So many last parts of its path tell a file apart, and are the same in a copy of the log elsewhere.
_PARTS = 3
_ALL = int(np.iinfo(np.uint64).max)


def repeats(names: Collection[str]) -> Single:
    """The branch of the repeated rows; `names` are the features that count."""
    return Single(REPEATS, functools.partial(RepeatsPartial, frozenset(names)))


class _Rows(NamedTuple):
    """By row: the hash that draws it, that of its values, its file and its record."""

    order: Array
    codes: Array
    files: Array
    records: Array

    def taken(self, rows: Array) -> _Rows:
        return _Rows(*(column[rows] for column in self))


class RepeatsPartial(RowsPartial):
    """A sample of the rows: those with the smallest hashes of where they stand.

    What is kept depends on the ranges that the input is read in; each of these samples is uniform.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._names, self._limit = names, _ALL
        # Of wide rows fewer: hashing them costs as much as they have values.
        self._most = max(min(_MOST_OF_RANGE, _VALUES // max(len(names), 1)), _LEAST_OF_RANGE)
        self._rows = _Rows(*(np.zeros(0, kind) for kind in (np.uint64, np.uint64, object, np.int64)))
        self._waiting: list[_Rows] = []
        # Counted as they come: to add up all that wait, for each batch of a row, takes longer than the rest.
        self._num_waiting = 0

    def add(self, batch: Batch) -> None:
        if not batch.metadata.num_rows:
            return
        # A batch is of one file.
        file = str(batch.metadata.column(batch.metadata.schema.get_field_index("file"))[0])
        order = _order(_records(batch.metadata), file)
        wanted = self._below_limit(order)
        if not len(wanted):
            return
        files = np.full(len(wanted), file, object)
        codes = hashes_of(batch.features, self._names, wanted)
        self._waiting.append(_Rows(order[wanted], codes, files, _records(batch.metadata)[wanted]))
        self._num_waiting += len(wanted)
        if self._num_waiting >= self._most:
            self._settle()

    def merge(self, other: RepeatsPartial) -> None:
        other._settle()
        self._settle()
        # Of a range that has more rows a smaller part is kept: no more of the others may count.
        self._limit, self._most = min(self._limit, other._limit), _MOST
        self._waiting.append(other._rows)
        self._settle()

    def result(self) -> RowRepeats:
        self._settle()
        return of_codes(self._rows.codes, self._rows.files, self._rows.records)

    def __getstate__(self) -> dict[str, object]:
        # What goes to another worker is as small as it can be.
        self._settle()
        return self.__dict__

    @property
    def num_bytes(self) -> int:
        return sum(32 * len(part.order) for part in (self._rows, *self._waiting))

    def _settle(self) -> None:
        """Joins what waits, and keeps as many rows as are allowed."""
        parts, self._waiting, self._num_waiting = [self._rows, *self._waiting], [], 0
        rows = _Rows(*map(np.concatenate, zip(*parts, strict=True)))
        self._rows = rows.taken(self._below_limit(rows.order))

    def _below_limit(self, order: Array) -> Array:
        """The places of rows that may be kept; those beyond as many as are kept of these alone are not."""
        below = np.flatnonzero(order < np.uint64(self._limit))
        if len(below) <= self._most:
            return below
        self._limit = int(np.partition(order[below], self._most)[self._most])
        return below[order[below] < np.uint64(self._limit)]


def of_codes(codes: Array, files: Array | None = None, records: Array | None = None) -> RowRepeats:
    """What rows with these hashes are; a row without any value is none.

    Args:
      files, records: where they stand; None where nobody asks for that.
    """
    distinct, counts = np.unique(codes[codes != 0], return_counts=True)
    several = np.flatnonzero(counts > 1)
    frequent = several[np.argsort(-counts[several], kind="stable")]
    kept = [(int(distinct[at]), int(counts[at])) for at in frequent[:_KEPT]]
    rows = tuple(RepeatedRow(*_first(codes == code, files, records), code, count) for code, count in kept)
    others = counts[frequent[_KEPT]] if len(frequent) > _KEPT else 1
    return RowRepeats(len(codes), int((counts == 1).sum()), rows, int(others))


def _first(chosen: Array, files: Array | None, records: Array | None) -> tuple[str, int]:
    if files is None or records is None:
        return "", 0
    return min(zip(files[chosen].tolist(), records[chosen].tolist(), strict=True))


def _order(records: Array, file: str) -> Array:
    """A hash of where each row stands, wherever its log lies; rows of one record have different ones."""
    # The files of each day's folder may have the same names.
    name = "/".join(file.rsplit("/", _PARTS)[-_PARTS:])
    order = mixed(records.astype(np.uint64) + (np.uint64(zlib.crc32(name.encode())) << np.uint64(32)))
    same = records[1:] == records[:-1]
    if not same.any():
        return order
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    places = np.arange(len(records)) - np.repeat(starts, np.diff(np.append(starts, len(records))))
    return mixed(order + places.astype(np.uint64))


def _records(metadata: pa.RecordBatch) -> Array:
    column = metadata.column(metadata.schema.get_field_index("record"))
    result: Array = column.to_numpy(zero_copy_only=False)
    return result
