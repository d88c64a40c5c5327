"""p-values of shares in cells, by the chi-squared statistic and the likelihood ratio."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.evidence import shares

from trueserve.transforms.verdict.evidence import p_values


def test_two_cells_are_one_chi_squared_of_one_degree() -> None:
    # Pearson: 100 * (0.1**2 / 0.5 + 0.1**2 / 0.5) = 4; the likelihood ratio is 4.027.
    p_value = p_values.of_categories(shares(0.5, 0.5), shares(0.6, 0.4), 100)
    assert p_value == pytest.approx(0.0455002638964, rel=1e-9)


def test_the_likelihood_ratio_counts_where_it_is_less() -> None:
    # Pearson: 100 * (0.09**2 / 0.01 + 0.09**2 / 0.99) = 81.82; the ratio 2 * 100 * 0.14448 = 28.896.
    ratio = 200 * (0.1 * math.log(10) + 0.9 * math.log(0.9 / 0.99))
    p_value = p_values.of_categories(shares(0.99, 0.01), shares(0.9, 0.1), 100)
    assert p_value == pytest.approx(math.erfc(math.sqrt(ratio / 2)), rel=1e-9)


def test_a_cell_that_came_no_more_has_no_part_in_the_likelihood_ratio() -> None:
    # Pearson is 100 * (0.5 + 0.5), the ratio 200 * ln 2.
    p_value = p_values.of_categories(shares(0.5, 0.5), shares(1.0, 0.0), 100)
    assert p_value == pytest.approx(math.erfc(math.sqrt(100 / 2)), rel=1e-9)


def test_three_cells_are_the_lesser_of_all_together_and_the_most_moved_one() -> None:
    # All: 100 * (0.2**2 / 0.4 + 2 * 0.1**2 / 0.3) = 16.67 of two degrees; the ratio is less.
    expected, observed = shares(0.4, 0.3, 0.3), shares(0.6, 0.2, 0.2)
    ratio = 200 * (0.6 * math.log(1.5) + 0.4 * math.log(2 / 3))
    of_all = math.exp(-min(ratio, 16.6666667) / 2)
    of_one = 3 * math.erfc(0.2 / math.sqrt(0.4 * 0.6 / 100) / math.sqrt(2))
    assert p_values.of_categories(expected, observed, 100) == pytest.approx(
        1.5 * min(of_all, of_one), rel=1e-6
    )


def test_many_cells_of_which_one_moved_are_found_by_that_one() -> None:
    expected = shares(0.3, *[0.07] * 10)
    observed = shares(0.42, *[0.058] * 10)
    deviations = 0.12 / math.sqrt(0.3 * 0.7 / 200)
    of_one = 11 * math.erfc(deviations / math.sqrt(2))
    assert p_values.of_categories(expected, observed, 200) == pytest.approx(1.5 * of_one, rel=1e-9)


def test_many_cells_that_moved_a_little_are_found_together() -> None:
    # Pearson: 200 * 6 * 0.05**2 * 6 = 18; the ratio is 18.66. Of five degrees of freedom.
    expected, observed = np.full(6, 1 / 6), 1 / 6 + np.array([0.05, -0.05] * 3)
    tail = 0.00294640458788  # scipy.stats.chi2.sf(18, 5)
    assert p_values.of_categories(expected, observed, 200) == pytest.approx(1.5 * tail, rel=1e-6)


def test_of_three_cells_an_empty_one_has_no_part_in_the_ratio() -> None:
    # Pearson: 100 * (0.05**2 / 0.9 + 0.1**2 / 0.05 + 0.05**2 / 0.05) = 25.3; the ratio is 23.24.
    ratio = 200 * (0.85 * math.log(0.85 / 0.9) + 0.15 * math.log(3))
    p_value = p_values.of_categories(shares(0.9, 0.05, 0.05), shares(0.85, 0.15, 0.0), 100)
    assert p_value == pytest.approx(1.5 * math.exp(-ratio / 2), rel=1e-6)


def test_a_small_difference_of_three_cells() -> None:
    # Pearson: 100 * (0.08**2 / 0.4 + 2 * 0.04**2 / 0.3) = 2.667, of two degrees; the ratio is 2.64.
    ratio = 200 * (0.48 * math.log(1.2) + 0.52 * math.log(0.26 / 0.3))
    p_value = p_values.of_categories(shares(0.4, 0.3, 0.3), shares(0.48, 0.26, 0.26), 100)
    assert p_value == pytest.approx(1.5 * math.exp(-ratio / 2), rel=1e-6)


def test_equal_shares_and_a_single_cell_are_certain() -> None:
    assert p_values.of_categories(shares(0.2, 0.3, 0.5), shares(0.2, 0.3, 0.5), 1000) == 1.0
    assert p_values.of_categories(shares(1.0), shares(1.0), 1000) == 1.0


def test_deviations_of_common_shares_are_normal_and_of_rare_ones_skewed() -> None:
    expected = shares(0.5, 0.25, 0.2, 0.05)
    observed = shares(0.4, 0.35, 0.2, 0.05)
    deviations = p_values._deviations(expected, observed, 100)
    assert deviations[0] == pytest.approx(0.1 / 0.05)
    assert deviations[1] == pytest.approx(0.1 / math.sqrt(0.25 * 0.75 / 100))
    assert deviations[2:].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("observed", "deviations"),
    # Wilson and Hilferty: 3 sqrt(n) |cbrt(mean / n) - 1 + 1 / 9n|, of n or n + 1 rows.
    [(0.12, 2.515), (0.01, 1.938), (0.05, 0.0)],
)
def test_deviations_of_a_rare_share(observed: float, deviations: float) -> None:
    size, expected = 100.0, 0.05
    result = p_values._deviations(shares(expected, 1 - expected), shares(observed, 1 - observed), size)
    count = observed * size + (observed <= expected)
    ratio = (expected * size / count) ** (1 / 3) - 1 + 1 / (9 * count)
    skewed = 3 * math.sqrt(count) * abs(ratio) if observed != expected else 0.0
    plain = abs(observed - expected) / math.sqrt(expected * (1 - expected) / size)
    assert result[0] == pytest.approx(min(plain, skewed), rel=1e-9)
    assert result[0] == pytest.approx(deviations, abs=0.3)


def test_a_cell_of_everything_has_no_deviation() -> None:
    assert p_values._deviations(shares(1.0), shares(1.0), 100).tolist() == [0.0]


def test_expected_variation_of_two_equal_cells() -> None:
    # Each share has a mean absolute deviation of sqrt(2 * 0.25 / (100 pi)); half of both together.
    assert p_values.expected_variation(shares(0.5, 0.5), 100) == pytest.approx(0.0398942280401)
    assert p_values.expected_variation(shares(0.1, 0.9), 50) == pytest.approx(0.0338513750128)
    assert p_values.expected_variation(shares(0.5, 0.5), 0) == 1.0


@pytest.mark.parametrize(("distance", "noise", "beyond"), [(0.5, 0.3, 0.4), (0.3, 0.5, 0.0), (0.2, 0.0, 0.2)])
def test_beyond_noise_squares_are_taken_off(distance: float, noise: float, beyond: float) -> None:
    assert p_values.beyond_noise(distance, noise) == pytest.approx(beyond)


def test_of_three_cells_the_lesser_of_two_tests_counts_one_and_a_half_times() -> None:
    expected, observed = shares(0.5, 0.3, 0.2), shares(0.46, 0.32, 0.22)
    pearsons = 500 * float(np.sum((observed - expected) ** 2 / expected))
    ratio = 1000 * float(np.sum(observed * np.log(observed / expected)))
    alone = p_values.of_chi_squared(min(pearsons, ratio), 2)
    assert p_values.of_categories(expected, observed, 500) == pytest.approx(1.5 * alone)
    assert p_values.of_categories(expected, expected, 500) == 1.0
