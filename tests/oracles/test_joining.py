"""Joining in memory gives the counts of DetectFeatureSkew, and rounds as Python does, on any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.join import as_skews, as_stats, comparison, detected, examples, joined
from support.logs import example
from tensorflow.core.example.example_pb2 import Example

from trueserve.transforms.joining.cells import MOST_DIGITS, FloatTolerance, rounded
from trueserve.transforms.joining.counts import FeatureOutcome


@settings(deadline=None, max_examples=100)
@given(
    base=examples("base"),
    test=examples("test"),
    key=st.sampled_from([["k1"], ["k2"], ["k2", "k1"]]),
    digits=st.sampled_from([None, 0, 2, 5]),
    duplicates=st.booleans(),
    cut=st.sampled_from([3, 100]),
    partitions=st.sampled_from([1, 3]),
)
def test_counts_are_those_of_detect_feature_skew(
    base: list[bytes],
    test: list[bytes],
    key: list[str],
    digits: int | None,
    duplicates: bool,
    cut: int,
    partitions: int,
) -> None:
    stats, skews, differing = detected(base, test, key, digits, duplicates)
    how = comparison(key, tolerance=FloatTolerance(digits), allow_duplicates=duplicates, samples=1000)
    actual = joined(base, test, how, partitions, cut)
    assert not actual.conflicts
    assert as_stats(actual.rows) == stats
    ours = as_skews(actual)
    assert ours == {name: skews[name] for name in ours}
    assert not any(any(skews[name].values()) for name in skews.keys() - ours.keys())
    assert actual.rows.mismatched == differing == len(actual.samples)
    assert actual.rows.compared == actual.rows.matched + actual.rows.mismatched


@pytest.mark.parametrize("of_base", [True, False])
def test_an_empty_feature_is_a_missing_one(of_base: bool) -> None:
    with_x = Example.FromString(without := example(id=[1]))
    with_x.features.feature["x"].int64_list.SetInParent()
    pair = [with_x.SerializeToString(), without][:: 1 if of_base else -1]
    actual = joined(pair[:1], pair[1:], comparison(["id"]))
    assert detected(pair[:1], pair[1:], ["id"], None, False)[2] == actual.rows.mismatched == 0
    assert actual.rows.matched == 1
    assert FeatureOutcome.EMPTY_ONLY not in actual.features.get("x", {})


@given(st.lists(st.floats(width=32), min_size=1, max_size=20), st.integers(0, MOST_DIGITS))
def test_rounding_is_pythons(values: list[float], digits: int) -> None:
    assert_rounded(values, digits)


def assert_rounded(values: list[float], digits: int) -> None:
    wanted = np.array([round(value, digits) for value in values], np.float64).astype(np.float32)
    assert rounded(np.array(values, np.float32), digits).tobytes() == wanted.tobytes()
