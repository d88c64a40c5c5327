"""Gaps between values of which the graph makes different integers are halved, as far as both are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from transforms.baseline.synthetic_probes import _EDGE, _narrow_gaps


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
