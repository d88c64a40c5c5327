"""The least change that so many rows show, by the normal distribution's tables."""

from __future__ import annotations

import pytest

from trueserve.transforms.verdict.evidence import power


@pytest.mark.parametrize(
    ("size", "p_limit", "least"),
    # (z of 0.975 + z of 0.9) x 0.5 / sqrt(size): 1.959964 + 1.281552.
    [(100, 0.05, 0.162076), (400, 0.05, 0.081038), (100, 0.005, 0.204429), (10, 0.05, 0.512529)],
)
def test_the_least_visible_change(size: float, p_limit: float, least: float) -> None:
    assert power.least_visible(size, p_limit) == pytest.approx(least, abs=2e-6)


@pytest.mark.parametrize(
    ("size", "p_limit"), [(0, 0.05), (-1, 0.05), (100, 0), (100, 1), (100, 1.5), (1, 0.005), (1, 0.05)]
)
def test_nothing_is_seen_of_few_rows_or_where_nothing_counts(size: float, p_limit: float) -> None:
    assert power.least_visible(size, p_limit) == 1.0


def test_a_fraction_of_a_row_and_a_lenient_limit_count() -> None:
    assert power.least_visible(4, 0.999) == pytest.approx(0.25 * (1.281552 + 0.001253), abs=1e-5)
