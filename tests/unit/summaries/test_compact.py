"""Sketches that are made small before they are sent: how small, how exact, and how exact many of them are."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.summaries.dataset import DatasetSummary
from trueserve.transforms.summaries.quantiles import BLOCK, Quantiles, Scratch

COMPACT = 384
Array = np.ndarray[Any, Any]


def sketch_of(values: Array) -> Quantiles:
    sketch = Quantiles(np.uint32)
    sketch.add_floats(values, values.view(np.uint32), Scratch())
    return sketch


def compacted(values: Array) -> Quantiles:
    sketch = sketch_of(values)
    sketch.compact(COMPACT)
    return sketch


def rank_error(values: Array, sketch: Quantiles) -> float:
    kept, weights = sketch.weighted()
    assert weights.sum() == len(values)
    ascending = np.sort(values).astype(np.float64)
    last = np.append(kept[1:] != kept[:-1], True)
    ranks = np.searchsorted(ascending, kept[last], side="right")
    return float(np.abs(np.cumsum(weights)[last] - ranks).max() / len(values))


@pytest.mark.parametrize("count", [COMPACT + 1, 1536, 3000, BLOCK, BLOCK + 1, 100_000, 1_234_567])
def test_few_numbers_are_left_and_stand_for_as_many(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count).astype(np.float32)
    sketch = compacted(values)
    kept, weights = sketch.weighted()
    assert len(kept) <= COMPACT + 4 * 8
    assert weights.sum() == count
    assert np.all(np.diff(kept) >= 0)
    assert rank_error(values, sketch) <= 2 / COMPACT + rank_error(values, sketch_of(values))


def test_few_numbers_stay_as_they_are() -> None:
    values = np.random.default_rng(1).normal(size=COMPACT).astype(np.float32)
    kept, weights = compacted(values).weighted()
    assert kept.tolist() == np.sort(values).tolist()
    assert set(weights.tolist()) == {1}


def test_a_value_that_most_numbers_are_keeps_its_share() -> None:
    values = np.zeros(50_000, np.float32)
    values[:10_000] = np.random.default_rng(2).normal(size=10_000)
    kept, weights = compacted(values).weighted()
    assert abs(weights[kept == 0].sum() / len(values) - 0.8) < 2 / COMPACT


@pytest.mark.parametrize("size", [6000, 40_000])
def test_errors_of_many_ranges_cancel(size: int) -> None:
    rng = np.random.default_rng(3)
    parts = [rng.normal(size=size).astype(np.float32) for _ in range(100)]
    merged = Quantiles(np.uint32)
    for part in parts:
        merged.merge(pickle.loads(pickle.dumps(compacted(part))), Scratch())
    # 0.015 % is one standard deviation of a rank; this is the greatest error of all ranks.
    assert rank_error(np.concatenate(parts), merged) < 0.001


def test_what_is_added_later_is_kept_as_it_is() -> None:
    values = np.random.default_rng(4).normal(size=20_000).astype(np.float32)
    sketch = compacted(values)
    more = np.random.default_rng(5).normal(size=BLOCK).astype(np.float32)
    sketch.add_floats(more, more.view(np.uint32), Scratch())
    assert rank_error(np.concatenate([values, more]), sketch) <= 2 / COMPACT


def test_a_thousand_features_take_two_megabytes() -> None:
    rng = np.random.default_rng(6)
    columns = {
        f"feature_{i}": pa.LargeListArray.from_arrays(
            pa.array(np.arange(8001)), pa.array(rng.normal(size=8000).astype(np.float32))
        )
        for i in range(100)
    }
    summary = DatasetSummary()
    summary.add(pa.RecordBatch.from_pydict(columns), Scratch())
    summary.compact(COMPACT)
    assert len(pickle.dumps(summary, protocol=5)) <= 2e6 / 1000 * 100
