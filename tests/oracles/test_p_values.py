"""p-values against exact sums, known tables and simulation with fixed seeds."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, t  # type: ignore[import-untyped]

from trueserve.transforms.verdict.evidence import numeric_tests, p_values
from trueserve.transforms.verdict.evidence.rates import false_discovery

Array = np.ndarray[Any, Any]

TRIALS = 1000


def p_of_moved(expected: Array, observed: Array, size: float) -> float:
    return numeric_tests.moved(expected, observed, size).p_value()


@given(st.integers(1, 400), st.floats(0.001, 8))
@settings(max_examples=300)
@example(3, 15.0)
@example(21, 200 / 21)
def test_chi_squared_is_scipys(freedom: int, times: float) -> None:
    value = freedom * times
    assert p_values.of_chi_squared(value, freedom) == pytest.approx(chi2.sf(value, freedom), rel=1e-10)


@pytest.mark.parametrize(("value", "freedom"), [(4_300.0, 4_001), (4_001.0, 4_000), (30_000.0, 29_500)])
def test_chi_squared_of_many_degrees_is_scipys(value: float, freedom: int) -> None:
    assert p_values.of_chi_squared(value, freedom) == pytest.approx(chi2.sf(value, freedom), rel=1e-9)


def test_chi_squared_of_nothing_is_certain() -> None:
    assert p_values.of_chi_squared(0.0, 4) == 1.0
    assert p_values.of_chi_squared(5.0, 0) == 1.0
    assert 0 <= p_values.of_chi_squared(1e6, 20) < 1e-300
    assert 0 <= p_values.of_chi_squared(1e6, 21) < 1e-300


@given(st.floats(3, 400) | st.floats(400, 1e8), st.floats(0.01, 12))
@settings(max_examples=200)
def test_students_tail_is_scipys(freedom: float, deviations: float) -> None:
    expected = 2 * t.sf(deviations, freedom)
    assert p_values.of_student(deviations, freedom) == pytest.approx(expected, rel=1e-6, abs=1e-14)
    assert p_values.of_student(-deviations, freedom) == p_values.of_student(deviations, freedom)
    assert p_values.of_student(0.0, freedom) == p_values.of_student(deviations, 0.0) == 1.0


@pytest.mark.parametrize(("deviations", "p_value"), [(1.959964, 0.05), (-2.575829, 0.01), (0.0, 1.0)])
def test_normal_is_that_of_the_tables(deviations: float, p_value: float) -> None:
    assert p_values.of_normal(deviations) == pytest.approx(p_value, rel=1e-4)


@pytest.mark.parametrize(("scaled", "p_value"), [(1.3581, 0.05), (1.6276, 0.01), (1.9495, 0.001), (0.1, 1.0)])
def test_kolmogorov_is_that_of_the_tables(scaled: float, p_value: float) -> None:
    assert p_values.of_kolmogorov(scaled / 100, 10_000) == pytest.approx(p_value, rel=0.01)


def exact_rates(before: int, rows_before: int, after: int, rows_after: int) -> float:
    """Twice the lesser tail of the hypergeometric distribution, in whole numbers."""
    total, rows = before + after, rows_before + rows_after
    least, most = max(total - rows_before, 0), min(total, rows_after)
    ways = {k: math.comb(total, k) * math.comb(rows - total, rows_after - k) for k in range(least, most + 1)}
    lower, upper = (
        sum(n for k, n in ways.items() if k <= after),
        sum(n for k, n in ways.items() if k >= after),
    )
    return float(min(Fraction(2 * min(lower, upper), math.comb(rows, rows_after)), Fraction(1)))


@given(st.integers(1, 150), st.integers(1, 150), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=100)
def test_rates_are_those_of_fishers_exact_test(
    rows_before: int, rows_after: int, rate_before: float, rate_after: float
) -> None:
    before, after = round(rate_before * rows_before), round(rate_after * rows_after)
    exact = exact_rates(before, rows_before, after, rows_after)
    assert p_values.of_rates(before, rows_before, after, rows_after) == pytest.approx(exact, rel=1e-7)
    # What is not so is as unlikely, and either side may come first.
    others = (rows_before - before, rows_before, rows_after - after, rows_after)
    assert p_values.of_rates(*others) == pytest.approx(exact, rel=1e-7)
    assert p_values.of_rates(after, rows_after, before, rows_before) == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("rows_after", [1_000, 10_000, 300_000])
@pytest.mark.parametrize("deviations", [-7.5, -4.5, -2.0, -0.3, 0.3, 2.5, 5.5, 7.5])
def test_rates_of_many_events_are_those_of_the_sum(rows_after: int, deviations: float) -> None:
    def chosen(of: int, count: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)

    # Of so many rows served five thousand are expected, or a third of few.
    share = min(5_000 / rows_after, 0.33)
    spread = math.sqrt(share * (1 - share) * rows_after * (1 + rows_after / 100_000))
    before, after = round(100_000 * share), round(rows_after * share + deviations * spread)
    total, rows = before + after, 100_000 + rows_after
    counts = range(max(total - 100_000, 0), min(total, rows_after) + 1)
    base = chosen(rows, rows_after)
    terms = [math.exp(chosen(total, k) + chosen(rows - total, rows_after - k) - base) for k in counts]
    here = after - counts[0]
    exact = min(2 * min(math.fsum(terms[: here + 1]), math.fsum(terms[here:])), 1.0)
    assert p_values.of_rates(before, 100_000, after, rows_after) == pytest.approx(exact, rel=1e-5)


def test_rates_of_millions_of_rows_are_quick_and_fair() -> None:
    assert p_values.of_rates(10**6, 10**8, 10**6 + 100, 10**8) > 0.5
    assert p_values.of_rates(10**6, 10**8, 1.1 * 10**6, 10**8) < 1e-100
    assert p_values.of_rates(3 * 10**6, 10**8, 2, 60) == pytest.approx(
        1.0, abs=0.6
    )  # 1.8 are expected, and 2 came
    assert p_values.of_rates(0, 0, 5, 10) == 1.0


def counted(random: np.random.Generator, size: int, shares: Array) -> Array:
    result: Array = random.multinomial(size, shares) / size
    return result


@pytest.mark.parametrize("size", [200, 500, 20_000])
@pytest.mark.parametrize("cells", [2, 10, 200])
def test_ordered_p_values_are_uniform_or_cautious_without_a_difference(size: int, cells: int) -> None:
    random, shares = np.random.default_rng(size + cells), np.full(cells, 1 / cells)
    observed = np.sort(
        [
            p_of_moved(counted(random, size, shares), counted(random, size, shares), size / 2)
            for _ in range(TRIALS)
        ]
    )
    for level in (0.01, 0.05, 0.2):
        # No more than three deviations over what the level says.
        assert np.mean(observed <= level) <= level + 3 * math.sqrt(level / TRIALS), level


@pytest.mark.parametrize("size", [200, 500, 20_000])
def test_category_p_values_are_uniform_or_cautious_without_a_difference(size: int) -> None:
    random = np.random.default_rng(size)
    shares = 1 / np.arange(1, 9)  # five rows at least are expected of each, as `differences.pooled` sees to
    shares /= shares.sum()
    for level in (0.01, 0.05, 0.2):
        observed = [
            p_values.of_categories(counted(random, 100 * size, shares), counted(random, size, shares), size)
            for _ in range(TRIALS // 2)
        ]
        assert np.mean(np.array(observed) <= level) <= level + 3 * math.sqrt(2 * level / TRIALS), level


def test_a_category_of_one_cell_cannot_differ() -> None:
    assert p_values.of_categories(np.array([1.0]), np.array([1.0]), 1000) == 1.0


def test_what_lies_where_training_has_nothing_counts_with_its_neighbour() -> None:
    expected, observed = np.array([0.0, 0.5, 0.5, 0.0]), np.array([0.5, 0.0, 0.0, 0.5])
    assert p_of_moved(expected, observed, 1000) < 1e-6  # by Kolmogorov's, as no component moved


def test_expected_variation_is_what_simulation_gives() -> None:
    random, shares = np.random.default_rng(7), np.array([0.5, 0.3, 0.1, 0.05, 0.05])
    variations = [np.abs(counted(random, 1000, shares) - shares).sum() / 2 for _ in range(TRIALS)]
    assert p_values.expected_variation(shares, 1000) == pytest.approx(np.mean(variations), rel=0.05)
    assert p_values.expected_variation(shares, 0) == 1.0


def test_benjamini_and_hochbergs_worked_example() -> None:
    # The fifteen p-values of their paper of 1995, section 3.2: at 0.05 the four smallest count.
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p_values += [0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert false_discovery.beyond(p_values, 0.05) == 0.0095
    assert false_discovery.beyond(p_values[::-1], 0.05) == 0.0095


def test_nothing_is_beyond_chance_where_nothing_was_measured() -> None:
    assert false_discovery.beyond([], 0.05) == 0.0
    assert false_discovery.beyond([0.9, 0.8], 0.05) == 0.0


def test_a_p_value_that_fails_alone_counts_beside_smaller_ones() -> None:
    assert false_discovery.beyond([0.04, 0.05], 0.05) == 0.05
    assert false_discovery.beyond([0.04, 0.9], 0.05) == 0.0


def test_effective_size_is_half_of_two_equal_samples_and_zero_without_one() -> None:
    assert p_values.effective_size(1000, 1000) == 500
    assert p_values.effective_size(10**9, 100) == pytest.approx(100, rel=1e-6)
    assert p_values.effective_size(0, 100) == 0.0


def test_tests_that_cannot_count_take_nothing_from_the_others() -> None:
    able: list[false_discovery.Attainable | None] = [None] * 10
    hopeless = [false_discovery.attainable(0, 1000, 1, 100), false_discovery.attainable(0, 1000, 0, 100)] * 30
    p_values = [0.001, *[0.5] * 9]
    assert false_discovery.Family(able).greatest(p_values, 0.011) == 0.001
    assert false_discovery.Family([*able, *hopeless]).greatest([*p_values, *[1.0] * 60], 0.011) == 0.001
    assert false_discovery.Family([*able, *[None] * 60]).greatest([*p_values, *[1.0] * 60], 0.011) == 0.0


@given(st.integers(0, 40), st.integers(50, 5000), st.integers(0, 40), st.integers(50, 5000))
def test_what_counts_can_give_is_what_the_exact_test_gives(
    before: int, rows_before: int, after: int, rows_after: int
) -> None:
    attainable = false_discovery.attainable(before, rows_before, after, rows_after)
    assert attainable is not None
    total = before + after
    given_ = [
        p_values.of_rates(total - count, rows_before, count, rows_after)
        for count in range(max(total - rows_before, 0), min(total, rows_after) + 1)
    ]
    # What is less likely than that never comes.
    known = sorted(p for p in given_ if 1e-20 < p <= 0.05)
    assert attainable.p_values[attainable.p_values > 1e-20] == pytest.approx(known, rel=1e-6)
    assert all(attainable.masses > 0)
    # The probability of a p-value so low is never over it: the test is one.
    assert np.all(np.cumsum(attainable.masses) <= attainable.p_values * (1 + 1e-6))


def test_a_family_of_counts_and_others_errs_as_seldom_as_it_says_and_not_much_less() -> None:
    random, rows = np.random.default_rng(11), (5000, 500)
    shares = [0.0002, 0.001, 0.003, 0.01] * 10
    errors = 0
    for _ in range(TRIALS):
        counts = [(int(random.binomial(rows[0], p)), int(random.binomial(rows[1], p))) for p in shares]
        all_p_values = [p_values.of_rates(a, rows[0], b, rows[1]) for a, b in counts] + random.random(
            5
        ).tolist()
        tests = [false_discovery.attainable(a, rows[0], b, rows[1]) for a, b in counts] + [None] * 5
        errors += false_discovery.Family(tests).greatest(all_p_values, 0.2) > 0
    assert 0.1 < errors / TRIALS < 0.2 + 3 * math.sqrt(0.2 / TRIALS)


def test_the_first_p_value_is_where_one_error_is_expected_as_often_as_the_rate_says() -> None:
    assert false_discovery.Family([None] * 20).first(0.004) == pytest.approx(0.0002)
    assert false_discovery.Family([None] * 20 + [false_discovery.attainable(0, 1000, 0, 1000)] * 50).first(
        0.004
    ) == pytest.approx(0.0002, rel=0.01)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=40), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_part_of_a_move_is_as_if_found_anew(weights: list[float], seed: int, part: float) -> None:
    expected = np.array(weights) / sum(weights)
    observed = counted(np.random.default_rng(seed), 300, expected)
    anew = p_of_moved(expected, expected + part * (observed - expected), 250)
    moved = numeric_tests.moved(expected, observed, 250)
    assert moved.p_value() <= moved.p_value(part) <= moved.p_value(0) == 1
    # A likelihood ratio is taken to be as much less than the sum of squares as it is for all of the way, and
    # for a part of it that is hardly ever too little (for two of 40,000 such shares, by 0.02 %).
    assert moved.p_value(part) >= anew * 0.999
    if not asks_likelihoods(expected, observed, 250):
        assert moved.p_value(part) == pytest.approx(anew, rel=1e-6)


def asks_likelihoods(expected: Array, observed: Array, size: float) -> bool:
    """Whether a sum of squares is so great that the likelihood ratio is asked."""
    scores, ranks = numeric_tests._of_cells(expected.tobytes())
    tests = [(observed - expected) @ columns for columns in (scores, ranks[:, :2], ranks)]
    return any(
        p_values.of_chi_squared(size * float(test @ test), len(test)) <= numeric_tests._LOOK
        for test in tests
        if len(test)
    )


RARE = {
    "zeros": np.array([0.995, *np.full(20, 0.005 / 20)]),
    "nearly constant": np.array([*np.full(20, 0.0001), 0.996, *np.full(20, 0.0001)]),
    "a tail": np.array([*np.full(50, 0.0196), *np.full(20, 0.001)]),
    "five": np.array([0.9, 0.09, 0.006, 0.003, 0.001]),
}


@pytest.mark.parametrize("name", RARE)
@pytest.mark.parametrize("size", [200, 2_000])
def test_ordered_p_values_hold_where_few_rows_are_expected(name: str, size: int) -> None:
    random, shares, trials = np.random.default_rng(size), RARE[name], 5 * TRIALS
    shares = shares / shares.sum()
    observed = np.array([p_of_moved(shares, counted(random, size, shares), size) for _ in range(trials)])
    for level in (0.001, 0.01):
        assert np.sum(observed <= level) <= trials * level + 3 * math.sqrt(trials * level), level


def test_a_moved_mean_is_told_as_surely_as_by_the_best_test_of_a_normal_number() -> None:
    bounds = [NormalDist().inv_cdf(k / 200) for k in range(1, 200)]

    def shares(mean: float) -> Array:
        below = [NormalDist(mean).cdf(bound) for bound in bounds]
        return np.diff([0.0, *below, 1.0])

    for moved in (0.1, 0.25, 0.5):
        best = p_values.of_normal(moved * math.sqrt(500))
        p_value = p_of_moved(shares(0), shares(moved), 500)
        # Beside the part of the error that location has, the cells lose little.
        assert best < p_value < 3 * best, moved
