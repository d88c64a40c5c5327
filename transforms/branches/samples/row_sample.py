"""A sample of rows in few bytes, of which the ties between features are made."""

from __future__ import annotations

import functools
import zlib
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import RowsPartial
from trueserve.transforms.branches.samples import group_feature
from trueserve.transforms.columnar import compact_rows
from trueserve.transforms.columnar.compact_rows import Column
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.verdict.dependence.sampled import SampledRows

Array = np.ndarray[Any, Any]

#: The kind of the result.
ROWS = "rows"
# So many rows are kept, and so many values of all features together.
_MOST_ROWS, _MOST_VALUES, _LEAST_ROWS = 8192, 4_000_000, 64
# A range of a job that has many keeps so many times the rows that it has a part in.
_SPARE = 4
# Wherever a log lies, the same rows are kept of it; files of one name in several folders have others.
_PATH_PARTS = 3
# So many parts wait at most: each has objects of its own for each column.
_MOST_PARTS = 64
_ALL = np.iinfo(np.uint64).max


def rows(num_features: int) -> Single:
    """The branch that keeps them, of so many features."""
    most = max(min(_MOST_ROWS, _MOST_VALUES // max(num_features, 1)), _LEAST_ROWS)
    return Single((ROWS, 0), functools.partial(RowSample, most))


class _Part(NamedTuple):
    hashes: Array
    groups: Array
    columns: dict[str, Column]


class RowSample(RowsPartial):
    """The rows with the smallest hashes, of their file, their record and where they stand in that."""

    def __init__(self, most: int) -> None:
        self._most, self._num_rows = most, 0
        self._limit = _ALL
        self._parts: list[_Part] = []

    def add(self, batch: Batch) -> None:
        self._num_rows += batch.features.num_rows
        records = _record_hashes(batch.metadata)
        hashes = _hashes(records)
        wanted = np.flatnonzero(hashes < self._limit)
        if len(wanted) > self._most:
            wanted = np.sort(wanted[np.argpartition(hashes[wanted], self._most)[: self._most]])
        if len(wanted):
            places = pa.array(wanted)
            groups = _groups(batch.metadata.take(places), records[wanted])
            columns = compact_rows.compact(batch.features.take(places))
            self._keep(_Part(hashes[wanted], groups, columns))

    def merge(self, other: RowSample) -> None:
        self._num_rows += other._num_rows
        self._limit = min(self._limit, other._limit)
        for part in other._parts:
            self._keep(part)

    def result(self) -> SampledRows:
        self._settle()
        [part] = self._parts or [_Part(np.zeros(0, np.uint64), np.zeros(0, np.uint64), {})]
        return SampledRows(part.columns, part.groups, self._num_rows)

    def compact(self, most: int) -> None:
        """In a job of many ranges each has a small part in the sample."""
        self._settle()
        self._cut(min(self._most, max(_SPARE * most, _LEAST_ROWS)))

    @property
    def num_bytes(self) -> int:
        return sum(16 * len(part.hashes) + compact_rows.num_bytes(part.columns) for part in self._parts)

    def __getstate__(self) -> dict[str, object]:
        # What goes to another worker is as small as it can be.
        self._settle()
        return self.__dict__

    def _keep(self, part: _Part) -> None:
        self._parts.append(part)
        rows = sum(len(each.hashes) for each in self._parts)
        if rows >= 2 * self._most or len(self._parts) >= _MOST_PARTS:
            self._settle()

    def _settle(self) -> None:
        """Joins what waits, and keeps the rows with the smallest hashes."""
        if self._parts:
            hashes, groups = (np.concatenate([part[i] for part in self._parts]) for i in (0, 1))
            columns = compact_rows.joined([(len(part.hashes), part.columns) for part in self._parts])
            order = np.argsort(hashes, kind="stable")
            below = order[hashes[order] < self._limit]
            self._parts = [_taken(_Part(hashes, groups, columns), below)]
            self._cut(self._most)

    def _cut(self, most: int) -> None:
        """Keeps so many rows: from the first that is given up on, all are, in every part."""
        if self._parts and len(self._parts[0].hashes) > most:
            [part] = self._parts
            self._limit = part.hashes[most]
            self._parts = [_taken(part, np.arange(np.searchsorted(part.hashes, self._limit)))]


def _taken(part: _Part, places: Array) -> _Part:
    return _Part(part.hashes[places], part.groups[places], compact_rows.taken(part.columns, places))


def _record_hashes(metadata: pa.RecordBatch) -> Array:
    """A uint64 of each row's record: of its number, and of the end of its file's path."""
    files = metadata.column(metadata.schema.get_field_index("file")).dictionary_encode()
    ends = (
        "/".join(str(path).rsplit("/", _PATH_PARTS)[-_PATH_PARTS:]) for path in files.dictionary.to_pylist()
    )
    seeds = np.array([zlib.crc32(end.encode("utf-8", "surrogatepass")) for end in ends], np.uint64)
    records = metadata.column(metadata.schema.get_field_index("record")).to_numpy(zero_copy_only=False)
    of_files = seeds[files.indices.to_numpy(zero_copy_only=False)] if len(seeds) else np.zeros(0, np.uint64)
    return compact_rows.mixed(compact_rows.mixed(records.astype(np.uint64)) ^ (of_files << np.uint64(32)))


def _hashes(records: Array) -> Array:
    """A hash of each row: rows of one record that follow one another have different ones."""
    same = records[1:] == records[:-1]
    if not same.any():
        return records
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    in_record = np.arange(len(records)) - np.repeat(starts, np.diff(np.append(starts, len(records))))
    return compact_rows.mixed(records + in_record.astype(np.uint64))


def _groups(metadata: pa.RecordBatch, records: Array) -> Array:
    """The hash of the feature by which rows belong together, of the request id, or of the record."""
    ids = metadata.column(metadata.schema.get_field_index("request_id"))
    groups = records.copy()
    if ids.null_count < len(ids):
        known = np.flatnonzero(np.asarray(ids.is_valid()))
        groups[known] = compact_rows.text_hashes(ids.take(pa.array(known)))
    known, by_feature = group_feature.groups(metadata)
    groups[known] = by_feature
    return groups
