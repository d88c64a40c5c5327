"""The L-infinity norm where lists of values are cut: bounds, by hand."""

from __future__ import annotations

from support import hand_made
from support.hand_made import about

from trueserve.transforms.verdict.evidence import category_distance
from trueserve.transforms.verdict.feature_stats import View


def view(counts: dict[str, float], values: int | None = None, unique: int | None = None) -> View:
    return View(hand_made.category("c", counts, values=values, unique=unique), 1000)


COMPLETE, CUT = view({"a": 60, "b": 40}), view({"a": 50, "b": 20}, values=100, unique=5)


def test_a_list_is_cut_where_values_were_not_kept() -> None:
    assert category_distance.is_cut(COMPLETE, COMPLETE) is False
    assert category_distance.is_cut(COMPLETE, CUT) is True
    assert category_distance.is_cut() is False


def test_the_value_that_differs_most_is_found() -> None:
    assert category_distance.largest_difference(COMPLETE, CUT) == ("b", about(0.2))
    assert category_distance.largest_difference(CUT, COMPLETE) == ("b", about(0.2))
    assert category_distance.largest_difference(COMPLETE, view({"a": 40, "b": 60})) == ("a", about(0.2))
    assert category_distance.largest_difference(COMPLETE, COMPLETE) == ("a", 0.0)


def test_a_value_that_was_not_kept_came_as_often_as_the_rarest_at_most() -> None:
    # `z` may have come 20 times of 100 where it was not kept.
    served = view({"a": 50, "z": 50})
    assert category_distance.largest_difference(CUT, served) == ("z", about(0.3))
    assert category_distance.largest_difference(served, CUT) == ("z", about(0.3))
    assert category_distance.largest_difference(COMPLETE, served) == ("z", about(0.5))
    rare = view({"a": 50, "b": 40, "z": 10})
    assert category_distance.largest_difference(CUT, rare) == ("b", about(0.2))


def test_sides_without_values() -> None:
    nothing = view({})
    assert category_distance.largest_difference(nothing, nothing) is None
    assert category_distance.largest_difference(nothing, COMPLETE) == ("a", about(0.6))
    assert category_distance.largest_difference(COMPLETE, nothing) == ("a", about(0.6))
