"""Arrays and lists as the views of features that tests of distributions compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from support import faults
from transforms.logs.features import lists
from transforms.verdict.feature_stats import View, views_by_feature


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: _column(values) for name, values in columns.items()})


def _column(values: Any) -> pa.Array:
    values = np.asarray(values)
    kind = {"f": pa.float32(), "i": pa.int64()}.get(values.dtype.kind, pa.large_binary())
    flat = pa.array(values.astype("float32") if kind == pa.float32() else values.tolist(), kind)
    return lists(flat, np.ones(len(values), np.int64))


def view(values: Any) -> View:
    return views_by_feature(faults.statistics(batch(x=values)))["x"]
