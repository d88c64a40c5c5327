"""Which rows of a batch belong together: by a feature, else those of one record or one request id."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.branches.samples import group_feature
from trueserve.transforms.columnar import compact_rows
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch

Array = np.ndarray[Any, Any]

# So many columns of numbers, of the first ones, tell records of one number apart, which copies of a reader of
# tables may give.
_COLUMNS, _LOOKED_AT = 4, 50


class Groups(NamedTuple):
    """Rows by place, with the group (uint64) of each; no row is in two of them.

    Attributes:
      records, places: the number of each row's record, and its place in that, from 0.
      of_feature: rows that have a group by a feature.
    """

    of_records: tuple[Array, Array]
    of_ids: tuple[Array, Array]
    records: Array
    places: Array
    of_feature: tuple[Array, Array]

    def order(self, rows: Array) -> Array:
        """A hash of where each of these rows stands, the same wherever its batch begins."""
        records, places = (each[rows].astype(np.uint64) for each in (self.records, self.places))
        return compact_rows.mixed(compact_rows.mixed(records) + places)


def groups_of(batch: Batch) -> Groups:
    """Rows of groups by a feature; of the others those of records of several rows, then those of ids."""
    of_feature = group_feature.groups(batch.metadata)
    starts, lengths = _runs(batch.metadata)
    several = lengths > 1
    in_record = np.repeat(several, lengths)
    rows = np.flatnonzero(in_record)
    groups = np.repeat(_record_hashes(batch, starts[several]), lengths[several])
    places = np.arange(batch.metadata.num_rows) - np.repeat(starts, lengths)
    records = _column(batch.metadata, "record").to_numpy(zero_copy_only=False)
    without_id = in_record.copy()
    if len(of_feature[0]):
        without_id[of_feature[0]] = True
        others = np.isin(rows, of_feature[0], invert=True)
        rows, groups = rows[others], groups[others]
    return Groups((rows, groups), _of_ids(batch.metadata, ~without_id), records, places, of_feature)


def _runs(metadata: pa.RecordBatch) -> tuple[Array, Array]:
    """The first row of each record, and how many rows it has."""
    records = _column(metadata, "record").to_numpy(zero_copy_only=False)
    files = _column(metadata, "file").dictionary_encode().indices.to_numpy(zero_copy_only=False)
    changes = (records[1:] != records[:-1]) | (files[1:] != files[:-1])
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1]) if len(records) else np.zeros(0, np.int64)
    return starts, np.diff(np.append(starts, len(records)))


def _record_hashes(batch: Batch, starts: Array) -> Array:
    """A uint64 of each record: of its file's name, its number, and the values of its first row.

    Wherever a log lies, the same requests are kept of it. Records of files of one name in several folders
    have other values.
    """
    if not len(starts):
        return np.zeros(0, np.uint64)
    first = pa.array(starts)
    files = _column(batch.metadata, "file").take(first).dictionary_encode()
    paths = (str(path).rpartition("/")[2] for path in files.dictionary.to_pylist())
    names = np.array([zlib.crc32(name.encode()) for name in paths], np.uint64)
    numbers = _column(batch.metadata, "record").take(first).to_numpy(zero_copy_only=False).astype(np.uint64)
    of_files = names[files.indices.to_numpy(zero_copy_only=False)] if len(names) else np.zeros(0, np.uint64)
    values = sum((_first_numbers(column, starts) for column in _numbers(batch.features)), numbers)
    return compact_rows.mixed((numbers << np.uint64(32)) ^ of_files) ^ compact_rows.mixed(values)


def _numbers(features: pa.RecordBatch) -> list[pa.Array]:
    """Some columns of numbers, which are read without a copy."""
    lists = [column for column in features.columns[:_LOOKED_AT] if pa.types.is_large_list(column.type)]
    return [column for column in lists if column.type.value_type in (pa.float32(), pa.int64())][:_COLUMNS]


def _first_numbers(column: pa.Array, rows: Array) -> Array:
    """The bits of the first value of each of these rows, 0 where there is none."""
    offsets, values = column.offsets.to_numpy(), column.values.to_numpy(zero_copy_only=False)
    bits = values.view(np.uint32 if values.dtype.itemsize == 4 else np.uint64)
    starts, ends = offsets[rows], offsets[rows + 1]
    at = np.minimum(starts, max(len(bits) - 1, 0))
    firsts = bits[at].astype(np.uint64) if len(bits) else np.zeros(len(rows), np.uint64)
    return np.where(ends > starts, firsts, np.uint64(0))


def _of_ids(metadata: pa.RecordBatch, wanted: Array) -> tuple[Array, Array]:
    ids = _column(metadata, "request_id")
    if ids.null_count == len(ids):
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    rows = np.flatnonzero(wanted & np.asarray(ids.is_valid()))
    return rows, compact_rows.text_hashes(ids.take(pa.array(rows)))


def _column(metadata: pa.RecordBatch, name: str) -> Any:
    return metadata.column(metadata.schema.get_field_index(name))
