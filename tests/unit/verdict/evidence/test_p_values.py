"""p-values against literal figures: scipy's where it has the distribution, else the formula's own by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trueserve.transforms.verdict.evidence import p_values


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
        (10.0, 3, 0.0185661354630),
        (40.0, 22, 0.0108117188267),
        (25.0, 21, 0.247164078923),
        (2.0, 3, 0.572406704471),
    ],
)
def test_chi_squared_is_exact(value: float, freedom: int, p_value: float) -> None:
    assert p_values.of_chi_squared(value, freedom) == pytest.approx(p_value, rel=1e-10)


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
