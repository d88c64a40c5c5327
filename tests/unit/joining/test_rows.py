"""Rows of one side, from pieces with other columns."""

from __future__ import annotations

from support.join import apart
from support.logs import example

from trueserve.transforms.joining.rows import rows_of


def test_rows_of_pieces_with_other_columns() -> None:
    side = rows_of(apart(example(id=[1], x=[1.0]), example(id=[2], y=[5]), example(id=[3], x=[2.0])))
    assert side.size == 3
    assert side.features["x"].to_pylist() == [[1.0], None, [2.0]]
    assert side.features["y"].to_pylist() == [None, [5], None]
    assert side.conflicts == set()
    assert (side.position(1).file, side.position(1).record) == ("log", 0)
    assert (side.value("y", 1), side.value("y", 0), side.value("z", 0)) == ([5], None, None)
    assert (rows_of([]).size, rows_of([]).keys, rows_of([]).features) == (0, [], {})


def test_a_feature_of_two_types_is_a_conflict() -> None:
    side = rows_of(apart(example(id=[1], x=[1.0]), example(id=[2], x=[1])))
    assert side.conflicts == {"x"}
    assert "x" not in side.features
