"""Floors, power and the distance of cut lists, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.verdict.evidence import category_distance, noise_floor
from trueserve.transforms.verdict.evidence.power import least_visible
from trueserve.transforms.verdict.feature_stats import View

# A named tuple or None, to be compared with plain tuples.
largest_difference: Any = category_distance.largest_difference


def test_the_floor_of_a_divergence() -> None:
    # Wilson and Hilferty's quantile of chi-squared with 19 degrees is 44.014 at 99.9 % (scipy: 43.820).
    spread = 2 / (9 * 19)
    quantile = 19 * (1 - spread + 3.09023230617 * math.sqrt(spread)) ** 3
    assert quantile == pytest.approx(43.820, rel=0.005)
    floor = quantile * (1 / 1000 + 1 / 500) / (8 * math.log(2))
    assert noise_floor.jensen_shannon_floor(1000, 500) == pytest.approx(floor, rel=1e-9)
    assert noise_floor.jensen_shannon_floor(1000, 500, 20) == noise_floor.jensen_shannon_floor(1000, 500)
    one_degree = (1 - 2 / 9 + 3.09023230617 * math.sqrt(2 / 9)) ** 3 * 0.003 / (8 * math.log(2))
    assert noise_floor.jensen_shannon_floor(1000, 500, 1) == pytest.approx(one_degree, rel=1e-9)
    assert noise_floor.jensen_shannon_floor(1000, 500, 2) == pytest.approx(one_degree, rel=1e-9)


@pytest.mark.parametrize(("training", "serving"), [(1, 1), (0, 1), (1, 0), (0, 0)])
def test_no_floor_of_a_divergence_is_over_one(training: int, serving: int) -> None:
    assert noise_floor.jensen_shannon_floor(training, serving) == 1.0


def test_the_floor_of_the_largest_difference() -> None:
    # Three shares: NormalDist().inv_cdf(1 - 0.001 / 6) is 3.5879; the widest is 0.5 x 0.5.
    floor = 3.587915 * math.sqrt(0.25 * (1 / 1000 + 1 / 250))
    assert noise_floor.l_infinity_floor([0.5, 0.3, 0.2], 1000, 250) == pytest.approx(floor, rel=1e-4)
    one_share = 3.29053 * math.sqrt(0.16 * (1 / 1000 + 1 / 250))
    assert noise_floor.l_infinity_floor([0.2, 0.0, 1.0], 1000, 250) == pytest.approx(one_share, rel=1e-4)
    assert noise_floor.l_infinity_floor([0.5], 1, 1) == 1.0


@pytest.mark.parametrize("shares", [[], [0.0], [1.0, 0.0]])
def test_nothing_can_differ_without_two_values(shares: list[float]) -> None:
    assert noise_floor.l_infinity_floor(shares, 1000, 250) == 0.0


def test_the_floor_of_a_range() -> None:
    # ln 0.001 / ln(500 / 1500) is 6.288 values; twice as many may lie beyond either end.
    assert noise_floor.range_floor(1000, 500) == pytest.approx(2 * 6.28771 / 500, rel=1e-5)
    assert noise_floor.range_floor(0, 1) == 1.0
    assert noise_floor.range_floor(0, 100) == 1.0
    assert noise_floor.range_floor(1000, 0) == 1.0
    assert noise_floor.range_floor(1, 1000) == noise_floor.range_floor(0, 1000)


def test_the_least_change_that_so_many_rows_show() -> None:
    # (1.959964 + 1.281552) / 2 deviations of one half.
    assert least_visible(400, 0.05) == pytest.approx(3.241516 * 0.5 / 20, rel=1e-6)
    assert least_visible(100, 0.05) == pytest.approx(3.241516 * 0.5 / 10, rel=1e-6)
    assert least_visible(1, 0.05) == 1.0
    assert least_visible(1, 0.9999) == pytest.approx((0.00012533 + 1.281552) / 2, rel=1e-6)


@pytest.mark.parametrize(("size", "p_limit"), [(0, 0.05), (-1, 0.05), (400, 0.0), (400, 1.0), (400, 1.5)])
def test_no_rows_or_no_limit_show_nothing(size: float, p_limit: float) -> None:
    assert least_visible(size, p_limit) == 1.0


def category(counts: dict[str, float], unique: int | None = None) -> View:
    proto = statistics_pb2.FeatureNameStatistics(name="x", type=statistics_pb2.FeatureNameStatistics.STRING)
    strings = proto.string_stats
    strings.unique = len(counts) if unique is None else unique
    rows = int(sum(counts.values())) if unique is None else 100
    strings.common_stats.num_non_missing = strings.common_stats.tot_num_values = rows
    for value, count in counts.items():
        strings.rank_histogram.buckets.add(label=value, sample_count=count)
    return View(proto, rows)


def test_the_largest_difference_of_whole_lists() -> None:
    training, serving = category({"a": 60, "b": 40}), category({"a": 50, "c": 50})
    assert largest_difference(training, serving) == ("c", 0.5)
    assert largest_difference(serving, training) == ("c", 0.5)
    assert not category_distance.is_cut(training, serving)


def test_of_equal_differences_the_first_by_name_is_taken() -> None:
    assert largest_difference(category({"b": 60, "a": 40}), category({"b": 40, "a": 60})) == (
        "a",
        pytest.approx(0.2),
    )


def test_a_value_that_was_not_kept_may_have_come_as_often_as_the_rarest_kept() -> None:
    # Of training's 100 values 20 were not kept, each at most 30 times: 0.5 of serving is 0.2 more at least.
    training, serving = category({"a": 50, "b": 30}, unique=5), category({"a": 50, "c": 50})
    assert category_distance.is_cut(training, serving)
    assert category_distance.is_cut(serving, training)
    assert largest_difference(training, serving) == ("b", pytest.approx(0.3))
    assert largest_difference(serving, training) == ("b", pytest.approx(0.3))
    assert largest_difference(training, category({"a": 50, "b": 30, "c": 20})) == ("a", 0.0)


def test_what_was_not_kept_is_taken_off() -> None:
    # The rarest that training kept is a tenth of its 100 values.
    training, serving = category({"a": 80, "b": 10}, unique=5), category({"a": 50, "c": 50})
    assert largest_difference(training, serving) == ("c", pytest.approx(0.4))
    assert largest_difference(serving, training) == ("c", pytest.approx(0.4))


def test_without_values_there_is_no_difference() -> None:
    assert largest_difference(category({}), category({})) is None
    assert largest_difference(category({}), category({"a": 5})) == ("a", 1.0)
    assert largest_difference(category({"a": 5}), category({})) == ("a", 1.0)
