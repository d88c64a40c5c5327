"""What chance makes of distribution functions in few cells, against draws of such values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trueserve.transforms.verdict.variation import bridge


@pytest.mark.parametrize(
    "shares", [[0.95, 0.05], [0.6, 0.1, 0.1, 0.1, 0.1], [0.02] * 50, [0.0, 0.9, 0.05, 0.05]]
)
def test_it_is_the_mean_square_of_draws(shares: list[float]) -> None:
    rows, expected = 1000, np.array(shares) / sum(shares)
    counts = np.random.default_rng(3).multinomial(rows, expected, 4000)
    far = np.abs(np.cumsum(counts / rows - expected, 1)).max(1)
    assert bridge.mean_square(expected) == pytest.approx(float((far**2).mean()) * rows, rel=0.12)


def test_of_two_cells_it_is_the_variance_and_of_very_many_kolmogorovs() -> None:
    assert bridge.mean_square(np.array([0.7, 0.3])) == pytest.approx(0.21, rel=0.12)
    assert bridge.mean_square(np.full(2000, 1 / 2000)) == pytest.approx(math.pi**2 / 12, rel=0.12)
    assert bridge.mean_square(np.array([1.0])) == pytest.approx(0.0, abs=1e-20)
    assert bridge.mean_square(np.array([0.7, 0.3])) == bridge.mean_square(np.array([0.7, 0.3]))
