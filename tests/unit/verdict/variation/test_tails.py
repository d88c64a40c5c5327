"""The tail of distances between periods is a probability."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trueserve.transforms.verdict.variation import tails
from trueserve.transforms.verdict.variation.tails import Tail


@given(st.lists(st.floats(0, 1), min_size=6, max_size=300), st.lists(st.floats(0, 2), min_size=2, max_size=5))
@settings(max_examples=100)
def test_a_tail_is_a_probability_that_falls(distances: list[float], at: list[float]) -> None:
    tail = tails.tail(np.array(distances))
    assert tail is not None
    probabilities = [tail.probability(d) for d in sorted(at)]
    assert all(0 <= p <= 1 for p in probabilities)
    assert (
        probabilities == sorted(probabilities, reverse=True)
        or max(np.diff(probabilities)) <= 1 / len(distances) + 1e-9
    )


def test_the_tail_of_exponential_distances_is_right_within_a_factor_of_two() -> None:
    random = np.random.default_rng(3)
    for true in (1e-2, 1e-3):
        probabilities = [
            Tail(np.sort(random.exponential(1, 400)), 400).probability(-np.log(true)) for _ in range(200)
        ]
        assert true / 2 < np.median(probabilities) < 2.5 * true


def test_few_periods_have_a_heavier_tail_and_too_few_say_nothing() -> None:
    short, long = (Tail(-np.log(1 - (np.arange(n) + 0.5) / n), n) for n in (12, 400))
    assert short.probability(12) > 20 * long.probability(12)
    assert tails.tail(np.zeros(4)) is None
