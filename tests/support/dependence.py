"""Samples of rows, compared as `validate` compares them."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.ties_data import Array, Rows, columns
from trueserve.transforms.verdict.dependence.compare import Dependence, TrainingRows, compare
from trueserve.transforms.verdict.dependence.sampled import SampledRows


def compared(training: Rows, serving: Rows, groups: Array | None = None, **more: Any) -> Dependence:
    """What comparing says, at the rate and the limits of a run; `more` is for `compare`."""
    count = len(next(iter(serving.values())))
    of_rows = np.arange(count, dtype=np.uint64) if groups is None else groups
    served = SampledRows(columns(serving), of_rows, count)
    rows = TrainingRows(columns(training), more.pop("times", None))
    return compare(rows, served, list(training), 0.005, dict.fromkeys(training, 0.1), **more)


def names_of(result: Dependence) -> set[str]:
    """The features whose ties are weaker."""
    return {weaker.name for weaker in result.weaker}
