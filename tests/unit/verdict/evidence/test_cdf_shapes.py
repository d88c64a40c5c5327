"""Distribution functions of odd shapes against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from support.evidence import SHAPES, view

from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence.cdf import Cdf


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
