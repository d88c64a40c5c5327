"""Differences of numbers: no alarm without a cause, and power for one."""

from __future__ import annotations

import numpy as np
import pytest
from support.evidence import Array, by_metric, view
from support.verdict import statistics

from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence import two_sample
from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV, FeatureDifference
from trueserve.transforms.verdict.feature_stats import View, views_by_feature


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
