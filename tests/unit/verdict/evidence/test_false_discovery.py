"""Which of many p-values count: literal families, and the p-values that few counts can give."""

from __future__ import annotations

import numpy as np
import pytest

from trueserve.transforms.verdict.evidence.rates import false_discovery
from trueserve.transforms.verdict.evidence.rates.false_discovery import Attainable, Family, attainable, beyond

NOTHING: tuple[list[float], list[float]] = ([], [])


def of_two(p_values: list[float], masses: list[float]) -> Attainable:
    return Attainable(np.array(p_values), np.array(masses))


def test_counts_that_few_rows_can_give() -> None:
    # 6 of 6 + 6 rows are marked. scipy.stats.hypergeom.pmf([0, 1, 5, 6], 12, 6, 6): 1 / 924 and 36 / 924.
    result = attainable(3, 6, 3, 6)
    assert result is not None
    assert result.p_values.tolist() == pytest.approx([2 / 924, 2 / 924])
    assert result.masses.tolist() == pytest.approx([1 / 924, 1 / 924])


def test_counts_of_unequal_samples_ascend() -> None:
    # 5 of 50 + 10 are marked: scipy.stats.hypergeom.sf([2, 3, 4], 60, 5, 10), twice.
    result = attainable(5, 50, 0, 10)
    assert result is not None
    assert result.p_values.tolist() == pytest.approx([9.22821e-5, 0.00393737], rel=1e-4)
    assert result.masses.tolist() == pytest.approx([4.61411e-5, 0.00192254], rel=1e-4)


@pytest.mark.parametrize("counts", [(0, 10, 0, 10), (10, 10, 10, 10), (1, 0, 2, 5), (1, 5, 2, 0)])
def test_counts_that_can_give_nothing(counts: tuple[int, int, int, int]) -> None:
    result = attainable(*counts)
    assert result is not None
    assert (result.p_values.tolist(), result.masses.tolist()) == NOTHING


def test_many_counts_can_give_any_p_value() -> None:
    # The deviation is sqrt(n / 8) of 50 % in two samples of n rows: 10 is reached at 800.
    assert attainable(390, 780, 390, 780) is not None
    assert attainable(420, 840, 420, 840) is None


def test_every_p_value_known_is_at_most_a_twentieth_and_all_are_there() -> None:
    # 2 * scipy.stats.hypergeom.cdf(4, 32, 16, 16) is 0.0121, and of 5 it is 0.0756.
    result = attainable(8, 16, 8, 16)
    assert result is not None
    assert len(result.p_values) == 10
    assert max(result.p_values) == pytest.approx(0.0121137, rel=1e-5)


def test_what_is_expected_of_tests_that_can_give_any_p_value() -> None:
    assert Family([None] * 4).expected(np.array([0.01, 0.5])).tolist() == pytest.approx([0.04, 2.0])
    assert Family([]).expected(np.array([0.01])).tolist() == [0.0]


def test_what_is_expected_of_counts_is_their_mass_up_to_there() -> None:
    family = Family([of_two([0.002, 0.03], [0.001, 0.02]), of_two([0.01], [0.008]), None])
    expected = family.expected(np.array([0.001, 0.002, 0.009, 0.01, 0.03, 0.05, 0.2]))
    assert expected.tolist() == pytest.approx([0.001, 0.003, 0.01, 0.019, 0.059, 0.079, 0.6])


def test_p_values_that_differ_by_rounding_are_one() -> None:
    family = Family([of_two([0.002], [0.001])])
    assert family.expected(np.array([0.002 / 1.0009, 0.002 / 1.0011])).tolist() == [0.001, 0.0]


@pytest.mark.parametrize(
    ("p_values", "rate", "greatest"),
    [
        ([0.01, 0.02, 0.03, 0.04], 0.04, 0.04),
        ([0.01, 0.021, 0.031, 0.041], 0.04, 0.01),
        ([0.011, 0.021, 0.031, 0.041], 0.04, 0.0),
        ([0.5, 0.6], 1.0, 0.6),
        ([], 0.05, 0.0),
        ([0.05], 0.05, 0.05),
    ],
)
def test_benjamini_and_hochbergs_rule(p_values: list[float], rate: float, greatest: float) -> None:
    assert beyond(p_values, rate) == greatest


def test_with_counts_the_rate_is_less() -> None:
    # 0.2 x 0.8 is allowed, and 4 x 0.04 is that.
    alone, with_count = Family([None] * 4), Family([None] * 4 + [of_two([], [])])
    assert with_count.greatest([0.0399, 1, 1, 1, 1], 0.2) == 0.0399
    assert with_count.greatest([0.0401, 1, 1, 1, 1], 0.2) == 0.0
    assert alone.greatest([0.0401, 1, 1, 1], 0.2) == 0.0401


def test_the_first_that_counts_alone() -> None:
    assert Family([None] * 4).first(0.04) == pytest.approx(0.01)
    assert Family([None] * 4 + [of_two([], [])]).first(0.2) == pytest.approx(0.04)
    assert Family([of_two([0.01], [0.5])]).first(0.04) == pytest.approx(0.01 / false_discovery._ALIKE)
    assert Family([]).first(0.04) == pytest.approx(0.04)
