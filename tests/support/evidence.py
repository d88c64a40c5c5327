"""Arrays and lists as the views of features that tests of distributions compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from support import faults
from trueserve.transforms.logs.features import lists
from trueserve.transforms.verdict.evidence import two_sample
from trueserve.transforms.verdict.evidence.feature_difference import FeatureDifference
from trueserve.transforms.verdict.feature_stats import View, views_by_feature


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: _column(values) for name, values in columns.items()})


def _column(values: Any) -> pa.Array:
    values = np.asarray(values)
    kind = {"f": pa.float32(), "i": pa.int64()}.get(values.dtype.kind, pa.large_binary())
    flat = pa.array(values.astype("float32") if kind == pa.float32() else values.tolist(), kind)
    return lists(flat, np.ones(len(values), np.int64))


def view(values: Any) -> View:
    return views_by_feature(faults.statistics(batch(x=values)))["x"]


Array = np.ndarray[Any, Any]

ROWS = 5000
RANDOM = np.random.default_rng(3)
SHAPES: dict[str, Array] = {
    "continuous": RANDOM.normal(10, 3, ROWS),
    "discrete": RANDOM.integers(0, 7, ROWS).astype(float),
    "point mass": np.where(RANDOM.random(ROWS) < 0.4, 0.0, RANDOM.exponential(5, ROWS)),
    "heavy tail": RANDOM.standard_cauchy(ROWS),
    "log-normal": RANDOM.lognormal(0, 3, ROWS),
    "constant": np.full(ROWS, 7.0),
    "two": np.where(RANDOM.random(ROWS) < 0.001, 1.0, 0.0),
    "one row": np.array([3.0]),
}


def by_metric(training: Any, serving: Any) -> dict[str, FeatureDifference]:
    return {
        difference.metric: difference for difference in two_sample.of_values(view(training), view(serving))
    }


def shares(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values)
