"""Distribution functions of literal points: steps, ends, quantiles, and what TFDV's histograms tell."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.custom_stats import POINTS, packed_points
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.feature_stats import View

# Up to 1: 0.1 in a step; 2 has 0.2; at 5 a step from 0.2 to 0.7; 7 is the end.
STEPS = Cdf(np.array([1.0, 1.0, 2.0, 5.0, 5.0, 7.0]), np.array([0.0, 0.1, 0.2, 0.2, 0.7, 1.0]))
LINE = Cdf(np.array([0.0, 10.0]), np.array([0.0, 1.0]))


def at(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values)


def test_shares_up_to_and_under() -> None:
    points = at(0.0, 1.0, 1.5, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0)
    assert STEPS.up_to(points) == pytest.approx([0, 0.1, 0.15, 0.2, 0.2, 0.7, 0.85, 1, 1])
    assert STEPS.under(points) == pytest.approx([0, 0, 0.15, 0.2, 0.2, 0.2, 0.85, 1, 1])
    assert LINE.up_to(at(0.0, 2.5, 10.0)) == pytest.approx([0, 0.25, 1])


def test_quantiles_are_the_least_values_with_the_share() -> None:
    shares = at(0.0, 0.05, 0.1, 0.15, 0.2, 0.45, 0.7, 0.85, 1.0)
    assert STEPS.quantiles(shares) == pytest.approx([1, 1, 1, 1.5, 2, 5, 5, 6, 7])
    assert STEPS.quantile(0.15) == pytest.approx(1.5)
    assert LINE.quantiles(at(-0.5, 0.25, 1.5)) == pytest.approx([0, 2.5, 10])


def test_a_step_at_the_first_point_has_all_shares_below_it() -> None:
    assert Cdf(at(3.0, 3.0, 4.0), at(0.0, 0.5, 1.0)).quantiles(at(0.0, 0.25, 0.5, 0.75)) == pytest.approx(
        [3, 3, 3, 3.5]
    )


def test_bounds_of_a_function_that_is_known_are_the_function() -> None:
    least, most = STEPS.bounds(at(1.0, 1.5, 5.0))
    assert least.tolist() == most.tolist() == pytest.approx([0.1, 0.15, 0.7])


def test_bounds_of_a_loose_function_are_its_neighbours() -> None:
    loose = Cdf(at(1.0, 2.0, 4.0), at(0.1, 0.5, 1.0), is_loose=True)
    least, most = loose.bounds(at(0.5, 1.0, 3.0, 4.0, 5.0))
    assert least.tolist() == [0.0, 0.1, 0.5, 1.0, 1.0]
    assert most.tolist() == [0.1, 0.5, 1.0, 1.0, 1.0]


def test_points_are_told_once_with_shares_on_either_side() -> None:
    points, under, up_to = STEPS.at_points
    assert points.tolist() == [1, 2, 5, 7]
    assert under == pytest.approx([0, 0.2, 0.2, 1.0])
    assert up_to == pytest.approx([0.1, 0.2, 0.7, 1.0])


def test_a_first_point_without_a_step_begins_at_zero_unless_it_is_loose() -> None:
    known = Cdf(at(1.0, 2.0), at(0.3, 1.0))
    assert known.at_points[1].tolist() == [0.0, 1.0]
    loose = Cdf(at(1.0, 2.0), at(0.3, 1.0), is_loose=True)
    assert loose.at_points[1].tolist() == [0.3, 1.0]
    assert Cdf(at(1.0, 1.0, 2.0), at(0.2, 0.3, 1.0)).at_points[1].tolist() == [0.2, 1.0]


def test_the_commonest_value_is_the_largest_step() -> None:
    assert STEPS.commonest == pytest.approx((5.0, 0.5))
    assert LINE.commonest == (0.0, 0.0)
    assert STEPS.steps.tolist() == [1.0, 5.0]
    assert LINE.steps.tolist() == []
    first = Cdf(at(-0.0, -0.0, 3.0), at(0.0, 0.6, 1.0)).commonest
    assert first == pytest.approx((0.0, 0.6))
    assert not np.signbit(first[0])


def test_shares_at_a_value() -> None:
    assert [STEPS.share_at(value) for value in (0.0, 1.0, 2.0, 5.0, 6.0)] == pytest.approx(
        [0, 0.1, 0, 0.5, 0]
    )


def test_without_a_value_the_others_are_all() -> None:
    rest = STEPS.without(5.0)
    assert rest is not None
    assert rest.up_to(at(1.0, 2.0, 5.0, 6.0, 7.0)) == pytest.approx([0.2, 0.4, 0.4, 0.7, 1])
    assert rest.share_at(5.0) == 0
    first = STEPS.without(1.0)
    assert first is not None
    assert first.up_to(at(1.0, 2.0, 5.0)) == pytest.approx([0, 0.1 / 0.9, 0.6 / 0.9])
    assert STEPS.without(3.0) is STEPS
    nearly = Cdf(at(1.0, 1.0, 2.0), at(0.0, 1 - 1e-10, 1.0))
    assert nearly.without(1.0) is None
    less = Cdf(at(1.0, 1.0, 2.0), at(0.0, 1 - 1e-8, 1.0))
    assert less.without(1.0) is not None


def test_what_lies_beside_steps_may_bend_towards_what_is_wanted() -> None:
    # Between 2 and 5 nothing is known but that 0.2 lies on both sides; between 5 and 7, from 0.7 to 1.
    under, up_to = STEPS.nearest(at(1.5, 6.0, 6.0), at(0.0, 0.9, 2.0), at(0.5, 0.75, -1.0))
    assert under == pytest.approx([0.1, 0.9, 1.0])
    assert up_to == pytest.approx([0.2, 0.75, 0.7])


def test_at_points_and_on_straight_lines_nothing_bends() -> None:
    curve = Cdf(at(0.0, 1.0, 2.0, 3.0, 4.0), at(0.0, 0.2, 0.5, 0.8, 1.0))
    points = at(0.5, 1.0, 1.5, 3.5)
    under, up_to = curve.nearest(points, np.zeros(4), np.ones(4))
    assert under == pytest.approx([0.0, 0.2, 0.35, 0.8])
    assert up_to == pytest.approx([0.2, 0.2, 0.35, 1.0])
    under, up_to = STEPS.nearest(at(5.0, 0.0, 9.0), np.full(3, 0.4), np.full(3, 0.4))
    assert (under.tolist(), up_to.tolist()) == ([0.2, 0, 1], [pytest.approx(0.7), 0, 1])


def test_packed_points_without_infinite_values() -> None:
    x = at(-np.inf, 1.0, 3.0, np.inf)
    cdf = cdfs.of_points(packed_points(x, at(0.2, 0.2, 0.6, 1.0)))
    assert cdf is not None
    assert cdf.x.tolist() == [1.0, 3.0]
    assert cdf.share == pytest.approx([0.0, 1.0])
    assert not cdf.is_loose


@pytest.mark.parametrize(
    ("x", "share"),
    [([np.inf], [1.0]), ([-np.inf, np.inf], [0.5, 1.0]), ([-np.inf, 1.0], [1.0, 1.0]), ([], [])],
)
def test_packed_points_without_a_finite_value(x: list[float], share: list[float]) -> None:
    assert cdfs.of_points(packed_points(np.array(x), np.array(share))) is None


def test_bytes_that_are_no_points() -> None:
    assert cdfs.of_points(b"12345") is None


def number(text: str) -> View:
    proto = statistics_pb2.FeatureNameStatistics(name="x", type=statistics_pb2.FeatureNameStatistics.FLOAT)
    proto.num_stats.common_stats.num_non_missing = proto.num_stats.common_stats.tot_num_values = 10
    text_format.Merge(text, proto)
    return View(proto, 10)


QUANTILES = """num_stats { histograms { type: QUANTILES
  buckets { low_value: %s high_value: %s sample_count: 5 }
  buckets { low_value: %s high_value: %s sample_count: 5 } } num_zeros: %s }"""


def test_tfdvs_quantiles_are_points_that_are_loose() -> None:
    cdf = cdfs.of_view(number(QUANTILES % (1, 2, 2, 4, 0)))
    assert cdf is not None
    assert (cdf.x.tolist(), cdf.share.tolist()) == ([1, 2, 4], [0, 0.5, 1])
    assert (cdf.is_loose, cdf.has_steps) == (True, False)


def test_tfdvs_quantiles_that_repeat_tell_of_steps() -> None:
    cdf = cdfs.of_view(number(QUANTILES % (1, 2, 2, 2, 0)))
    assert cdf is not None
    assert cdf.has_steps
    assert cdf.share.tolist() == [0.0, 1.0, 1.0]
    integers = number(QUANTILES % (1, 2, 2, 4, 0) + " type: INT")
    of_integers = cdfs.of_view(integers)
    assert of_integers is not None
    assert of_integers.has_steps


def test_both_histograms_of_tfdv_together() -> None:
    standard = (
        "num_stats { histograms { type: STANDARD buckets { low_value: 0 high_value: 3 sample_count: 9 }"
    )
    standard += " buckets { low_value: 3 high_value: 6 sample_count: 1 } } }"
    cdf = cdfs.of_view(number(QUANTILES % (0, 2, 2, 6, 0) + standard))
    assert cdf is not None
    assert cdf.x.tolist() == [0, 0, 2, 3, 6, 6]
    assert cdf.share.tolist() == pytest.approx([0, 0, 0.5, 0.9, 1, 1])


def test_no_histogram_or_an_empty_one_tells_nothing() -> None:
    assert cdfs.of_view(number("")) is None
    assert cdfs.of_view(number((QUANTILES % (1, 2, 2, 4, 0)).replace("5", "0"))) is None


def test_tfdvs_zeros_are_a_step() -> None:
    # Of 10 values 4 are zero; the quantiles alone give 0.25 up to zero.
    cdf = cdfs.of_view(number(QUANTILES % (-2, 2, 2, 4, 4)))
    assert cdf is not None
    assert cdf.x.tolist() == [-2, 0, 0, 2, 4]
    assert cdf.share == pytest.approx([0, 0.05, 0.45, 0.5, 1])


@pytest.mark.parametrize("zeros", [0, 4])
def test_zeros_outside_the_range_are_no_step(zeros: int) -> None:
    for low, middle, high in ((1, 2, 4), (-4, -2, -1)):
        cdf = cdfs.of_view(number(QUANTILES % (low, middle, middle, high, zeros)))
        assert cdf is not None
        assert cdf.x.tolist() == [low, middle, high]


def test_zeros_at_the_least_value_are_a_step_from_nothing() -> None:
    cdf = cdfs.of_view(number(QUANTILES % (0, 2, 2, 4, 4)))
    assert cdf is not None
    assert cdf.x.tolist() == [0, 0, 2, 4]
    assert cdf.share == pytest.approx([0, 0.2, 0.5, 1])


def test_a_view_is_read_once() -> None:
    view = number(QUANTILES % (1, 2, 2, 4, 0))
    assert cdfs.of_view(view) is cdfs.of_view(view)


def test_packed_points_go_first() -> None:
    view = number(QUANTILES % (1, 2, 2, 4, 0))
    view.proto.custom_stats.add(name=POINTS).any.value = packed_points(at(1.0, 9.0), at(0.0, 1.0))
    cdf = cdfs.of_view(view)
    assert cdf is not None
    assert cdf.x.tolist() == [1.0, 9.0]
