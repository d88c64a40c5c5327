"""How many values are new in new rows, and what is left of a difference that they make."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import in_memory
from trueserve.transforms.verdict.evidence import new_values
from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV, MISSING, FeatureDifference
from trueserve.transforms.verdict.feature_stats import View, views_by_feature


def view(texts: list[str]) -> View:
    statistics = in_memory.statistics(in_memory.batch({"x": np.array(texts, object)}))
    [result] = views_by_feature(statistics).values()
    return result


def test_as_many_are_new_as_came_once() -> None:
    assert new_values.share(view(["a"] * 80 + [f"rare {n}" for n in range(20)])) == pytest.approx(0.2)
    assert new_values.share(view(["a"] * 80 + ["b"] * 20)) == 0.0


def test_of_a_list_that_is_cut_as_well() -> None:
    texts = ["a"] * 8000 + [f"rare {n}" for n in range(2000)]
    assert new_values.share(view(texts)) == pytest.approx(0.2, rel=0.05)


def test_of_free_texts_and_numbers_nothing_is_expected() -> None:
    assert new_values.share(view([f"text {n}" for n in range(100)])) == 0.0
    numbers = in_memory.statistics(in_memory.batch({"x": np.arange(100).astype(np.float32)}))
    assert [new_values.share(each) for each in views_by_feature(numbers).values()] == [0.0]


def test_what_they_do_not_explain_is_left() -> None:
    difference = FeatureDifference(KOLMOGOROV, 0.1, 1e-9, 1000.0, p_of_part=lambda part: 1 - part / 2)
    left = new_values.without_new(difference, 0.04)
    assert [left.effect, left.p_value] == pytest.approx([0.06, 0.7])
    assert new_values.without_new(difference, 0.2).effect == 0.0
    assert new_values.without_new(difference, 0.0) is difference
    missing = FeatureDifference(MISSING, 0.1, 1e-9, 1000.0)
    assert new_values.without_new(missing, 0.04) is missing
