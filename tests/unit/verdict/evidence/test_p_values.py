"""p-values against literal figures: scipy's where it has the distribution, else the formula's own by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from transforms.verdict.evidence import p_values


@pytest.mark.parametrize(
    ("training", "serving", "size"),
    [(100, 100, 50), (300, 100, 75), (1, 1, 0.5), (0, 100, 0), (100, 0, 0), (0.5, 0.5, 0.25), (0, 0, 0)],
)
def test_the_effective_size_is_nm_by_n_plus_m(training: float, serving: float, size: float) -> None:
    assert p_values.effective_size(training, serving) == size


@pytest.mark.parametrize(
    ("scaled", "p_value"),
    # scipy.special.kolmogorov
    [
        (0.1999, 1.0),
        (0.3, 0.999990694199),
        (0.4, 0.997192326777),
        (0.5, 0.963945243665),
        (1.0, 0.269999671677),
        (2.0, 6.70925255780e-4),
        (3.0, 3.04599594894e-8),
    ],
)
def test_kolmogorovs_tail(scaled: float, p_value: float) -> None:
    assert p_values.of_kolmogorov(scaled / 10, 100) == pytest.approx(p_value, rel=1e-10)
    assert p_values.of_kolmogorov(scaled / 5, 25) == pytest.approx(p_value, rel=1e-10)


def test_kolmogorovs_tail_is_never_over_one() -> None:
    assert p_values.of_kolmogorov(0.0, 100) == 1.0
    assert all(p_values.of_kolmogorov(scaled / 100, 100) <= 1.0 for scaled in np.arange(0.0, 4.0, 0.125))


@pytest.mark.parametrize(
    ("deviations", "p_value"), [(0.0, 1.0), (1.0, 0.317310507863), (-2.0, 0.045500263896)]
)
def test_both_tails_of_a_normal_variable(deviations: float, p_value: float) -> None:
    assert p_values.of_normal(deviations) == pytest.approx(p_value, rel=1e-10)


@pytest.mark.parametrize(
    ("value", "freedom", "p_value"),
    # scipy.stats.chi2.sf
    [
        (4.0, 1, 0.0455002638964),
        (0.5, 2, 0.778800783071),
        (3.0, 2, 0.223130160148),
        (3.5, 4, 0.477878344489),
        (9.0, 6, 0.173578070915),
        (30.0, 20, 0.0698536606994),
        (0.01, 1, 0.920344325446),
    ],
)
def test_chi_squared_of_one_degree_and_of_even_numbers_is_exact(
    value: float, freedom: int, p_value: float
) -> None:
    assert p_values.of_chi_squared(value, freedom) == pytest.approx(p_value, rel=1e-10)


@pytest.mark.parametrize(
    ("value", "freedom", "exact", "approximate"),
    [
        (10.0, 3, 0.0185661354630, 0.0184662978803),
        (40.0, 22, 0.0108117188267, 0.0108758954816),
        (25.0, 21, 0.247164078923, 0.246804949698),
        (2.0, 3, 0.572406704471, 0.576257946078),
    ],
)
def test_chi_squared_of_other_degrees_is_wilson_and_hilfertys(
    value: float, freedom: int, exact: float, approximate: float
) -> None:
    p_value = p_values.of_chi_squared(value, freedom)
    assert p_value == pytest.approx(exact, rel=0.01)
    assert p_value == pytest.approx(approximate, rel=1e-9)


@pytest.mark.parametrize(("value", "freedom"), [(0.0, 1), (-1.0, 4), (5.0, 0), (5.0, -1)])
def test_chi_squared_of_nothing_is_certain(value: float, freedom: int) -> None:
    assert p_values.of_chi_squared(value, freedom) == 1.0


@pytest.mark.parametrize(
    ("before", "rows_before", "after", "rows_after", "p_value"),
    # Twice the lesser tail of scipy.stats.hypergeom.
    [
        (5, 100, 15, 100, 0.0317200390863),
        (15, 100, 5, 100, 0.0317200390863),
        (0, 50, 3, 20, 0.0416514431860),
        (3, 7, 7, 7, 0.0699300699301),
        (10, 100, 0, 100, 0.00154205212544),
        (900, 1000, 60, 100, 4.67479246276e-13),
        (27, 100, 25, 100, 0.872048915852),
        (1, 10, 0, 20, 2 / 3),
        (1, 1, 0, 20, 2 / 21),
        (0, 20, 1, 1, 2 / 21),
        (4.6, 100.4, 15.2, 99.6, 0.0317200390863),
    ],
)
def test_rates_are_fishers_exact_test(
    before: float, rows_before: float, after: float, rows_after: float, p_value: float
) -> None:
    assert p_values.of_rates(before, rows_before, after, rows_after) == pytest.approx(p_value, rel=1e-9)


@pytest.mark.parametrize(
    "counts",
    [
        (0, 10, 0, 10),
        (10, 10, 10, 10),
        (5, 10, 5, 10),
        (3, 0, 1, 5),
        (3, 5, 1, 0),
        (1, 1, 1, 1),
        (0, 1, 1, 1),
    ],
)
def test_rates_that_do_not_differ_or_are_of_no_rows_are_certain(counts: tuple[int, int, int, int]) -> None:
    assert p_values.of_rates(*counts) == 1.0


def test_a_count_beyond_its_rows_is_all_of_them() -> None:
    assert p_values.of_rates(0, 50, 25, 20) == p_values.of_rates(0, 50, 20, 20)
    assert p_values.margins(60, 50, 25, 20) == (70, 50, 20)
    assert p_values.margins(3.4, 49.6, 2.6, 20.4) == (6, 50, 20)


@pytest.mark.parametrize(
    ("counts", "p_value"),
    # Twice the lesser tail of scipy.stats.hypergeom; all are over 30 deviations wide.
    [
        ((20_000, 100_000, 21_000, 100_000), 3.1374579635e-8),
        ((20_000, 100_000, 19_000, 100_000), 1.7166145816e-8),
        ((20_000, 100_000, 20_600, 100_000), 8.6855027906e-4),
        ((100_000, 1_000_000, 10_500, 100_000), 6.3201541308e-7),
    ],
)
def test_a_tail_of_many_counts_is_that_of_the_sum(counts: tuple[int, int, int, int], p_value: float) -> None:
    assert p_values.of_rates(*counts) == pytest.approx(p_value, rel=2e-7)


@pytest.mark.parametrize("counts", [(20_000, 100_000, 20_000, 100_000), (20_000, 100_000, 20_001, 100_000)])
def test_a_tail_of_many_counts_at_their_mean_is_half_of_all(counts: tuple[int, int, int, int]) -> None:
    assert p_values.of_rates(*counts) == pytest.approx(1.0, abs=0.01)


def test_hypergeometric_probabilities() -> None:
    # scipy.stats.hypergeom.pmf([1, 2, 3], 20, 7, 5)
    expected = [0.322819917441, 0.387383900929, 0.176083591331]
    counts = np.array([1, 2, 3])
    assert p_values.hypergeometric(np.array([1, 2, 3]), 7, 5, 20).tolist() == pytest.approx(
        expected, rel=1e-9
    )
    assert len(p_values.hypergeometric(counts, 7, 5, 20)) == 3


def shares(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values)


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
    # Pearson: 200 * 6 * 0.05**2 * 6 = 18; the ratio is 18.66. Wilson and Hilferty's tail, of five degrees.
    expected, observed = np.full(6, 1 / 6), 1 / 6 + np.array([0.05, -0.05] * 3)
    deviations = ((18 / 5) ** (1 / 3) - (1 - 2 / 45)) / math.sqrt(2 / 45)
    p_value = p_values.of_categories(expected, observed, 200)
    assert p_value == pytest.approx(1.5 * math.erfc(deviations / math.sqrt(2)) / 2, rel=1e-6)


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


def test_floors_of_kolmogorov() -> None:
    # sqrt(ln(2000) / 2n)
    assert p_values.floor_of_kolmogorov(1000) == pytest.approx(0.0616476, rel=1e-5)
    assert p_values.floors_of_kolmogorov(np.array([1000.0, 4000.0])).tolist() == pytest.approx(
        [0.0616476, 0.0308238], rel=1e-5
    )
    assert p_values.floor_of_kolmogorov(0) == p_values.floor_of_kolmogorov(1) == 1.0


def test_high_chi_squared_is_near_the_tables() -> None:
    # scipy.stats.chi2.isf(0.001, [1, 5, 20]) is 10.828, 20.515, 45.315.
    highs = [p_values.high_chi_squared(freedom) for freedom in (1, 5, 20)]
    assert highs == pytest.approx([10.828, 20.515, 45.315], rel=0.04)
    assert highs == pytest.approx([11.1572450034, 20.7512842547, 45.4400295341], rel=1e-9)
    assert p_values.high_chi_squared(0) == highs[0]


def test_floor_of_variation() -> None:
    expected = shares(0.5, 0.3, 0.2)
    highest = math.sqrt(p_values.high_chi_squared(2) / 500) / 2
    floor = math.sqrt(highest**2 - p_values.expected_variation(expected, 500) ** 2)
    assert p_values.floor_of_variation(expected, 500) == pytest.approx(floor)
    assert p_values.floor_of_variation(expected, 0.01) == 1.0
    assert p_values.floor_of_variation(expected, 0) == 1.0
    assert p_values.floor_of_variation(shares(1.0), 500) == 1.0
    assert p_values.floor_of_variation(shares(0.5, 0.5), 500) < 0.1


@pytest.mark.parametrize(
    ("share", "size", "floor"), [(0.0, 1000, 0.0107081), (0.5, 1000, 0.0570943), (0.2, 100, 0.1772309)]
)
def test_floor_of_a_share_is_wilsons_interval(share: float, size: float, floor: float) -> None:
    assert p_values.floor_of_share(share, size) == pytest.approx(floor, rel=1e-4)


def test_floor_of_a_share_of_no_rows_is_everything() -> None:
    assert p_values.floor_of_share(0.5, 0) == 1.0
