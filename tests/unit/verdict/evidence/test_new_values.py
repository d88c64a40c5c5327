"""How many values are new in new rows, and what is left of a difference that they make."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import ks_2samp  # type: ignore[import-untyped]

from benchmarks import in_memory
from trueserve.transforms.verdict.evidence import new_values
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    MISSING,
    UNSEEN_SHARE,
    FeatureDifference,
)
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


def test_what_is_fitted_by_key_knows_one_row_of_each_key() -> None:
    assert new_values.share_by_key(view(["a"] * 70 + ["b"] * 20 + [f"rare {n}" for n in range(10)])) == 0.12
    assert new_values.share_by_key(view([f"text {n}" for n in range(100)])) == 1.0
    numbers = in_memory.statistics(in_memory.batch({"x": np.arange(100).astype(np.float32)}))
    assert [new_values.share_by_key(each) for each in views_by_feature(numbers).values()] == [0.0]


def test_of_leave_one_out_as_many_rows_differ() -> None:
    """Values less the mean of their key: what a row of n adds to that mean, no new row has."""
    random = np.random.default_rng(1)
    keys, new_keys = (random.integers(500, size=4000) for _ in range(2))
    values, new = random.normal(size=4000), random.normal(size=4000)
    sums, counts = np.bincount(keys, values, 500), np.bincount(keys, minlength=500)
    scaled, scaled_new = (
        each - np.divide(sums, counts, out=np.zeros(500), where=counts > 0)[of]
        for each, of in ((values, keys), (new, new_keys))
    )
    apart = float(ks_2samp(scaled, scaled_new).statistic)
    share = new_values.share_by_key(view([str(key) for key in keys]))
    assert apart < share == pytest.approx(500 / 4000, abs=0.001)


def test_what_they_do_not_explain_is_left() -> None:
    difference = FeatureDifference(KOLMOGOROV, 0.1, 1e-9, 1000.0, p_of_part=lambda part: 1 - part / 2)
    left = new_values.without_new(difference, 0.04)
    assert [left.effect, left.p_value] == pytest.approx([0.06, 0.7])
    assert new_values.without_new(difference, 0.2).effect == 0.0
    assert new_values.without_new(difference, 0.0) is difference
    of_share = dataclasses.replace(difference, metric=UNSEEN_SHARE)
    assert new_values.without_new(of_share, 0.04).effect == pytest.approx(0.06)
    missing = FeatureDifference(MISSING, 0.1, 1e-9, 1000.0)
    assert new_values.without_new(missing, 0.04) is missing
