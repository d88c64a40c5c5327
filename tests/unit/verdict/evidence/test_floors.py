"""How far samples of one distribution lie apart: the floors of each distance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.evidence import shares

from trueserve.transforms.verdict.evidence import p_values


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
