"""Numbers, lengths and missing rows: how far apart, and by which of the tests, with figures by hand."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from support import hand_made
from support.hand_made import about

from trueserve.transforms.verdict.evidence import numeric_tests, p_values, two_sample
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    FeatureDifference,
    difference,
    most_moved,
)
from trueserve.transforms.verdict.feature_stats import View

Array = np.ndarray[Any, Any]


def cdf(*points: tuple[float, float], loose: bool = False, steps: bool = False) -> Cdf:
    x, share = (np.array(values) for values in zip(*points, strict=True))
    return Cdf(x, share, loose, steps)


def category(counts: dict[str, float], rows: int = 1000, **more: Any) -> View:
    return View(hand_made.category("c", counts, **more), rows)


def number(rows: int = 1000, present: int | None = None) -> View:
    buckets = [(0.0, 5.0, rows / 2), (5.0, 10.0, rows / 2)]
    return View(
        hand_made.number("c", rows if present is None else present, buckets=buckets, quantiles=buckets), rows
    )


def metrics(training: View, serving: View) -> list[str]:
    return [difference.metric for difference in two_sample.of_values(training, serving)]


def test_values_are_compared_where_both_sides_have_them_in_one_kind() -> None:
    both = category({"a": 600, "b": 400})
    assert metrics(both, both) == [VARIATION, UNSEEN_SHARE]
    assert metrics(number(), number()) == [KOLMOGOROV]
    assert metrics(both, number()) == []
    for other in (category({}), category({"a": 5}, present=0)):
        assert metrics(both, other) == metrics(other, both) == []
    assert metrics(number(present=0), number()) == []


def test_missing_rows_differ_by_their_share() -> None:
    made = two_sample.of_missing(category({"a": 900}), 300, 1000)
    assert (made.metric, made.effect, made.size) == (MISSING, about(0.2), 500)
    assert made.parts == (("missing", 0.1, 0.3),)
    assert made.p_value == p_values.of_rates(100, 1000, 300, 1000)
    assert made.p_of_part(0.5) == p_values.of_rates(100, 1000, 200, 1000)
    assert made.floor == p_values.floor_of_share(0.1, 500)
    known = made.attainable
    assert known is not None
    assert np.isclose(known.p_values, made.p_value, rtol=1e-9, atol=0).any()
    assert two_sample.of_missing(category({"a": 900}), 50, 1000).effect == pytest.approx(0.05)
    nothing = two_sample.of_missing(category({"a": 900}), 0, 0)
    assert (nothing.effect, nothing.p_value, nothing.size) == (about(0.1), 1.0, 0.0)


EVEN = cdf((0, 0), (5, 0.5), (10, 1))


def test_two_functions_differ_by_their_distance_less_what_is_not_known() -> None:
    after = cdf((0, 0), (5, 0.3), (10, 1))
    made = two_sample.of_cdfs(KOLMOGOROV, EVEN, after, 1000)
    assert made.effect == pytest.approx(0.2 - 0.0025)
    assert made.size == 1000
    assert made.floor == pytest.approx(p_values.floor_of_kolmogorov(1000) - 0.0025)
    expected, observed = two_sample.cells(EVEN, after)
    moved = numeric_tests.moved(expected, observed, p_values.effective_size(1000, 250_000))
    assert made.p_value == moved.p_value()
    assert made.p_of_part(0.5) == moved.p_value(0.5)
    assert two_sample.of_cdfs(KOLMOGOROV, EVEN, EVEN, 1000).effect == 0.0
    assert two_sample.of_cdfs(KOLMOGOROV, EVEN, EVEN, 1e9).floor == 0.0


def test_cells_lie_between_trainings_points_at_its_steps_and_beyond_its_ends() -> None:
    before = cdf((0, 0), (2, 0.2), (2, 0.6), (10, 1))
    after = cdf((-5, 0), (0, 0.1), (2, 0.2), (2, 0.3), (10, 0.9), (20, 1))
    expected, observed = two_sample.cells(before, after)
    assert expected.tolist() == pytest.approx([0, 0.2, 0.4, 0.4, 0])
    assert observed.tolist() == pytest.approx([0.1, 0.1, 0.1, 0.6, 0.1])


def test_of_bounds_the_distance_is_what_leaves_no_doubt() -> None:
    before = cdf((0, 0), (1, 0.2), (2, 0.4), (3, 1), loose=True, steps=True)
    after = cdf((0, 0), (2, 0.8), (3, 1), loose=True, steps=True)
    made = two_sample.of_cdfs(LENGTH, before, after, 1000)
    # Up to 1.5 training has 0.4 at most; serving has 0 at least there, and 0.8 from 2 on, training up to 1.
    apart = before.bounds(np.array([1.0, 2.0])), after.bounds(np.array([1.0, 2.0]))
    assert [values.tolist() for values in apart[0]] == [[0.2, 0.4], [0.4, 1.0]]
    assert [values.tolist() for values in apart[1]] == [[0.0, 0.8], [0.8, 1.0]]
    assert made.effect == 0.0
    far = cdf((4, 0), (5, 0.5), (6, 1), loose=True, steps=True)
    apart_by_all = two_sample.of_cdfs(LENGTH, before, far, 1000)
    assert apart_by_all.effect == pytest.approx(1 - 0.0025)
    assert apart_by_all.p_value == p_values.of_kolmogorov(1 - 0.0025, 1000)
    assert apart_by_all.p_of_part(0.1) == p_values.of_kolmogorov(0.1 * (1 - 0.0025), 1000)
    half = cdf((2.5, 0), (3, 0.5), (6, 1), loose=True, steps=True)
    assert two_sample.of_cdfs(LENGTH, before, half, 1000).effect == pytest.approx(0.4 - 0.0025)
    assert two_sample.of_cdfs(LENGTH, half, before, 1000).effect == pytest.approx(0.4 - 0.0025)


def test_a_loose_step_lies_as_near_as_it_may() -> None:
    before = cdf((0, 0), (2, 0.3), (10, 1), loose=True)
    after = cdf((0, 0), (2, 0.2), (2, 0.5), (10, 1))
    expected, observed = two_sample.loose_cells(before, after)
    assert expected.tolist() == pytest.approx([0.3, 0.7])
    assert observed.tolist() == pytest.approx([0.3, 0.7])
    further = cdf((0, 0), (2, 0.4), (2, 0.5), (10, 1))
    assert two_sample.loose_cells(before, further)[1].tolist() == pytest.approx([0.4, 0.6])


def test_what_moved_most_is_told_by_deciles() -> None:
    after = cdf((-10, 0), (0, 0.3), (5, 0.6), (10, 0.9), (20, 1))
    made = two_sample.of_cdfs(KOLMOGOROV, EVEN, after, 1000)
    assert made.parts[0] == ("below 0", 0.0, about(0.3))
    assert made.parts[1] == ("above 10", 0.0, about(0.1))
    assert made.parts[2][1:] == (about(0.1), about(0.06))


def test_three_parts_that_moved_are_told_and_none_that_stayed() -> None:
    parts = [("a", 0.1, 0.2), ("b", 0.5, 0.1), ("c", 0.2, 0.2), ("d", 0.1, 0.4), ("e", 0.1, 0.15)]
    assert [label for label, _, _ in most_moved(parts)] == ["b", "d", "a"]
    assert most_moved([("a", 0.1, 0.1001), ("b", 0.1, 0.10011)]) == (("b", 0.1, 0.10011),)


def test_a_difference_has_the_probability_of_the_whole() -> None:
    made = difference("m", 0.1, 5.0, lambda: (), lambda part: part / 2, floor=0.3)
    assert made == FeatureDifference("m", 0.1, 0.5, 5.0, floor=0.3)
    assert made.p_of_part(0.5) == 0.25
    assert FeatureDifference("m", 0.1, 0.5, 5.0).p_of_part(0.5) == 1.0


def listed(*edges: float, longest: int = 5, present: int = 1000) -> View:
    feature = hand_made.category("c", {"a": 1000}, present=present, longest=longest)
    for low, high in itertools.pairwise(edges):
        feature.string_stats.common_stats.num_values_histogram.buckets.add(
            low_value=low, high_value=high, sample_count=100
        )
    return View(feature, 1000)


def test_lengths_are_compared_where_a_row_has_several_values() -> None:
    short, long = listed(1, 1, 2, longest=2), listed(4, 4, 5, present=600)
    made = two_sample.of_lengths(short, long)
    assert made is not None
    assert (made.metric, made.size) == (LENGTH, 375)
    assert made.effect == pytest.approx(1 - 0.0025)
    assert two_sample.of_lengths(listed(1, 1, longest=1), listed(1, 1, longest=1)) is None
    assert two_sample.of_lengths(listed(1, 1, longest=1), listed(1, 2, longest=2)) is not None
    assert two_sample.of_lengths(short, listed()) is None
    assert two_sample.of_lengths(listed(), short) is None


def test_the_edges_of_lengths() -> None:
    edges = two_sample.length_edges(listed(1, 2, 5))
    assert edges is not None
    assert edges.tolist() == [1, 2, 5]
    assert two_sample.length_edges(listed(1, 1, longest=1)) is None
    assert two_sample.length_edges(listed()) is None
    assert two_sample.length_edges(listed(1, 2, longest=2)) is not None
