"""Sketches keep to their bounds, whatever comes in whatever order, and are exact while they say so."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_data_validation.utils import quantiles_util

from trueserve.transforms.summaries import histograms, quantiles
from trueserve.transforms.summaries.central_moments import CentralMoments
from trueserve.transforms.summaries.quantiles import BLOCK, RUN, Quantiles, Scratch
from trueserve.transforms.summaries.sorting import DIGITS, doubles_of, sort_keys
from trueserve.transforms.summaries.value_counts import CAPACITY, ValueCounts

Array = np.ndarray[Any, Any]


def _sketch(values: Array, parts: int = 1) -> Quantiles:
    """The sketch of values that came in parts, each in a sketch of its own that went through a pickle."""
    scratch = Scratch()
    merged = Quantiles(np.uint32 if values.dtype == np.float32 else np.uint64)
    for part in np.array_split(values, parts):
        sketch = Quantiles(np.uint32 if values.dtype == np.float32 else np.uint64)
        if values.dtype == np.float32:
            sketch.add_floats(part, part.view(np.uint32), scratch)
        else:
            sketch.add_ints(part, scratch)
        merged.merge(pickle.loads(pickle.dumps(sketch)), scratch)
    return merged


def _rank_error(values: Array, sketch: Quantiles) -> float:
    """How far, of all, the sketch's rank of any number is from the true one."""
    kept, weights = sketch.weighted()
    assert weights.sum() == len(values)
    ascending = np.sort(values.astype(np.float64))
    last = np.append(kept[1:] != kept[:-1], True)
    below = np.abs(np.cumsum(weights)[last] - np.searchsorted(ascending, kept[last], side="right"))
    return float(below.max() / len(values))


def _orders(count: int) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    normal = rng.normal(size=count).astype(np.float32)
    return {
        "random": normal,
        "ascending": np.sort(normal),
        "descending": np.sort(normal)[::-1].copy(),
        "few": rng.integers(0, 5, count),
        "skewed": rng.zipf(1.3, count).astype(np.int64),
        "sawtooth": np.arange(count) % 8191,
        "alternating": np.where(np.arange(count) % 2, 1.0, -1.0).astype(np.float32) * normal,
    }


@pytest.mark.parametrize("order", sorted(_orders(1)))
@pytest.mark.parametrize("parts", [1, 23])
def test_ranks_keep_to_the_bound(order: str, parts: int) -> None:
    count = 1_000_000
    values = _orders(count)[order]
    assert _rank_error(values, _sketch(values, parts)) <= (1 + math.log2(count / BLOCK)) / (2 * RUN)


def test_errors_of_merges_cancel() -> None:
    count = 4_000_000
    values = np.random.default_rng(3).normal(size=count).astype(np.float32)
    assert _rank_error(values, _sketch(values)) <= (1 + math.log2(count / BLOCK)) / (2 * RUN) / 4


@pytest.mark.parametrize("parts", [1, 3])
def test_exact_up_to_a_block(parts: int) -> None:
    values = np.random.default_rng(1).normal(size=BLOCK).astype(np.float32)
    kept, weights = _sketch(values, parts).weighted()
    assert (kept == np.sort(values)).all()
    assert (weights == 1).all()


@settings(deadline=None, max_examples=300)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1))
def test_floats_sort_as_keys(values: list[float]) -> None:
    floats = np.array(values, np.float32)
    kept, _ = _sketch(floats).weighted()
    assert (kept == np.sort(floats)).all()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1))
