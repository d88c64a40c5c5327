"""Distribution functions against numpy; differences of views: no alarm without a cause, and power for one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support import faults
from support.evidence import view
from support.verdict import statistics

from transforms.verdict.evidence import categorical_tests, p_values, two_sample
from transforms.verdict.evidence import cdf as cdfs
from transforms.verdict.evidence.cdf import Cdf
from transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    FeatureDifference,
)
from transforms.verdict.feature_stats import View, views_by_feature

Array = np.ndarray[Any, Any]

ROWS = 5000
_random = np.random.default_rng(3)
SHAPES: dict[str, Array] = {
    "continuous": _random.normal(10, 3, ROWS),
    "discrete": _random.integers(0, 7, ROWS).astype(float),
    "point mass": np.where(_random.random(ROWS) < 0.4, 0.0, _random.exponential(5, ROWS)),
    "heavy tail": _random.standard_cauchy(ROWS),
    "log-normal": _random.lognormal(0, 3, ROWS),
    "constant": np.full(ROWS, 7.0),
    "two": np.where(_random.random(ROWS) < 0.001, 1.0, 0.0),
    "one row": np.array([3.0]),
}


def by_metric(training: Any, serving: Any) -> dict[str, FeatureDifference]:
    return {
        difference.metric: difference for difference in two_sample.of_values(view(training), view(serving))
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_the_distribution_function_is_numpys(shape: str) -> None:
    values = SHAPES[shape].astype("float32").astype(float)
    cdf = cdfs.of_view(view(values))
    assert cdf is not None
    at = np.unique(np.quantile(values, np.linspace(0, 1, 57), method="nearest"))
    ascending = np.sort(values)
    exact = np.searchsorted(ascending, at, side="right"), np.searchsorted(ascending, at, side="left")
    for share, count in zip((cdf.up_to(at), cdf.under(at)), exact, strict=True):
        # Two hundred quantiles, whose ranks the sketch knows to a thousandth.
        assert np.max(np.abs(share - count / len(values))) < 0.0065


@pytest.mark.parametrize("shape", SHAPES)
def test_quantiles_lead_back_to_their_shares(shape: str) -> None:
    cdf = cdfs.of_view(view(SHAPES[shape]))
    assert cdf is not None
    shares = np.linspace(0.01, 0.99, 50)
    at = cdf.quantiles(shares)
    assert np.all(np.diff(at) >= 0)
    assert np.all(cdf.under(at) <= shares + 1e-9)
    assert np.all(cdf.up_to(at) >= shares - 1e-9)
    assert cdf.quantile(0.5) == cdf.quantiles(np.array([0.5]))[0]


def test_a_value_that_many_rows_share_is_a_step() -> None:
    cdf = cdfs.of_view(view(SHAPES["point mass"]))
    assert cdf is not None
    assert 0.0 in cdf.steps
    zero = np.zeros(1)
    assert cdf.up_to(zero)[0] - cdf.under(zero)[0] == pytest.approx(
        np.mean(SHAPES["point mass"] == 0), abs=0.002
    )


def test_beyond_its_ends_a_distribution_function_is_zero_and_one() -> None:
    cdf = Cdf(np.array([1.0, 1.0, 2.0]), np.array([0.0, 0.5, 1.0]))
    at = np.array([-np.inf, 0.9, 1.0, 1.5, 2.0, np.inf])
    assert cdf.up_to(at).tolist() == [0, 0, 0.5, 0.75, 1, 1]
    assert cdf.under(at).tolist() == [0, 0, 0, 0.75, 1, 1]


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


@pytest.mark.parametrize("rows", [200, 500, 20_000])
def test_without_a_difference_small_p_values_are_rare(rows: int) -> None:
    random = np.random.default_rng(rows)
    draws = 60 if rows > 1000 else 200
    for draw in (lambda n: random.normal(size=n), lambda n: random.integers(0, 5, n)):
        training = view(draw(20_000))
        p_values = []
        for _ in range(draws):
            difference = two_sample.of_number(training, view(draw(rows)))
            assert difference is not None
            p_values.append(difference.p_value)
        assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * (0.05 / draws) ** 0.5
        assert min(p_values) > 0.05 / draws / 20


def test_a_mean_that_moved_by_a_quarter_deviation_is_found_in_500_rows() -> None:
    random = np.random.default_rng(11)
    training, repeats = view(random.normal(size=50_000)), 200
    hits = 0
    for _ in range(repeats):
        difference = two_sample.of_number(training, view(random.normal(0.25, 1, 500)))
        assert difference is not None
        hits += difference.p_value < 0.002 and difference.effect >= 0.02
    assert hits >= 0.95 * repeats


def test_a_function_without_its_commonest_value_is_that_of_the_others() -> None:
    values = SHAPES["point mass"].astype("float32").astype(float)
    cdf = cdfs.of_view(view(values))
    assert cdf is not None
    value, share = cdf.commonest
    assert value == 0
    assert share == pytest.approx(np.mean(values == 0), abs=0.002)
    rest, others = cdf.without(0.0), np.sort(values[values != 0])
    assert rest is not None
    at = np.quantile(others, np.linspace(0, 1, 41), method="nearest")
    exact = np.searchsorted(others, at, side="right") / len(others)
    assert rest.up_to(at) == pytest.approx(exact, abs=0.0065 / (1 - share))
    assert rest.under(at) == pytest.approx(exact, abs=0.0065 / (1 - share))
    assert rest.up_to(np.array([-1.0, 0.0])) == pytest.approx([0, 0], abs=1e-9)


def test_without_a_value_in_the_middle_both_sides_of_it_are_left() -> None:
    cdf = Cdf(np.array([1.0, 1.0, 2.0, 5.0, 5.0, 7.0]), np.array([0.0, 0.1, 0.2, 0.2, 0.7, 1.0]))
    rest = cdf.without(5.0)
    assert rest is not None
    at = np.array([0.5, 1.0, 2.0, 5.0, 6.0, 7.0, 8.0])
    assert rest.up_to(at) == pytest.approx([0, 0.2, 0.4, 0.4, 0.7, 1, 1])
    assert cdf.without(3.0) is cdf, "no step stands there"
    assert Cdf(np.array([1.0, 1.0]), np.array([0.0, 1.0])).without(1.0) is None


def mostly_zero(rows: int, seed: int, zeros: float = 0.6) -> Array:
    random = np.random.default_rng(seed)
    return np.where(random.random(rows) < zeros, 0.0, random.exponential(5, rows))


def number(training: View, serving: Array) -> FeatureDifference:
    difference = two_sample.of_number(training, view(serving))
    assert difference is not None
    return difference


@pytest.mark.parametrize("zeros", [0.0, -3.0, 40.0])
def test_where_most_values_are_one_the_others_are_looked_at_alone(zeros: float) -> None:
    def placed(values: Array) -> Array:
        return np.where(values == 0, zeros, values)

    training, served = view(placed(mostly_zero(100_000, 1))), mostly_zero(20_000, 2)
    clean = number(training, placed(served))
    assert clean.excluded_value is None
    # A fifth of them in miles and not kilometres: 0.8 x 0.2 x 0.174 of Kolmogorov's distance, of all values.
    served[:4000] *= 1.609
    difference = number(training, placed(served))
    assert difference.excluded_value == zeros
    assert difference.effect == pytest.approx(0.2 * 0.174, abs=0.012)
    assert difference.rank_distance == pytest.approx(0.4 * 0.2 * 0.174, abs=0.006)
    assert difference.p_value < 1e-7


def apart(training: Array, serving: Array) -> float:
    """Kolmogorov's distance of samples, exactly."""
    samples, at = [np.sort(training), np.sort(serving)], np.concatenate([training, serving])
    shares = [np.searchsorted(side, at, side="right") / len(side) for side in samples]
    return float(np.abs(shares[0] - shares[1]).max())


