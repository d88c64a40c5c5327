"""Batches of rows with a carrier."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.rows.rows import metadata_of


def batch(rows: int, **columns: Any) -> Batch:
    """Rows that count up in `number`; columns of metadata, and of lists for features."""
    of_metadata = {n: c for n, c in columns.items() if not pa.types.is_large_list(c.type)}
    features = {n: c for n, c in columns.items() if n not in of_metadata}
    features["number"] = pa.array([[float(i)] for i in range(rows)], pa.large_list(pa.float32()))
    table = pa.RecordBatch.from_arrays(list(features.values()), list(features))
    return Batch(table, metadata_of(rows, "log", record=pa.array(range(rows), pa.int64()), **of_metadata))


def byte_lists(*values: Any) -> pa.Array:
    return pa.array(values, pa.large_list(pa.large_binary()))
