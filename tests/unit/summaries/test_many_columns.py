"""Many columns added in one call, against one call for each."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.columnar.exported import FLOAT, INT, OTHER, ROWS, TYPE, exported
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.summaries.dataset import DatasetSummary
from trueserve.transforms.summaries.feature import FeatureSummary
from trueserve.transforms.summaries.lists import SHORT
from trueserve.transforms.summaries.many_columns import ManyColumns
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import BLOCK, Scratch

FLOATS, INTS, STRINGS = (pa.large_list(values) for values in (pa.float32(), pa.int64(), pa.large_binary()))
_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    FLOATS: st.floats(width=32),
    INTS: st.integers(-(1 << 63), (1 << 63) - 1),
    STRINGS: st.sampled_from([b"", b"a", b"\xff"]),
}


def rows_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A row that is missing, has one value, none or several, or very many."""
    some = st.lists(values, max_size=3)
    very_long = values.map(lambda value: [value] * (SHORT + 1))
    return st.one_of(st.none(), values.map(lambda value: [value]), some, very_long)


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Rows of a larger batch, so that columns do not begin where their buffers do."""
    num_rows, first = draw(st.integers(0, 12)), draw(st.integers(0, 9))
    last = draw(st.integers(first, 12))
    arrays = [
        pa.array(draw(st.lists(rows_of(values), min_size=num_rows, max_size=num_rows)), list_type)
        for list_type, values in _VALUES.items()
        for _ in range(2)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[f"f{i}" for i in range(len(arrays))])[first:last]


def by_column(all_batches: list[pa.RecordBatch]) -> DatasetSummary:
    result = DatasetSummary(num_examples=sum(batch.num_rows for batch in all_batches))
    for batch in all_batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            result.features.setdefault(name, FeatureSummary()).add(column, Scratch())
    return result


def together(all_batches: list[pa.RecordBatch]) -> DatasetSummary:
    result = DatasetSummary()
    for batch in all_batches:
        result.add(batch, Scratch())
    return result


def statistics(summary: DatasetSummary) -> str:
    return str(dataset_statistics(summary, SIZES))


@given(st.lists(batches(), min_size=1, max_size=4))
def test_the_statistics_are_those_of_one_column_after_the_other(all_batches: list[pa.RecordBatch]) -> None:
    assert statistics(together(all_batches)) == statistics(by_column(all_batches))


@given(st.lists(st.integers(1, BLOCK + 1), min_size=1, max_size=5), st.booleans())
def test_blocks_end_where_they_would(sizes: list[int], of_ints: bool) -> None:
    numbers = np.random.default_rng(1).integers(-1000, 1000, sum(sizes))
    list_type, dtype = (INTS, np.int64) if of_ints else (FLOATS, np.float32)
    values = pa.array(numbers.astype(dtype))
    column = pa.LargeListArray.from_arrays(pa.array(np.arange(len(values) + 1)), values)
    assert column.type == list_type
    batch = pa.RecordBatch.from_arrays([column], names=["x"])
    ends = np.cumsum(sizes).tolist()
    parts = [batch[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    assert statistics(together(parts)) == statistics(by_column(parts))


def test_columns_may_come_in_another_order_and_be_absent() -> None:
    first = pa.RecordBatch.from_pydict({"a": pa.array([[1.0]], FLOATS), "b": pa.array([[2]], INTS)})
    second = pa.RecordBatch.from_pydict({"b": pa.array([[3]], INTS), "c": pa.array([[4.0]], FLOATS)})
    assert statistics(together([first, second, first])) == statistics(by_column([first, second, first]))


def test_values_of_rows_that_are_missing_do_not_count() -> None:
    offsets = pa.py_buffer(np.array([0, 1, 2, 3]))
    valid = pa.py_buffer(np.array([0b101], np.uint8))
    values = pa.array([1.0, 99.0, 3.0], pa.float32())
    column = pa.Array.from_buffers(FLOATS, 3, [valid, offsets], 1, children=[values])
    batch = pa.RecordBatch.from_arrays([column], names=["x"])
    summary = together([batch, batch])
    numbers = summary.features["x"].numbers
    assert numbers is not None
    assert (numbers.count, numbers.mean) == (4, 2.0)


def test_a_column_without_rows_may_have_no_offsets() -> None:
    children = [pa.array([], pa.float32())]
    column = pa.Array.from_buffers(FLOATS, 0, [None, pa.py_buffer(b"")], 0, children=children)
    summary = together([pa.RecordBatch.from_arrays([column], names=["x"])] * 2)
    assert (summary.num_examples, summary.features["x"].lists.total) == (0, 0)


def test_a_feature_of_another_type_than_before_is_named() -> None:
    summary = together([pa.RecordBatch.from_pydict({"x": pa.array([[1.0]], FLOATS)})])
    with pytest.raises(TypeError, match=r"^feature 'x': the feature has INT values here and had FLOAT"):
        summary.add(pa.RecordBatch.from_pydict({"x": pa.array([[1]], INTS)}), Scratch())


def test_an_unpickled_summary_is_added_to_where_it_is_now() -> None:
    batch = pa.RecordBatch.from_pydict({"x": pa.array([[1.0], [2.0]], FLOATS)})
    summary = together([batch, batch])
    copy = pickle.loads(pickle.dumps(summary))
    copy.add(batch, Scratch())
    assert (copy.num_examples, summary.num_examples) == (6, 4)
    assert statistics(copy) == statistics(together([batch] * 3))
    assert statistics(summary) == statistics(together([batch] * 2))


def test_types_of_exported_columns() -> None:
    nullable = pa.array([[1.0]], pa.large_list(pa.float64()))
    encoded = pa.LargeListArray.from_arrays(pa.array([0, 1]), pa.array(["a"]).dictionary_encode())
    columns = {
        "float": pa.array([[1.0]], FLOATS),
        "int": pa.array([[1]], INTS),
        "string": pa.array([[b"a"]], STRINGS),
        "double": nullable,
        "short": pa.array([[1]], pa.list_(pa.int64())),
        "dictionary": encoded,
        "null": pa.nulls(1),
    }
    with exported(pa.RecordBatch.from_pydict(columns)) as described:
        assert described[:, TYPE].tolist() == [FLOAT, INT, *[OTHER] * 5]
        assert described[:2, ROWS].tolist() == [1, 1]


def test_no_columns() -> None:
    assert ManyColumns([], []).add(np.zeros((0, 6), np.int64)).left.tolist() == []