def test_the_others_are_never_said_to_lie_further_apart_than_they_do() -> None:
    def mostly_zero(rows: int, seed: int) -> Array:
        random = np.random.default_rng(seed)
        return np.where(random.random(rows) < 0.96, 0.0, random.lognormal(0, 3, rows)).astype("float32")

    training = mostly_zero(200_000, 1)
    before, excluded = view(training), 0
    for seed in range(2, 12):
        served = mostly_zero(100_000, seed) * np.float32(3)
        exact = apart(training[training != 0], served[served != 0])
        difference = number(before, served)
        excluded += difference.excluded_value is not None
        assert difference.effect <= exact, seed
    assert excluded == 10


def test_the_others_are_not_looked_at_where_few_values_are_one() -> None:
    training, served = view(mostly_zero(100_000, 1, 0.3)), mostly_zero(20_000, 2, 0.3)
    served[:10_000] *= 1.609
    difference = number(training, served)
    assert difference.excluded_value is None
    assert difference.effect == difference.rank_distance == pytest.approx(0.7 * 0.5 * 0.174, abs=0.01)


@pytest.mark.parametrize("zeros", [0.55, 0.9, 0.98, 0.996])
@pytest.mark.parametrize("rows", [500, 20_000])
def test_a_share_that_moved_by_little_makes_no_difference_of_the_others(zeros: float, rows: int) -> None:
    training = view(mostly_zero(200_000, 1, zeros))
    for seed in range(2, 12):
        difference = number(training, mostly_zero(rows, seed, zeros - 0.02))
        assert difference.excluded_value is None, seed


