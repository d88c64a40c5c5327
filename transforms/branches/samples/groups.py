"""Which rows of a batch are of one request: those of one record, and those of one request id."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.branches.samples import compact_rows
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch

Array = np.ndarray[Any, Any]

# So many columns tell records of one number apart, which copies of a reader of tables may give.
_COLUMNS = 8
_WORD = 8


class Groups(NamedTuple):
    """Rows by place, with the group (uint64) of each; no row is in both.

    Attributes:
      order: for each row of the batch a hash of where it stands, the same wherever its batch begins.
    """

    of_records: tuple[Array, Array]
    of_ids: tuple[Array, Array]
    order: Array


def groups_of(batch: Batch) -> Groups:
    """Rows of records that have several, and of the others those that have a request id."""
    starts, lengths = _runs(batch.metadata)
    several = lengths > 1
    in_record = np.repeat(several, lengths)
    rows = np.flatnonzero(in_record)
    groups = np.repeat(_record_hashes(batch, starts[several]), lengths[several])
    places = np.arange(batch.metadata.num_rows) - np.repeat(starts, lengths)
    records = _column(batch.metadata, "record").to_numpy(zero_copy_only=False).astype(np.uint64)
    order = compact_rows.mixed(compact_rows.mixed(records) + places.astype(np.uint64))
    return Groups((rows, groups), _of_ids(batch.metadata, ~in_record), order)


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
    metadata = batch.metadata.take(pa.array(starts))
    files = _column(metadata, "file").dictionary_encode()
    paths = (str(path).rpartition("/")[2] for path in files.dictionary.to_pylist())
    names = np.array([zlib.crc32(name.encode()) for name in paths], np.uint64)
    numbers = _column(metadata, "record").to_numpy(zero_copy_only=False).astype(np.uint64)
    of_files = names[files.indices.to_numpy(zero_copy_only=False)] if len(names) else np.zeros(0, np.uint64)
    names_of_few, columns = batch.features.schema.names[:_COLUMNS], batch.features.columns[:_COLUMNS]
    taken = [column.take(pa.array(starts)) for column in columns]
    few = pa.RecordBatch.from_arrays(taken, names=names_of_few)
    values = compact_rows.hashes(compact_rows.compact(few), len(starts))
    return compact_rows.mixed((numbers << np.uint64(32)) ^ of_files) ^ values


def _of_ids(metadata: pa.RecordBatch, wanted: Array) -> tuple[Array, Array]:
    ids = _column(metadata, "request_id")
    if ids.null_count == len(ids):
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    rows = np.flatnonzero(wanted & np.asarray(ids.is_valid()))
    return rows, _text_hashes(ids.take(pa.array(rows)))


def _text_hashes(texts: pa.Array) -> Array:
    """A uint64 of each text: of its length, and of its first, middle and last eight bytes."""
    if not len(texts):
        return np.zeros(0, np.uint64)
    _, offsets, content = texts.buffers()  # of what was taken, so they begin with the first text
    bounds = np.frombuffer(offsets, np.int32, len(texts) + 1).astype(np.int64)
    starts, lengths = bounds[:-1], np.diff(bounds)
    data = np.frombuffer(content, np.uint8) if content is not None and bounds[-1] else np.zeros(1, np.uint8)
    result = lengths.astype(np.uint64)
    for offset in (np.zeros_like(lengths), lengths // 2, np.maximum(lengths - _WORD, 0)):
        places = (starts + offset)[:, None] + np.arange(_WORD)
        parts = np.where(places < (starts + lengths)[:, None], data[np.minimum(places, len(data) - 1)], 0)
        result = compact_rows.mixed(result) + parts.astype(np.uint8).view(np.uint64).reshape(-1)
    return compact_rows.mixed(result)


def _column(metadata: pa.RecordBatch, name: str) -> Any:
    return metadata.column(metadata.schema.get_field_index(name))
