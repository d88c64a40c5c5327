"""Differences of categories: new values, rare values, shares."""

from __future__ import annotations

import numpy as np
import pytest
from support.evidence import Array, by_metric, view

from trueserve.transforms.verdict.evidence import categorical_tests, p_values, two_sample
from trueserve.transforms.verdict.evidence.feature_difference import UNSEEN_SHARE, VARIATION


def test_new_values_beside_what_training_leads_to_expect() -> None:
    random = np.random.default_rng(4)

    def sample(rows: int) -> Array:
        return np.array([f"w{n}" for n in np.minimum(random.zipf(1.8, rows), 900)], object)

    few = by_metric(sample(3000), sample(3000))[UNSEEN_SHARE]
    assert few.effect < 0.02
    assert few.p_value > 0.002
    faulty = sample(3000)
    faulty[:150] = "-1"
    assert by_metric(sample(3000), faulty)[UNSEEN_SHARE].effect == pytest.approx(0.05, abs=0.01)


def test_values_that_training_missed_by_chance_come_in_clusters_and_are_no_alarm() -> None:
    random = np.random.default_rng(1)
    vocabulary = np.array([f"w{n}" for n in range(100)], object)
    p_values = [
        by_metric(random.choice(vocabulary, 500), random.choice(vocabulary, 400))[UNSEEN_SHARE].p_value
        for _ in range(400)
    ]
    assert min(p_values) > 0.002 / 400  # taken one by one the rows gave 3e-6


def test_categories_differ_by_total_variation_beyond_chance() -> None:
    difference = by_metric(["a"] * 500 + ["b"] * 500, ["a"] * 700 + ["b"] * 300)[VARIATION]
    assert difference.effect == pytest.approx(0.2, abs=0.02)
    assert sorted(difference.parts)[:2] == [("a", 0.5, 0.7), ("b", 0.5, 0.3)]
    assert difference.p_value < 1e-12


def test_a_category_named_like_the_rest_is_one_of_the_rest() -> None:
    values = ["(others)"] * 400 + ["a"] * 300 + ["b"] * 300
    difference = by_metric(values, values)[VARIATION]
    assert (difference.effect, difference.p_value) == (0.0, 1.0)
    expected, observed = categorical_tests.pooled({"(others)": 0.4, "a": 0.6}, {"a": 1.0}, 1000, 0.0)
    assert expected == pytest.approx({"a": 0.6, "(others)": 0.4})
    assert observed == pytest.approx({"a": 1.0, "(others)": 0.0})


# Of a hundred values the frequent ones are cells; of the others five rows in 500 are not expected.
VOCABULARY = np.array([b"w%02d" % k for k in range(100)], object)
WORD_SHARES = 1 / np.arange(1, 101) / np.sum(1 / np.arange(1, 101))


def sample_words(rows: int, seed: int) -> Array:
    return np.random.default_rng(seed).choice(VOCABULARY, rows, p=WORD_SHARES)


def test_a_rare_value_that_came_more_often_is_found_and_named() -> None:
    training, served = view(sample_words(20_000, 1)), sample_words(500, 2)
    served[:40] = b"w80"
    [difference] = [
        difference
        for difference in two_sample.of_values(training, view(served))
        if difference.metric == VARIATION
    ]
    assert difference.p_value < 1e-20
    assert difference.parts[0][0] == "w80"
    assert difference.parts[0][1:] == pytest.approx((0.0024, 0.08), abs=0.005)
    assert difference.effect == pytest.approx(0.08, abs=0.03)
    assert difference.p_of_part(0.0) == 1.0
    assert difference.p_value < difference.p_of_part(0.2) < 1
    # Among the others alone, of which as many are expected, 40 of 500 are nothing much.
    expected, observed = categorical_tests.pooled(training.shares(), view(served).shares(), 488, 0.0)
    cells = [np.array(list(side.values())) for side in (expected, observed)]
    assert p_values.of_categories(cells[0], cells[1], 488) > 1e-9


def test_rare_values_rise_by_chance_no_more_often_than_their_p_values_say() -> None:
    training, trials, low = view(sample_words(20_000, 1)), 400, 0
    for seed in range(trials):
        served = view(sample_words(300, 100 + seed))
        tables = (training.counted(), served.counted())
        cells, _ = categorical_tests.pooled(tables[0].shares(), tables[1].shares(), 295, 0.0)
        risen = categorical_tests._risen(training, served, tables, cells.keys())
        low += any(value.p_value() <= 0.1 for value in risen)
    # They have a tenth of the error: at most 0.01 of the windows are expected, and three deviations.
    assert low <= 0.01 * trials + 3 * np.sqrt(0.01 * trials)


def test_where_all_values_are_rare_one_that_came_more_often_is_found() -> None:
    random = np.random.default_rng(4)
    ids = np.array([b"id%d" % n for n in range(3000)], object)
    training, served = view(random.choice(ids, 20_000)), random.choice(ids, 500)
    clean = {difference.metric: difference for difference in two_sample.of_values(training, view(served))}
    assert clean[VARIATION].p_value > 0.01
    served[:60] = b"id7"
    difference = {
        difference.metric: difference for difference in two_sample.of_values(training, view(served))
    }[VARIATION]
    assert difference.p_value < 1e-20
    assert difference.parts[0][0] == "id7"
    assert difference.effect > 0.05


def test_new_values_are_compared_as_rates() -> None:
    training = view(["a"] * 500 + ["b"] * 500)
    served = view(["a"] * 500 + ["b"] * 490 + ["new"] * 10)
    plain = categorical_tests.of_unseen(training, served)
    assert plain is not None
    assert plain.p_value == p_values.of_rates(0, 1000, 10, 1000)