def test_two_million_rows_make_no_error_of_a_trifle() -> None:
    normal = np.random.default_rng(12).normal(size=2_000_000)
    difference = by_metric(normal[:1_000_000], normal[1_000_000:] + 0.005)[KOLMOGOROV]
    assert difference.effect < 0.02
    more = by_metric(normal[:1_000_000], normal[1_000_000:] + 0.2)[KOLMOGOROV]
    assert more.effect > 0.05
    assert more.p_value < 1e-12


@pytest.mark.parametrize("values", [3, 40])
def test_statistics_of_tfdv_alone_give_no_alarm_on_features_of_few_values(values: int) -> None:
    import pandas as pd

    random = np.random.default_rng(values)
    for seed in range(10):
        training, serving = (
            views_by_feature(statistics(pd.DataFrame({"x": random.integers(0, values, rows)})))["x"]
            for rows in (20_000, 3000)
        )
        cdf = cdfs.of_view(training)
        assert cdf is not None
        assert cdf.is_loose
        difference = two_sample.of_number(training, serving)
        assert difference is not None
        assert difference.p_value > 0.002, seed


def test_missing_rows_are_compared_as_shares() -> None:
    training = view(SHAPES["continuous"])
    difference = two_sample.of_missing(training, 100, training.rows)
    assert (difference.metric, difference.effect) == (MISSING, 0.02)
    assert difference.p_value < 1e-12


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


def nearly_constant(rows: int, seed: int) -> Array:
    random = np.random.default_rng(seed)
    return np.where(random.random(rows) < 0.98, 1, random.normal(1, 0.5, rows)).astype("float32")


def test_a_step_begins_and_ends_where_it_does_and_not_at_a_quantile() -> None:
    values = np.repeat([1.0, 2.0, 5.0], [1013, 2021, 966])
    cdf = cdfs.of_view(view(values))
    assert cdf is not None
    at = np.array([1.0, 2.0, 5.0])
    assert cdf.under(at) == pytest.approx([0, 1013 / 4000, 3034 / 4000], abs=1e-6)
    assert cdf.up_to(at) == pytest.approx([1013 / 4000, 3034 / 4000, 1], abs=1e-6)


def test_what_quantiles_do_not_tell_is_no_difference() -> None:
    # Between its least value and its step 1 % of the values lie as no straight line tells.
    training = view(nearly_constant(100_000, 1))
    for seed in range(2, 8):
        difference = two_sample.of_number(training, view(nearly_constant(20_000, seed)))
        assert difference is not None
        assert difference.p_value > 1e-3, seed
        assert difference.effect < 0.0025, seed


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
