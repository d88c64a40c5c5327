"""Cells of rows: where values stand, rounding, bytes, and equality."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.join import column

from trueserve.transforms.joining.cells import ABSENT, EMPTY, FULL, cells_of, equal_rows, rounded, stored
from trueserve.transforms.logs.features import FeatureType

INTS, FLOATS, TEXTS = pa.int64(), pa.float32(), pa.large_binary()


def test_cells_say_where_the_values_of_a_row_stand() -> None:
    cells = cells_of(column([[1, 2], None, [], [3]], INTS))
    assert cells.kind is FeatureType.INT
    assert cells.starts.tolist() == [0, 2, 2, 2]
    assert cells.lengths.tolist() == [2, 0, 0, 1]
    assert cells.states.tolist() == [FULL, ABSENT, EMPTY, FULL]
    assert cells_of(column([[1], []], INTS)).states.tolist() == [FULL, EMPTY]


def test_floats_are_rounded_only_where_digits_are_given() -> None:
    values = column([[1.25, 2.0]], FLOATS)
    assert cells_of(values).values.to_pylist() == [1.25, 2.0]
    assert cells_of(values, 1).values.to_pylist() == pytest.approx([1.2, 2.0])
    assert cells_of(values, 0).values.to_pylist() == [1.0, 2.0]
    assert cells_of(column([[125]], INTS), 0).values.to_pylist() == [125]
    assert rounded(np.array([1.5, 2.5, -0.5, np.inf], np.float32), 0).tolist() == [2.0, 2.0, -0.0, np.inf]


@pytest.mark.parametrize(
    ("values", "kind", "bounds"),
    [
        ([[1, 2], None, [3]], INTS, [(0, 16), (16, 16), (16, 24)]),
        ([[1.0], [2.0, 3.0]], FLOATS, [(0, 4), (4, 12)]),
        ([[b"ab", b"c"], [], [b"def"]], TEXTS, [(0, 3), (3, 3), (3, 6)]),
        ([[b""], []], TEXTS, [(0, 0), (0, 0)]),
    ],
)
def test_bytes_of_rows(values: list[Any], kind: pa.DataType, bounds: list[tuple[int, int]]) -> None:
    data, starts, ends = stored(cells_of(column(values, kind)))
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == bounds
    assert len(data) >= bounds[-1][1]
    assert data.dtype == np.uint8


def test_bytes_of_a_slice_of_rows() -> None:
    part = column([[b"skipped"], [b"ab"], [b"c", b"d"]], TEXTS).slice(1)
    data, starts, ends = stored(cells_of(part))
    assert [data[a:b].tobytes() for a, b in zip(starts, ends, strict=True)] == [b"ab", b"cd"]


def test_rows_of_two_types_are_never_equal() -> None:
    rows = np.array([0])
    assert equal_rows(
        cells_of(column([[1]], INTS)), cells_of(column([[1.0]], FLOATS)), rows, rows
    ).tolist() == [False]


@pytest.mark.parametrize(
    ("kind", "left", "right", "equal"),
    [
        (INTS, [[1, 2], [1], [], [5]], [[1, 2], [1, 1], [], [6]], [True, False, True, False]),
        (TEXTS, [[b"a", b"b"], [b"ab"], [b""]], [[b"a", b"b"], [b"a", b"b"], [b""]], [True, False, True]),
        (FLOATS, [[1.0], [0.0], [float("nan")]], [[1.0], [-0.0], [float("nan")]], [True, False, True]),
    ],
)
def test_equal_rows(kind: pa.DataType, left: Any, right: Any, equal: list[bool]) -> None:
    rows = np.arange(len(left))
    assert (
        equal_rows(cells_of(column(left, kind)), cells_of(column(right, kind)), rows, rows).tolist() == equal
    )


def test_rows_are_compared_pair_by_pair() -> None:
    left, right = cells_of(column([[1], [2, 3], [4]], INTS)), cells_of(column([[4], [2, 3]], INTS))
    i, j = np.array([2, 1, 0, 1]), np.array([0, 1, 0, 0])
    assert equal_rows(left, right, i, j).tolist() == [True, True, False, False]