def test_keys_sort(values: list[int]) -> None:
    keys = np.array(values, np.int64).view(np.uint64) ^ np.uint64(1 << 63)
    expected = np.sort(keys)
    sort_keys(keys, np.empty_like(keys), len(keys), np.empty(DIGITS, np.int64))
    assert (keys == expected).all()
    assert (doubles_of(keys) == np.sort(np.array(values, np.int64)).astype(np.float64)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_a_sketch_is_the_same_whoever_sorts(monkeypatch: pytest.MonkeyPatch, dtype: Any) -> None:
    values = (np.random.default_rng(5).normal(size=5 * BLOCK) * 1000).astype(dtype)
    kept = []
    for has_vector_sort in (False, True):
        monkeypatch.setattr(quantiles, "HAS_VECTOR_SORT", has_vector_sort)
        kept.append(_sketch(values).weighted())
    assert (kept[0][0] == kept[1][0]).all()
    assert (kept[0][1] == kept[1][1]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize("special", [[], [math.inf], [-math.inf], [math.nan], [-0.0], [math.nan, math.inf]])
def test_moments_are_those_of_numpy(dtype: Any, special: list[float]) -> None:
    if dtype is np.int64 and special != [-0.0]:
        special = []
    values = np.append(np.random.default_rng(6).normal(size=1001) * 100, special).astype(dtype)
    central = CentralMoments()
    for part in np.split(values, [1, 300, 300, 1000]):
        central.add(part)
    numbers = values[~np.isnan(values)].astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    assert (central.count, central.finite) == (len(numbers), len(finite))
    assert (central.zeros, central.nans) == ((finite == 0).sum(), len(values) - len(numbers))
    assert central.range == (numbers.min(), numbers.max())
    assert central.finite_range == (finite.min(), finite.max())
    if len(finite) == len(numbers):
        assert central.mean == pytest.approx(finite.mean(), rel=1e-12)
        assert central.deviation == pytest.approx(finite.std(), rel=1e-12)


def _counts(values: list[bytes], capacity: int = CAPACITY) -> ValueCounts:
    counts = ValueCounts(capacity)
    offsets = np.append([0], np.cumsum([len(v) for v in values])).astype(np.int64)
    counts.add_bytes(offsets, np.frombuffer(b"".join(values), np.uint8))
    return counts


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(st.binary(max_size=3), max_size=60), min_size=1, max_size=4))
def test_counts_are_exact(parts: list[list[bytes]]) -> None:
    merged = ValueCounts()
    for part in parts:
        merged.merge(pickle.loads(pickle.dumps(_counts(part))))
    expected = Counter(value for part in parts for value in part)
    assert {value: count for value, _, count in merged.entries()} == expected
    assert merged.distinct() == len(expected)
    assert merged.invalid == sum(not _decodes(value) for part in parts for value in part)


def _decodes(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.lists(st.integers(0, 60).map(lambda n: b"%d" % (n * n % 61)), max_size=200), min_size=1, max_size=5
    )
)
def test_counts_beyond_capacity_keep_to_the_bound(parts: list[list[bytes]]) -> None:
    capacity = 8
    merged = ValueCounts(capacity)
    for part in parts:
        merged.merge(_counts(part, capacity))
    expected = Counter(value for part in parts for value in part)
    counted = {value: count for value, _, count in merged.entries()}
    for value, count in expected.items():
        assert count - expected.total() / (capacity + 1) <= counted.get(value, 0) <= count


def test_a_value_that_is_pruned_again_and_again_keeps_to_the_bound() -> None:
    """Unless what is pruned is taken from all, values that came early and often would keep out all others."""
    values = [b"early %d" % i for i in range(8)] * 50
    for cycle in range(200):
        values += [b"late"] * 10 + [b"%d in %d" % (i, cycle) for i in range(8)]
    counted = {value: count for value, _, count in _counts(values, 8).entries()}
    assert 2000 - len(values) / 9 <= counted[b"late"] <= 2000


def test_distinct_values_are_estimated() -> None:
    rng, count = np.random.default_rng(2), 300_000
    parts = [[b"value %d" % i for i in rng.integers(0, count, 200_000)] for _ in range(4)]
    truth = len({value for part in parts for value in part})
    merged = ValueCounts()
    for part in parts:
        merged.merge(pickle.loads(pickle.dumps(_counts(part))))
    assert not merged.exact
    assert abs(merged.distinct() / truth - 1) < 4 / math.sqrt(CAPACITY)


def test_exact_for_as_many_values_as_promised() -> None:
    values = [b"%d" % i for i in range(CAPACITY)]
    counts = _counts(values * 2)
    assert counts.exact
    assert counts.distinct() == CAPACITY
    assert {count for _, _, count in counts.entries()} == {2}


def test_memory_does_not_grow_with_distinct_values() -> None:
    counts = ValueCounts()
    for start in range(0, 2_000_000, 50_000):
        counts.merge(_counts([b"a value like no other %d" % i for i in range(start, start + 50_000)]))
    assert counts.num_bytes < 8 << 20
    assert abs(counts.distinct() / 2_000_000 - 1) < 4 / math.sqrt(CAPACITY)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.one_of(st.integers(0, 5).map(float), st.floats(-1e30, 1e30)), min_size=1), st.integers(2, 30)
)
def test_histograms_are_tfdvs(numbers: list[float], count: int) -> None:
    values = np.sort(np.array(numbers))
    bounds, ranks, weights = np.empty(count + 1), np.empty(count + 1), np.empty(count)
    histograms.find_quantiles(values, np.ones(len(values), np.int64), bounds, ranks)
    histograms.weigh_buckets(bounds, ranks, weights)
    theirs = quantiles_util.generate_quantiles_histogram(bounds, ranks)
    assert [bucket.sample_count for bucket in theirs.buckets] == pytest.approx(weights)
    edges = np.linspace(values[0], values[-1], 11) if values[0] < values[-1] else values[[0, -1]]
    counts = np.empty(len(edges) - 1)
    histograms.spread(bounds, weights, edges, counts)
    theirs = quantiles_util.generate_equi_width_histogram(bounds, ranks, values[0], values[-1], 10, 0)
    assert [bucket.sample_count for bucket in theirs.buckets] == pytest.approx(counts)
