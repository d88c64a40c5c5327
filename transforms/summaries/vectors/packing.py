"""Summaries of vectors as the statistics carry them (`core.custom_stats`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.custom_stats import VECTOR_STATS, VectorStats, empty_positions
from trueserve.transforms.summaries.vectors.column_moments import (
    COUNT,
    FOURTH,
    LEAST,
    MEAN,
    MOST,
    SECOND,
    ZEROS,
)
from trueserve.transforms.summaries.vectors.vector import Vectors, VectorSummary

Array = np.ndarray[Any, Any]

# A length that fewer lists have than this is no length of a vector.
_LEAST_SHARE = 0.5
# Greater ones are no float32, or none once they are squared.
_MOST_KURTOSIS = 1e30


def add_positions(
    stats: statistics_pb2.FeatureNameStatistics, vectors: Vectors | None, num_lists: int
) -> None:
    """Writes what is known of the commonest length of so many lists, unless few of them have it.

    As with fine quantiles, it is not among TFDV's own fields.
    """
    commonest = vectors.commonest if vectors is not None else None
    if commonest is not None and commonest.rows >= _LEAST_SHARE * num_lists:
        stats.custom_stats.add(name=VECTOR_STATS).any.value = stats_of(commonest, num_lists).packed()


def stats_of(summary: VectorSummary, num_lists: int) -> VectorStats:
    """What is known of the vectors of one length, of so many lists."""
    array = summary.array
    counts = np.maximum(array[COUNT], 1)
    # Of constants the powers are what rounding made of them.
    variance = np.where(array[LEAST] < array[MOST], array[SECOND] / counts, 0.0)
    known = empty_positions(array.shape[1])
    with np.errstate(over="ignore", under="ignore"):
        known["mean"], known["deviation"] = array[MEAN], np.sqrt(variance)
        known["kurtosis"] = _kurtosis(array[FOURTH] / counts, variance)
        known["least"], known["most"] = (np.where(array[COUNT] > 0, array[f], 0.0) for f in (LEAST, MOST))
    known["zeros"], known["finite"] = array[ZEROS] / summary.rows, array[COUNT] / summary.rows
    return VectorStats(summary.length, summary.columns, min(summary.rows / max(num_lists, 1), 1.0), known)


def _kurtosis(fourth: Array, variance: Array) -> Array:
    """The fourth moment by the square of the second: 1 at least, of a constant 1."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ratio = np.where(variance > 0, fourth / variance / np.where(variance > 0, variance, 1.0), 1.0)
    result: Array = np.clip(np.nan_to_num(ratio, nan=1.0, posinf=_MOST_KURTOSIS), 1.0, _MOST_KURTOSIS)
    return result
