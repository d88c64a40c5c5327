"""Which explanations a distribution allows, and what distribution each of them would give."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trueserve.transforms.verdict.diagnosis import explanations
from trueserve.transforms.verdict.diagnosis.causes import SCALE, SHIFT, Explanation
from trueserve.transforms.verdict.evidence.cdf import Cdf


def even(low: float, high: float, points: int = 101) -> Cdf:
    """Values spread evenly."""
    return Cdf(np.linspace(low, high, points), np.linspace(0, 1, points))


def of(given: list[Explanation], text: str) -> Explanation:
    [explanation] = [each for each in given if text in each.description]
    return explanation


def descriptions(given: list[Explanation]) -> str:
    return "\n".join(each.description for each in given)


def test_units_give_the_distribution_of_the_changed_values() -> None:
    training = even(10, 20)
    given = list(explanations._units(training))
    at = np.array([11.0, 15.0, 19.5])
    for text, changed in (
        ("1.8 x training + 32", 1.8 * at + 32),
        ("(training - 32) / 1.8", (at - 32) / 1.8),
        ("+273.1", at + 273.15),
        ("-273.1", at - 273.15),
        ("x 1.609", at * 1.609344),
    ):
        explanation = of(given, text)
        np.testing.assert_allclose(explanation.share_up_to(changed), training.up_to(at), atol=1e-3)


def test_a_negative_factor_turns_the_distribution_around() -> None:
    training = even(10, 20)
    negative = [each for each in explanations._units(training) if "x -1" in each.description]
    assert negative
    share = negative[0].share_up_to(np.array([-21.0, -12.5, -9.0]))
    np.testing.assert_allclose(share, [0, 0.75, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("low", "logarithms", "log_of_one_more"),
    [(1e-9, True, True), (0, False, True), (-0.99, False, True), (-1, False, False)],
)
def test_logarithms_need_numbers_that_have_one(low: float, logarithms: bool, log_of_one_more: bool) -> None:
    text = descriptions(list(explanations._functions(even(low, 5))))
    assert ("natural logarithm" in text) == ("decimal logarithm" in text) == logarithms
    assert ("log(1 + training)" in text) == log_of_one_more


def test_functions_of_training() -> None:
    training = even(1, 9)
    given = list(explanations._functions(training))
    at = np.array([2.0, 5.0, 8.0])
    mean, deviation = 5.0, 8 / math.sqrt(12)
    for text, changed in (
        ("natural logarithm", np.log(at)),
        ("decimal logarithm", np.log10(at)),
        ("log(1 + training)", np.log1p(at)),
        ("standardised", (at - mean) / deviation),
        ("scaled to 0..1", (at - 1) / 8),
    ):
        np.testing.assert_allclose(of(given, text).share_up_to(changed), training.up_to(at), atol=1e-6)
    assert explanations.mean_and_deviation(training) == pytest.approx((mean, deviation))


def test_one_value_has_no_deviation_and_no_range() -> None:
    constant = Cdf(np.array([3.0, 3.0]), np.array([0.0, 1.0]))
    text = descriptions(list(explanations._functions(constant)))
    assert "standardised" not in text
    assert "scaled" not in text
    assert "noise was added" not in descriptions(list(explanations._spreads(constant, constant)))


def test_a_factor_and_an_offset_are_fitted_to_the_middle() -> None:
    given = list(explanations._fitted(even(10, 20), even(30, 60)))
    assert of(given, "training x 3").cause == SCALE
    assert of(given, "training +30").cause == SHIFT
    assert descriptions(list(explanations._fitted(even(10, 20), even(10.1, 20.2)))) == (
        "serving is training +0.15"
    )
    assert not list(explanations._fitted(even(10, 20), even(10, 20)))
    # No factor makes something of 0, and none that is negative is fitted.
    assert "training x" not in descriptions(list(explanations._fitted(even(0, 0), even(1, 2))))
    assert "training x" not in descriptions(list(explanations._fitted(even(10, 20), even(-20, -10))))
    assert descriptions(list(explanations._fitted(even(10, 20), even(5, 10)))).startswith(
        "serving is training x 0.5"
    )


def test_spreads_are_about_the_median() -> None:
    training = even(0, 10)
    given = list(explanations._spreads(training, training))
    wide, narrow = of(given, "training and is 2 x as wide"), of(given, "training and is 0.5 x as wide")
    assert "wider" in wide.description
    assert "narrower" in narrow.description
    np.testing.assert_allclose(wide.share_up_to(np.array([-5.0, 5.0, 10.0])), [0, 0.5, 0.75], atol=1e-9)
    np.testing.assert_allclose(narrow.share_up_to(np.array([2.5, 5.0, 6.25])), [0, 0.5, 0.75], atol=1e-9)
    assert len([each for each in given if "noise was added" in each.description]) == 4


def test_noise_widens_by_its_deviation() -> None:
    training = even(0, 1)
    _, before = explanations.mean_and_deviation(training)
    mean, after = explanations.mean_and_deviation(explanations.with_noise(training, 2 * before))
    assert mean == pytest.approx(0.5, abs=0.01)
    assert after == pytest.approx(math.sqrt(5) * before, rel=0.02)


@pytest.mark.parametrize(
    ("training", "turned"),
    [
        (even(0, 23), True),
        (even(0, 24), True),
        (even(-1e-10, 23), True),
        (even(-1, 23), False),
        (even(0, 24.5), False),
        (even(0, 16), False),
        (even(0, 17), True),
    ],
)
def test_numbers_that_fill_a_day_may_be_turned(training: Cdf, turned: bool) -> None:
    hours = [
        each for each in explanations._in_time(training) if each.description.endswith("around the clock")
    ]
    assert bool(hours) == turned


def test_a_turn_goes_past_midnight() -> None:
    training = even(0, 24)
    later = of(list(explanations._in_time(training)), "training + 6 hours")
    assert later.share_up_to(np.array([-0.1, 3, 6, 12, 24, 30])) == pytest.approx([0, 0.125, 0.25, 0.5, 1, 1])
    evening = Cdf(np.array([18.0, 24.0]), np.array([0.0, 1.0]))
    moved = explanations._turned(evening, 24.0, 3.0)[0]
    # From 21 to 24 and, past midnight, from 0 to 3.
    assert moved(np.array([0, 1.5, 3, 20.9, 22.5, 23.99])) == pytest.approx(
        [0, 0.25, 0.5, 0.5, 0.75, 1], abs=0.01
    )


@pytest.mark.parametrize(
    ("count", "full", "unit", "text"),
    [
        (1, 24, "hours", "+ 1 hour, around the clock"),
        (12, 24, "hours", "+ 12 hours, around the clock"),
        (13, 24, "hours", "- 11 hours, around the clock"),
        (23, 24, "hours", "- 1 hour, around the clock"),
        (2, 24, "minutes", "+ 2 hours, around the clock (in minutes)"),
        (2, 24, "degrees", "+ 30 degrees, around the circle"),
        (1, 7, "days", "+ 1 day, around the week"),
        (5, 7, "days", "- 2 days, around the week"),
    ],
)
def test_a_turn_is_told_the_shorter_way_around(count: int, full: float, unit: str, text: str) -> None:
    assert explanations._turn_text(count, full, unit) == text


@pytest.mark.parametrize(
    ("spread", "steps"),
    [(10.0, ["0.5", "1", "5"]), (10.01, ["0.5", "1", "5", "10"]), (9.99, ["0.1", "0.5", "1", "5"])],
)
def test_roundings_are_finer_than_the_spread_and_not_a_hundred_times(spread: float, steps: list[str]) -> None:
    class Spread(Cdf):
        def quantile(self, share: float) -> float:
            return spread if share == 0.9 else 0.0

    given = explanations._roundings(Spread(np.array([0.0, 1.0]), np.array([0.0, 1.0])))
    assert [each.description.removeprefix("serving is rounded to ") for each in given] == steps


def test_rounded_values_are_steps_at_whole_numbers() -> None:
    training = even(0, 10, 1001)
    rounded = of(list(explanations._roundings(training)), "rounded to 1")
    assert rounded.share_up_to(np.array([2.9, 3.0, 3.4])) == pytest.approx([0.25, 0.35, 0.35])
    assert rounded.share_under(np.array([3.0, 3.1])) == pytest.approx([0.25, 0.35])


def test_values_of_another_feature() -> None:
    other = even(5, 6)
    swapped = explanations.swapped("temp", other)
    assert swapped.description == "serving has the values of `temp`"
    assert swapped.share_up_to(np.array([5.5])).tolist() == [0.5]
