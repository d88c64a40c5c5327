"""Probes that are made up: texts, numbers beyond the range, and gaps that are halved down to an edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from trueserve.transforms.baseline.synthetic_probes import (
    _EDGE,
    UNKNOWN,
    _changes_of_feature,
    _fullest,
    _narrow_gaps,
    _numbers,
    _texts,
)


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


def test_a_gap_is_halved_down_to_the_edge_from_both_sides() -> None:
    low, high = _narrow_gaps(floats(0, 2), floats(8, 9), lambda x: np.where(x < 5, 0.0, 1.0))
    assert (low < 5).all()
    assert (high >= 5).all()
    assert (high - low <= 2 * 5 * _EDGE * 1.01).all()


def test_whole_numbers_are_halved_until_they_are_neighbours() -> None:
    low, high = _narrow_gaps(np.array([0]), np.array([100]), lambda x: np.where(x < 37, 4.0, 7.0))
    assert (low.tolist(), high.tolist()) == ([36], [37])
    assert low.dtype.kind == "i"


def test_a_gap_with_a_middle_that_the_graph_refuses_stays_as_it_is() -> None:
    def integer_of(x: Any) -> Any:
        return np.where((x > 0) & (x < 8), np.nan, np.where(x < 4, 0.0, 1.0))

    low, high = _narrow_gaps(floats(0), floats(8), integer_of)
    assert (low.tolist(), high.tolist()) == ([0], [8])


def test_the_ends_that_are_given_are_left_as_they_are() -> None:
    low, high = floats(0), floats(8)
    _narrow_gaps(low, high, lambda x: np.where(x < 5, 0.0, 1.0))
    assert (low.tolist(), high.tolist()) == ([0], [8])


def column(kind: Any, *rows: Any) -> Any:
    return pa.array(rows, pa.large_list(kind))


def numbers(kind: Any, *values: Any) -> dict[str, Any]:
    return {why: made[0] for why, made in _numbers(column(kind, *([value] for value in values)))}


def test_numbers_beyond_the_range_are_ten_ranges_away() -> None:
    always = {"zero": 0, "minus one": -1}
    assert numbers(pa.int64(), 5, 8, 7) == {
        "far above the range": 38,
        "far below the range": -25,
        **always,
    }
    assert numbers(pa.float32(), 0.5, np.nan, 1.0) == {
        "far above the range": 6.0,
        "far below the range": -4.5,
        **always,
    }
    assert numbers(pa.float32(), np.nan) == numbers(pa.int64()) == always
    # Of a constant, its size; of nought, one.
    assert numbers(pa.int64(), -4)["far above the range"] == 36
    assert numbers(pa.int64(), 0)["far below the range"] == -10
    far = numbers(pa.int64(), 2**61, -(2**61))
    assert (far["far above the range"], far["far below the range"]) == (2**62, -(2**62))
    assert numbers(pa.float32(), 1e38, 0)["far above the range"] == 1e37


def test_texts_are_unknown_empty_and_the_first_one_otherwise_written() -> None:
    texts = column(pa.large_binary(), [b""], None, [b"Ab"], [b"c"])
    plain = [("an unknown word", [UNKNOWN]), ("an empty text", [b""])]
    odd = [
        ("other case", [b"aB"]),
        ("white space around it", [b" Ab "]),
        ("punctuation behind it", [b"Ab!"]),
    ]
    assert list(_texts(texts, [])) == [*plain, *odd]
    ends = "first or last of a vocabulary"
    known = list(_texts(texts, [[b"Ab", b"x", b"y", b"z"], [b"other"], [b"c"]]))[5:]
    assert known == [(ends, [b"Ab"]), (ends, [b"y"]), (ends, [b"z"]), (ends, [b"c"])]
    assert list(_texts(column(pa.large_binary(), [b""]), [])) == plain


def test_every_feature_is_missing_and_empty_once_and_has_two_values_where_there_are_two() -> None:
    rows = pa.RecordBatch.from_pydict({"x": column(pa.int64(), [3], [4])})
    changes = list(_changes_of_feature(rows, "x", []))
    assert [(change.why, change.values) for change in changes[-3:]] == [
        ("x: missing", {"x": None}),
        ("x: without a value", {"x": []}),
        ("x: two values", {"x": [3, 4]}),
    ]
    assert len(changes) == 7
    sole = pa.RecordBatch.from_pydict({"x": column(pa.int64(), [3])})
    assert [change.why for change in _changes_of_feature(sole, "x", [])][-1] == "x: without a value"


def test_the_first_row_that_lacks_the_fewest_features_is_changed() -> None:
    rows = pa.RecordBatch.from_pydict(
        {
            "a": column(pa.int64(), None, [1], [1], [1]),
            "b": column(pa.int64(), [1], None, [1], [1]),
        }
    )
    assert _fullest(rows) == 2
    late = pa.RecordBatch.from_pydict({"a": column(pa.int64(), *[None] * 50, [1])})
    assert _fullest(late) == 0
