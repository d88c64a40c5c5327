"""An empty list is a missing value, in every batch that is decoded."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.features import Expected, FeatureType, conform, hold, without_empty

LISTS = pa.large_list(pa.int64())
ROWS = st.lists(st.one_of(st.none(), st.lists(st.integers(0, 9), max_size=2)), max_size=8)


@given(ROWS, st.integers(0, 3))
def test_each_empty_list_is_null_and_all_else_as_it_was(rows: list[list[int] | None], start: int) -> None:
    column = pa.array(rows, LISTS).slice(start)
    assert without_empty(column).to_pylist() == [row or None for row in rows[start:]]
    without_empty(column).validate(full=True)


def test_values_behind_a_null_stay_hidden() -> None:
    column = pa.LargeListArray.from_buffers(
        LISTS, 3, [pa.py_buffer(bytes([0b110])), *pa.array([0, 2, 2, 3], pa.int64()).buffers()[1:]],
        children=[pa.array([7, 8, 9], pa.int64())],
    )  # fmt: skip
    assert column.to_pylist() == [None, [], [9]]
    assert without_empty(column).to_pylist() == [None, None, [9]]


@pytest.mark.parametrize("values", [[[1], [], None, [2]], [[], [], [], []]])
def test_with_a_schema_and_without_it(values: list[list[int] | None]) -> None:
    columns = [("x", pa.array(values, LISTS))]
    expected = [row or None for row in values]
    batch, forms = conform(columns, 4, Expected({"x": FeatureType.INT}))
    assert batch.to_pydict() == {"x": expected}
    assert forms == Counter()
    assert hold(columns, 4, {}).to_pydict() == {"x": expected}
