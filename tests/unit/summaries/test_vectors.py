"""Summaries of vectors: merged they are the whole's, as numpy has it, wherever rows are cut."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.core.custom_stats import VECTOR_STATS, VectorStats, unpacked_positions
from trueserve.transforms.logs.features import lists
from trueserve.transforms.summaries.dataset import DatasetSummary
from trueserve.transforms.summaries.folding import fold
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.vectors import column_moments, packing, projections
from trueserve.transforms.summaries.vectors.column_moments import (
    COUNT,
    FOURTH,
    LEAST,
    MEAN,
    MOST,
    SECOND,
    THIRD,
    ZEROS,
)
from trueserve.transforms.summaries.vectors.vector import MOST_COLUMNS, MOST_LENGTHS, Vectors, VectorSummary
from trueserve.transforms.summaries.weighted import WeightedSummary

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(5)
ROWS = RANDOM.normal(3, 2, (60, 5)).astype(np.float32)


def summary_of(rows: Array) -> VectorSummary:
    result = VectorSummary(rows.shape[1])
    result.add(np.ascontiguousarray(rows).reshape(-1))
    return result


def by_numpy(columns: Array) -> Array:
    """`` of columns, finite values only, in float64."""
    result = column_moments.nothing(columns.shape[1])
    for c, column in enumerate(columns.astype(np.float64).T):
        values = column[np.isfinite(column)]
        if len(values):
            apart = values - values.mean()
            powers = [(apart**k).sum() for k in (2, 3, 4)]
            ends = values.min(), values.max(), (values == 0).sum()
            result[:, c] = [len(values), values.mean(), *powers, *ends]
    return result


def projected(rows: Array) -> Array:
    """Sums with signs, of rows whose values are all finite: by a dense matrix."""
    rows = rows[np.isfinite(rows).all(1)].astype(np.float64)
    length, count = rows.shape[1], projections.count(rows.shape[1])
    hadamard = np.array([[(-1.0) ** bin(i & j).count("1") for j in range(count)] for i in range(count)])
    signs = projections.signs(length)
    matrix = np.stack([signs * hadamard[k, np.arange(length) % count] for k in range(count)], 1)
    return np.asarray(rows @ matrix)


def assert_alike(first: Array, second: Array, *, are_sums: bool = False) -> None:
    """Whether a sum is just 0 depends on how it is rounded."""
    exact = [COUNT] if are_sums else [COUNT, ZEROS]
    np.testing.assert_array_equal(first[exact], second[exact])
    np.testing.assert_allclose(first[[LEAST, MOST]], second[[LEAST, MOST]], rtol=1e-12, atol=1e-9)
    scale = np.maximum(np.abs(second[[MEAN]]), 1) + np.sqrt(second[[SECOND]])
    for field, power in ((MEAN, 1), (SECOND, 2), (THIRD, 3), (FOURTH, 4)):
        assert (np.abs(first[field] - second[field]) <= 1e-9 * scale[0] ** power).all(), field


@pytest.mark.parametrize("length", [2, 3, 5, 64, 65, 130, 300])
def test_moments_and_projections_are_those_of_numpy(length: int) -> None:
    rows = RANDOM.normal(1, 2, (50, length)).astype(np.float32)
    rows[RANDOM.random(rows.shape) < 0.1] = 0
    summary = summary_of(rows)
    assert summary.rows == 50
    assert_alike(summary.array[:, :length], by_numpy(rows))
    assert_alike(summary.array[:, length:], by_numpy(projected(rows)), are_sums=True)


@pytest.mark.parametrize("cut", range(61))
def test_parts_merge_to_the_same_wherever_they_are_cut(cut: int) -> None:
    first, second = summary_of(ROWS[:cut]), summary_of(ROWS[cut:])
    second = pickle.loads(pickle.dumps(second))
    first.merge(second)
    assert first.rows == 60
    assert_alike(first.array, summary_of(ROWS).array)


_values = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 255.0, np.nan, np.inf, -np.inf]), st.floats(-1e6, 1e6, width=32)
)


@given(st.integers(2, 6).flatmap(lambda d: st.lists(st.lists(_values, min_size=d, max_size=d), min_size=1)))
def test_whatever_comes_is_counted_as_numpy_does(values: list[list[float]]) -> None:
    rows = np.array(values, np.float32)
    merged = VectorSummary(rows.shape[1])
    for row in rows:
        merged.merge(summary_of(row[None]))
    for summary in (merged, summary_of(rows)):
        assert_alike(summary.array[:, : rows.shape[1]], by_numpy(rows))
        assert_alike(summary.array[:, rows.shape[1] :], by_numpy(projected(rows)), are_sums=True)


def test_whole_numbers_are_added_as_they_are() -> None:
    rows = RANDOM.integers(-5, 1 << 40, (40, 7))
    assert_alike(summary_of(rows).array[:, :7], by_numpy(rows))


def test_a_constant_has_no_spread_whatever_its_sum_is_rounded_to() -> None:
    summary = summary_of(np.full((1000, 3), 0.1, np.float32))
    summary.merge(summary_of(np.full((7, 3), 0.1, np.float32)))
    known = packing.stats_of(summary, 1007).known[:3]
    assert (known["deviation"] == 0).all()
    assert (known["mean"] == np.float32(0.1)).all()


def test_long_vectors_are_taken_in_blocks() -> None:
    rows = RANDOM.normal(size=(20, 2 * MOST_COLUMNS + 1)).astype(np.float32)
    summary = summary_of(rows)
    assert (summary.width, summary.columns) == (3, -(-rows.shape[1] // 3))
    firsts = rows[:, :3].astype(np.float64).mean(1)
    assert summary.array[MEAN, 0] == pytest.approx(firsts.mean())
    assert summary.array[SECOND, 0] == pytest.approx(((firsts - firsts.mean()) ** 2).sum())
    last = rows[:, summary.width * (summary.columns - 1) :].astype(np.float64).mean(1)
    assert summary.array[MEAN, summary.columns - 1] == pytest.approx(last.mean())


def test_vectors_repeated_have_as_many_rows_and_the_same_spread() -> None:
    once, thrice = summary_of(ROWS).repeated(3), summary_of(np.concatenate([ROWS] * 3))
    assert_alike(once.array, thrice.array)
    assert once.rows == thrice.rows


def column(rows: Sequence[list[float] | None]) -> pa.Array:
    return pa.array(rows, pa.large_list(pa.float32()))


def known_of(*batches: pa.Array) -> VectorStats | None:
    summary = DatasetSummary()
    for array in batches:
        summary.add(pa.RecordBatch.from_pydict({"x": array}), Scratch())
    [feature] = dataset_statistics(summary, SIZES).features
    packed = [each.any.value for each in feature.custom_stats if each.name == VECTOR_STATS]
    return unpacked_positions(packed[0]) if packed else None


def test_lists_of_one_length_are_vectors_in_whatever_batches_they_come() -> None:
    rows: list[list[float] | None] = [row.tolist() for row in ROWS]
    rows[3:3] = [None, []]
    uncut = known_of(column(rows))
    assert uncut is not None
    assert (uncut.length, uncut.columns, uncut.share, len(uncut.known)) == (5, 5, 1.0, 5 + 8)
    np.testing.assert_allclose(uncut.known["mean"][:5], ROWS.mean(0), rtol=1e-5)
    np.testing.assert_allclose(uncut.known["deviation"][:5], ROWS.std(0), rtol=1e-5)
    for cut in (1, 3, 4, 5, 30):
        parts = known_of(column(rows[:cut]), column(rows[cut:]).slice(0))
        assert parts is not None
        for field in ("mean", "deviation", "least", "most", "kurtosis"):
            np.testing.assert_allclose(parts.known[field], uncut.known[field], rtol=1e-5, atol=1e-6)


def test_rows_of_slices_and_long_lists_are_read_where_they_stand() -> None:
    values = RANDOM.normal(size=(29, 200)).astype(np.float32)
    lengths = np.full(30, 200)
    lengths[4] = 0
    part = known_of(lists(pa.array(values.reshape(-1)), lengths, lengths == 0).slice(2, 20))
    assert part is not None
    kept = values[2:21]
    np.testing.assert_allclose(part.known["mean"][:200], kept.mean(0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([[1.0, 2.0]] * 9 + [[1.0]], 0.9),
        ([[1.0, 2.0]] * 9 + [[1.0, 2.0, 3.0]], 0.9),
        ([[1.0]] * 10, None),
        ([[1.0, 2.0]] * 4 + [[1.0]] * 6, None),
        ([[1.0] * n for n in range(2, 2 + MOST_LENGTHS)] + [[1.0] * 3] * 6, 0.7),
        ([[1.0] * n for n in range(2, 3 + MOST_LENGTHS)] + [[1.0] * 3] * 95, None),
    ],
)
def test_lists_of_other_lengths_are_left_out_and_ragged_ones_are_pools(
    rows: list[list[float] | None], share: float | None
) -> None:
    for known in (known_of(column(rows)), known_of(*(column([row]) for row in rows[::-1]))):
        assert (known and known.share) == (share and pytest.approx(share))


def test_categories_have_no_positions() -> None:
    assert known_of(pa.array([[b"a", b"b"]] * 5, pa.large_list(pa.large_binary()))) is None


def test_weighted_rows_count_as_often_as_they_weigh() -> None:
    summary = WeightedSummary()
    batch = pa.RecordBatch.from_pydict({"x": column([[1.0, 10.0]] * 10 + [[3.0, 10.0]] * 10)})
    summary.add(batch, np.array([1.0] * 10 + [0.5] * 10), Scratch())
    [feature] = fold(summary, SIZES).features
    [packed] = [each.any.value for each in feature.custom_stats if each.name == VECTOR_STATS]
    known = unpacked_positions(packed)
    assert known is not None
    assert known.known["mean"][:2].tolist() == pytest.approx([(10 * 1 + 20 * 3) / 30, 10.0])
    assert known.share == 1.0


def test_a_thousand_positions_take_less_than_100_kb() -> None:
    vectors = Vectors()
    vectors.add(np.arange(0, 3 * 1024, 1024), None, RANDOM.normal(size=2048).astype(np.float32))
    assert vectors.commonest is not None
    assert len(packing.stats_of(vectors.commonest, 2).packed()) < 40_000


@pytest.mark.parametrize("packed", [b"", b"1234", bytes(16), bytes(48), b"\x01" + bytes(47)])
def test_bytes_that_are_no_positions_are_none(packed: bytes) -> None:
    assert unpacked_positions(packed) is None


def test_lists_of_more_lengths_are_given_up_before_any_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[int] = []
    monkeypatch.setattr(Vectors, "_add", lambda _self, length, _values: added.append(length))
    vectors, lengths = Vectors(), np.arange(2, 3 + MOST_LENGTHS)
    vectors.add(np.append(0, np.cumsum(lengths)), None, np.zeros(lengths.sum(), np.float32))
    assert (vectors.are_ragged, added) == (True, [])


def test_signs_of_few_and_short_vectors_are_kept() -> None:
    assert projections.signs(100_000) is projections.signs(100_000)
    assert projections.signs(100_001) is not projections.signs(100_001)
    lengths = range(1000, 1020)
    kept = [projections.signs(length) for length in lengths]
    again = [projections.signs(length) for length in reversed(lengths)]
    assert sum(first is second for first, second in zip(kept, reversed(again), strict=True)) == 8
