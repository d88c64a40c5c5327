"""The group of each row by a feature (`--group_by`): a hash of its values, wherever the row stands.

Rows with the same value belong together: those of a user, a session, a device.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.columnar.compact_rows import mixed
from trueserve.transforms.columnar.row_hashes import row_hashes
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.core.schema import in_serving, is_used

Array = np.ndarray[Any, Any]

_COLUMN = "group"
_TYPES = (schema_pb2.INT, schema_pb2.BYTES, schema_pb2.FLOAT)


def check(name: str, schema: schema_pb2.Schema, label: str | None = None) -> None:
    """Raises UsageError for a `--group_by` that is no feature of requests."""
    features = names(schema, label)
    if name not in features:
        raise UsageError(f"--group_by: expected one of {', '.join(sorted(features))}; got {name!r}")


def names(schema: schema_pb2.Schema, label: str | None = None) -> set[str]:
    """The features that rows can be grouped by: requests have them."""
    used = (feature for feature in schema.feature if is_used(feature) and in_serving(feature, schema))
    return {feature.name for feature in used if feature.type in _TYPES} - {label}


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
