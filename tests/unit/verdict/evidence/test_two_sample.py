"""All tests of two samples together: none is too odd, missing rows, and what each test says of itself."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support import faults
from support.evidence import SHAPES, by_metric, view

from trueserve.transforms.verdict.evidence import p_values, two_sample
from trueserve.transforms.verdict.evidence.feature_difference import MISSING
from trueserve.transforms.verdict.feature_stats import View, views_by_feature


@pytest.mark.parametrize(
    "values",
    [
        [np.inf] * 50 + [-np.inf] * 50,
        [np.inf, 1.0, 2.0],
        [-np.inf] * 30 + [0.0] * 30 + [np.inf] * 30,
        [np.nan] * 20,
        [np.nan, 5.0],
        [3.4e38, -3.4e38, 0.0],
        [1.0],
        [],
        [0.0] * 1000,
    ],
)
@pytest.mark.filterwarnings("error")
def test_no_values_are_too_odd(values: list[float]) -> None:
    odd, normal = np.array(values, "float32"), SHAPES["continuous"]
    for before, after in ((odd, normal), (normal, odd), (odd, odd)):
        for difference in by_metric(before, after).values():
            assert 0 <= difference.p_value <= 1
            assert 0 <= difference.effect <= 1
    assert all(difference.p_value > 0.1 for difference in by_metric(odd, odd).values())


def test_missing_rows_are_compared_as_shares() -> None:
    training = view(SHAPES["continuous"])
    difference = two_sample.of_missing(training, 100, training.rows)
    assert (difference.metric, difference.effect) == (MISSING, 0.02)
    assert difference.p_value < 1e-12


def test_each_test_says_its_name_hypothesis_assumptions_and_source() -> None:
    tests = [two_sample.of_missing, two_sample.of_lengths, *itertools.chain(*two_sample.VALUE_TESTS.values())]
    for test in tests:
        lines = [line.strip().partition(": ") for line in (test.__doc__ or "").splitlines()]
        described = {word: text for word, _, text in lines if text}
        assert described.keys() >= {"Name", "Hypothesis", "Assumptions", "Source"}, test


def test_one_row_of_many_values_is_one_row() -> None:
    def tags(rows: int, seed: int) -> list[list[bytes]]:
        random = np.random.default_rng(seed)
        return [[b"t%d" % n for n in random.integers(0, 12, 3)] for _ in range(rows)]

    def viewed(values: list[list[bytes]]) -> View:
        rows = pa.RecordBatch.from_pydict({"tags": pa.array(values, pa.large_list(pa.large_binary()))})
        return views_by_feature(faults.statistics(rows))["tags"]

    training, plain = viewed(tags(5000, 1)), tags(1000, 2)
    assert 900 < viewed(plain).worth <= 1000
    for odd in ([b"new%d" % n for n in range(300)], [b"t0"] * 500):
        served = viewed([*plain, odd])
        assert served.worth < 200
        assert min(difference.p_value for difference in two_sample.of_values(training, served)) > 0.0001
    moved = [[b"new", *row[1:]] for row in plain]
    assert min(difference.p_value for difference in two_sample.of_values(training, viewed(moved))) < 1e-12


def test_beside_a_value_of_most_rows_the_others_are_judged_alone() -> None:
    def values(rows: int, shift: float) -> Any:
        others = np.random.default_rng(rows).normal(10 + shift, 1, rows // 5)
        return view(np.concatenate([np.zeros(rows - len(others)), others]).astype("float32"))

    difference = two_sample.of_number(values(5000, 0.0), values(2500, 2.0))
    assert difference is not None
    assert difference.excluded_value == 0.0
    # Of a fifth of the rows, 1,000 and 500, ranks are known by a fifth as much.
    size = p_values.effective_size(p_values.effective_size(1000, 500), two_sample._RANKS / 5**2)
    floor = p_values.floor_of_kolmogorov(size) - 5 * two_sample._RESOLUTION
    assert difference.floor == pytest.approx(floor, rel=0.01)
    assert difference.rank_distance is not None
    assert difference.effect > 4 * difference.rank_distance
    same = two_sample.of_number(values(5000, 0.0), values(2500, 0.0))
    assert same is not None
    assert (same.excluded_value, same.effect) == (None, same.rank_distance)
