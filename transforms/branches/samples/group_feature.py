"""The group of each row by a feature (`--group_by`): a hash of its values, wherever the row stands."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from trueserve.transforms.branches.samples.compact_rows import mixed
from trueserve.transforms.columnar.row_hashes import row_hashes
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch

Array = np.ndarray[Any, Any]

_COLUMN = "group"


def marked(batch: Batch, feature: str | None) -> Batch:
    """The batch with the group of each row beside its metadata, null where the row lacks the feature.

    The transform graph's rows keep their metadata, so they are grouped by a raw feature, too.
    """
    if feature is None or (index := batch.features.schema.get_field_index(feature)) < 0:
        return batch
    column, metadata = batch.features.column(index), batch.metadata
    hashes = row_hashes([(feature, column)], len(column))
    # A row without a value has no group: an empty list is none.
    groups = pa.array(mixed(hashes), mask=hashes == 0)
    arrays, names = [*metadata.columns, groups], [*metadata.schema.names, _COLUMN]
    return dataclasses.replace(batch, metadata=pa.RecordBatch.from_arrays(arrays, names=names))


def groups(metadata: pa.RecordBatch) -> tuple[Array, Array]:
    """The rows that have a group by a feature, by place, and their groups (uint64)."""
    index = metadata.schema.get_field_index(_COLUMN)
    if index < 0:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    column = metadata.column(index)
    rows = np.flatnonzero(np.asarray(column.is_valid()))
    return rows, column.take(pa.array(rows)).to_numpy(zero_copy_only=False)
