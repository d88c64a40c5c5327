"""What counts as the same, and how a difference is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trueserve.transforms.serving.tolerance import (
    FEATURES,
    PREDICTIONS,
    OutputDifference,
    RaggedRows,
    Tolerance,
    compare,
    compare_all,
    same,
    ulp_distance,
)

Array = np.ndarray[Any, Any]
EXACT = Tolerance(ulps=0, relative=0.0)


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def steps(value: float, count: int) -> Array:
    """The float32 that lies `count` representable values above `value`."""
    result = np.float32(value)
    for _ in range(count):
        result = np.nextafter(result, np.float32(np.inf))
    return np.array([result], np.float32)


def one_each(values: Array) -> RaggedRows:
    return RaggedRows(values, np.ones(len(values), np.int64))


@pytest.mark.parametrize("value", [1.0, -1.0, 0.0, -3e-42, 1e-38, 2.9999998, -2.0, 1e30])
@pytest.mark.parametrize("count", [0, 1, 4, 1000])
def test_ulp_distance_counts_the_floats_between(value: float, count: int) -> None:
    assert ulp_distance(floats(value), steps(value, count)).tolist() == [count]
    assert ulp_distance(steps(value, count), floats(value)).tolist() == [count]


def test_ulp_distance_goes_through_zero() -> None:
    tiny = float(np.float32(1e-45))
    assert ulp_distance(floats(-tiny), floats(tiny)).tolist() == [2]
    assert ulp_distance(floats(-0.0), floats(0.0)).tolist() == [0]
    assert ulp_distance(floats(-3.4e38), floats(3.4e38)).tolist()[0] > 2**31


def test_four_ulps_are_the_same_and_five_are_not() -> None:
    tolerance = Tolerance(ulps=4, relative=0.0)
    assert same(floats(1.0), steps(1.0, 4), tolerance).all()
    assert not same(floats(1.0), steps(1.0, 5), tolerance).any()


@pytest.mark.parametrize(
    ("tolerance", "expected", "near", "far"),
    [
        (Tolerance(0, 1e-6), 1000.0, 1000.0009, 1000.0012),
        (Tolerance(0, 1e-6), -1000.0, -1000.0009, -1000.0012),
        (Tolerance(0, 0.0, 1e-6), 0.0, 9e-7, 1.1e-6),
        (FEATURES, 1.0, 1.0000009, 1.000002),
        (PREDICTIONS, 1.0, 1.000009, 1.00002),
        (PREDICTIONS, 0.0, 9e-7, 2e-6),
        (FEATURES, 0.0, 4e-45, 9e-7),
    ],
)
def test_bounds(tolerance: Tolerance, expected: float, near: float, far: float) -> None:
    assert same(floats(expected), floats(near), tolerance).all()
    assert not same(floats(expected), floats(far), tolerance).any()


def test_nan_and_infinity_are_the_same_as_themselves_alone() -> None:
    inf, nan = np.inf, np.nan
    expected = floats(nan, inf, -inf, nan, 1.0, inf, inf, 3.4028235e38)
    got = floats(nan, inf, -inf, 1.0, nan, -inf, 3.4e38, inf)
    assert same(expected, got, PREDICTIONS).tolist() == [True, True, True, *[False] * 5]


def test_integers_and_strings_have_no_tolerance() -> None:
    big = np.array([2**62, 7], np.int64)
    assert same(big, big + np.array([1, 0]), PREDICTIONS).tolist() == [False, True]
    texts = np.array([b"a", b"", b"x\x00"], object)
    assert same(texts, np.array([b"a", b" ", b"x"], object), PREDICTIONS).tolist() == [True, False, False]


def test_integers_are_told_by_how_far_they_are_off() -> None:
    expected = one_each(np.array([1000, 2000, 3000], np.int64))
    got = one_each(np.array([1000, 2007, 2999], np.int64))
    assert compare(expected, got, EXACT) == "off by up to 7 in 2 of 3 probes, first probe 1"


def test_floats_are_told_by_the_worst() -> None:
    detail = compare(one_each(floats(1.0, 2.0, 4.0)), one_each(floats(1.0, 2.5, 4.25)), FEATURES)
    assert detail == "off by up to 0.5 (2097152 ULP) in 2 of 3 probes, first probe 1"


def test_a_nan_for_a_number_is_the_worst_difference() -> None:
    detail = compare(one_each(floats(1.0, 2.0)), one_each(floats(5.0, np.nan)), FEATURES)
    assert detail.startswith("off by up to nan")


def test_strings_are_told_without_what_they_say() -> None:
    expected = one_each(np.array([b"Jane Doe", b"x"], object))
    detail = compare(expected, one_each(np.array([b"JANE DOE", b"x"], object)), EXACT)
    assert detail == "other bytes in 1 of 2 probes, first probe 0"


def test_rows_are_matched_by_their_lengths() -> None:
    expected = RaggedRows(floats(1, 2, 3), np.array([2, 0, 1]))
    assert compare(expected, RaggedRows(floats(1, 2, 3), np.array([2, 0, 1])), EXACT) == ""
    moved = RaggedRows(floats(1, 2, 3), np.array([2, 1, 0]))
    assert compare(expected, moved, EXACT) == "probe 1 has 1 values, not 0 (2 of 3 probes)"
    assert compare(expected, RaggedRows(floats(1, 2), np.array([2, 0])), EXACT) == "2 rows for 3 probes"


def test_the_probe_named_is_the_row_and_not_the_value() -> None:
    expected = RaggedRows(np.arange(6), np.array([4, 0, 2]))
    got = RaggedRows(np.array([0, 1, 2, 3, 4, 50]), np.array([4, 0, 2]))
    assert compare(expected, got, EXACT).endswith("in 1 of 3 probes, first probe 2")


def test_another_type_is_a_difference() -> None:
    detail = compare(one_each(np.array([1, 2], np.int64)), one_each(floats(1, 2)), FEATURES)
    assert detail == "float32 values, not int64"


def test_every_name_is_compared() -> None:
    rows, other = one_each(floats(1.0)), one_each(floats(2.0))
    empty = RaggedRows(floats(), np.array([0]))
    differences = compare_all(
        "s", {"gone": rows, "kept": rows, "off": rows}, {"kept": rows, "off": other, "new": rows}, EXACT
    )
    assert [(d.name, d.signature) for d in differences] == [("gone", "s"), ("new", "s"), ("off", "s")]
    assert differences[0].detail == "is not in the saved model"
    assert compare_all("s", {}, {"never_a_value": empty}, EXACT) == []


def test_a_difference_reads_as_one_phrase() -> None:
    assert str(OutputDifference("transform_features", "carrier_id", "off by up to 1")) == (
        "carrier_id (transform_features): off by up to 1"
    )
