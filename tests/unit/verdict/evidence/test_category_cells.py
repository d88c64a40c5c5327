"""Categories: which cells they are counted in, what rose, and what is new, with figures by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from support import hand_made
from support.hand_made import about

from trueserve.transforms.verdict.evidence import categorical_tests, p_values
from trueserve.transforms.verdict.evidence.categorical_tests import OTHERS, pooled
from trueserve.transforms.verdict.feature_stats import View


def view(counts: Mapping[str, float], rows: int | None = None, **more: Any) -> View:
    made = hand_made.category("c", counts, **more)
    return View(made, rows or int(sum(counts.values())))


def test_cells_are_what_training_expects_in_five_rows_at_least() -> None:
    before = {"a": 0.9, "b": 0.06, "c": 0.04}
    after = {"a": 0.7, "b": 0.2, "z": 0.1}
    expected, observed = pooled(before, after, 100, 0.0)
    assert expected == {"a": 0.9, "b": 0.06, OTHERS: pytest.approx(0.04)}
    assert observed == {"a": 0.7, "b": 0.2, OTHERS: pytest.approx(0.1)}
    # Just five rows, and just fewer.
    assert list(pooled({"a": 0.95, "b": 0.05}, after, 100, 0.0)[0]) == ["a", "b", OTHERS]
    assert list(pooled({"a": 0.95, "b": 0.05}, after, 99, 0.0)[0]) == ["a", OTHERS]
    assert list(pooled(before, after, 0, 0.0)[0]) == [OTHERS]


def test_a_cell_that_neither_side_has_is_none() -> None:
    both = {"a": 0.5, "b": 0.5}
    assert pooled(both, both, 100, 0.0) == (both, both)
    assert pooled(both, {"a": 0.5, "b": 0.4}, 100, 0.0)[1][OTHERS] == pytest.approx(0.1)
    assert pooled({OTHERS: 1.0}, {}, 100, 0.0) == ({OTHERS: 1.0}, {OTHERS: 1.0})


def test_values_at_the_edge_of_a_cut_list_are_among_the_others() -> None:
    before = {"a": 0.6, "b": 0.2, "c": 0.1}
    assert list(pooled(before, {}, 100, 0.0, 0.2)[0]) == ["a", "b", OTHERS]
    assert list(pooled(before, {}, 100, 0.0, 0.21)[0]) == ["a", OTHERS]


def test_a_value_that_serving_did_not_keep_is_as_frequent_as_it_may_be() -> None:
    before = {"a": 0.6, "b": 0.3, "c": 0.1}
    observed = pooled(before, {"a": 0.5}, 100, 0.2)[1]
    assert observed == {"a": 0.5, "b": 0.2, "c": 0.1, OTHERS: pytest.approx(0.2)}


def test_the_total_variation_is_what_chance_does_not_make() -> None:
    made = categorical_tests.of_category(view({"a": 600, "b": 400}), view({"a": 500, "b": 500}))
    assert made is not None
    shares = np.array([0.6, 0.4])
    noise = p_values.expected_variation(shares, 500)
    assert made.size == 500
    assert made.effect == pytest.approx(math.sqrt(0.1**2 - noise**2))
    assert made.floor == p_values.floor_of_variation(shares, 500)
    assert made.p_value == pytest.approx(p_values.of_categories(shares, np.array([0.5, 0.5]), 500))
    half = p_values.of_categories(shares, np.array([0.55, 0.45]), 500)
    assert made.p_of_part(0.5) == pytest.approx(half)
    assert made.p_of_part(0.0) == 1.0
    assert made.parts == (("a", 0.6, 0.5), ("b", 0.4, 0.5))


def test_a_share_that_training_lacks_is_taken_for_one_value() -> None:
    made = categorical_tests.of_category(view({"a": 600, "b": 400}), view({"a": 540, "b": 360, "z": 100}))
    assert made is not None
    # All others are none of training, and 100 of serving: expected is one of a thousand values.
    expected = np.array([0.6, 0.4, 0.001]) / 1.001
    p_value = p_values.of_categories(expected, np.array([0.54, 0.36, 0.1]), 500)
    assert made.p_value == pytest.approx(p_value)
    assert made.effect > 0.09
    assert made.parts[0] == (OTHERS, 0.0, about(0.1))


def test_values_that_are_all_rare_are_not_compared() -> None:
    rare = {f"v{n}": 1.0 for n in range(100)}
    assert categorical_tests.of_category(view(rare), view(rare)) is None
    assert categorical_tests.of_category(view(rare), view({**rare, "v0": 40})) is not None


RARE = {f"v{n}": 2.0 for n in range(499)}


def rising(served: float) -> Any:
    """`r` comes twice in 10,000 rows of training, as 499 other values do."""
    training = view({"x": 6000, "y": 3000, "r": 2, **RARE})
    return categorical_tests.of_category(training, view({"x": 6002 - served, "y": 3000, "r": served, **RARE}))


def test_a_rare_value_that_rose_is_told_by_itself() -> None:
    made = rising(60)
    # 502 values are known, of which two are cells: 500 are rare, and have a tenth of the error.
    for part, count in ((1.0, 60), (0.5, 31)):
        of_rare = 5000 * p_values.of_rates(2, 10_000, count, 10_000)
        assert made.p_of_part(part) == pytest.approx(of_rare, rel=1e-6, abs=0)
    assert made.p_value == made.p_of_part(1.0)
    assert made.parts == (("x", 0.6, pytest.approx(0.5942)), ("r", 0.0002, 0.006))


def test_a_rare_value_that_chance_explains_is_among_the_others() -> None:
    made = rising(20)
    assert made.p_value > 0.01
    assert "r" not in [label for label, _, _ in made.parts]


def test_a_value_of_many_in_a_row_came_in_few_rows() -> None:
    """Sixty times may be one row of sixty values."""
    training = view({"x": 6000, "y": 3998, "r": 2})
    counts = {"x": 5964.0, "y": 3976.0, "r": 60.0}
    long = View(hand_made.category("c", counts, present=10_000, values=10_000, longest=60), 10_000)
    made = categorical_tests.of_category(training, long)
    assert made is not None
    assert "r" not in [label for label, _, _ in made.parts]
    assert made.p_value > 0.01


def test_three_values_that_rose_most_are_asked() -> None:
    rare = {f"r{n}": 2.0 for n in range(5)}
    training = view({"x": 9990, **rare})
    served = view({"x": 9990 - 500, **{f"r{n}": 20.0 + 40 * n for n in range(5)}})
    made = categorical_tests.of_category(training, served)
    assert made is not None
    assert [label for label, _, _ in made.parts] == ["x", "r4", "r3"]


def test_that_all_others_came_less_often_is_told_last() -> None:
    training = view({"x": 6000, "y": 3000, "r": 2, **RARE})
    fewer = dict.fromkeys([*RARE][:299], 2.0)
    made = categorical_tests.of_category(training, view({"x": 6000, "y": 3000, "r": 402, **fewer}))
    assert made is not None
    assert [label for label, _, _ in made.parts] == ["r", OTHERS]


def new_values(before: Mapping[str, float], after: Mapping[str, float], **more: Any) -> Any:
    return categorical_tests.of_unseen(view(before), view(after, **more))


def test_new_values_beyond_those_that_training_leads_to_expect() -> None:
    made = new_values({"a": 980, "b": 10, **{f"v{n}": 1 for n in range(10)}}, {"a": 950, "z": 40, "v1": 10})
    assert made.parts == (("new values", 0.01, 0.04),)
    assert made.effect == pytest.approx(0.03)
    assert made.size == 500
    assert made.floor == p_values.floor_of_share(0.01, 500)
    assert made.p_value == pytest.approx(p_values.of_rates(10, 1000, 40, 1000))
    assert made.p_of_part(0.5) == pytest.approx(p_values.of_rates(10, 1000, 25, 1000))
    fewer = new_values({"a": 980, **{f"v{n}": 1 for n in range(20)}}, {"a": 990, "z": 10})
    assert fewer.effect == 0.0


def test_chance_may_bring_new_values_several_at_a_time() -> None:
    before = {"a": 960, **{f"v{n}": 1 for n in range(20)}, **{f"w{n}": 2 for n in range(10)}}
    # A value that training missed comes 1 + 2 x 10 / 20 times on average.
    made = new_values(before, {"a": 900, "z": 100})
    assert made.p_value == pytest.approx(p_values.of_rates(20 / 2, 1000, 100 / 2, 1000))
    twice = new_values(before, {"a": 1900, "z": 100})
    assert twice.p_value == pytest.approx(p_values.of_rates(20 / 3, 1000, 100 / 3, 2000))
    never = new_values({"a": 998, "b": 2}, {"a": 900, "z": 100})
    assert never.p_value == pytest.approx(p_values.of_rates(0, 1000, 100 / 3, 1000))


def test_new_values_of_one_long_row_are_one_row() -> None:
    after = {"a": 900.0, "z": 100.0}
    made = new_values({"a": 1000}, after, present=1000, values=1000, longest=50)
    assert made.p_value == pytest.approx(p_values.of_rates(0, 1000, 2, 1000))
    equal = new_values({"a": 1000}, after, present=500, values=1000, longest=2)
    assert equal.p_value == pytest.approx(p_values.of_rates(0, 1000, 50, 500))


def test_lists_that_are_cut_do_not_tell_what_is_new() -> None:
    assert categorical_tests.of_unseen(view({"a": 9}, unique=2), view({"a": 9})) is None
    assert categorical_tests.of_unseen(view({"a": 9}), view({"a": 9}, unique=2)) is None
    assert categorical_tests.of_unseen(view({"a": 9}), view({"a": 9})) is not None


def test_what_came_more_in_each_row_is_careful_with_the_others() -> None:
    """Where one row may have brought all of the others, they count for a part of their share."""
    training = view({"a": 900, "b": 100})
    counts = {"a": 810.0, "b": 90.0, "z": 100.0}
    long = View(hand_made.category("c", counts, present=1000, values=1000, longest=5), 1000)
    plain, careful = (categorical_tests.of_category(training, served) for served in (view(counts), long))
    assert plain is not None
    assert careful is not None
    shares = np.array([0.81, 0.09, 0.02]) / 0.92
    assert careful.parts[0] == (OTHERS, 0.0, about(0.02 / 0.92))
    noise = p_values.expected_variation(np.array([0.9, 0.1, 0.0]), careful.size)
    distance = np.abs(shares - [0.9, 0.1, 0.0]).sum() / 2
    assert careful.effect == pytest.approx(p_values.beyond_noise(distance, noise))
    assert plain.parts[0] == (OTHERS, 0.0, about(0.1))
