"""Which periods of training match a window, and which match each other."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from trueserve.transforms.verdict.variation import matching
from trueserve.transforms.verdict.variation.matching import Spans, Target

EPOCH = dt.date(1970, 1, 1)
YEAR = np.arange((dt.date(2021, 1, 1) - EPOCH).days, (dt.date(2022, 1, 1) - EPOCH).days)


def day(year: int, month: int, number: int) -> int:
    return (dt.date(year, month, number) - EPOCH).days


def date(number: int) -> dt.date:
    return EPOCH + dt.timedelta(days=int(number))


def matches(periods: matching.Array, first: int, length: int = 1, unit: str = "day") -> matching.Matches:
    matched = matching.of(periods, Target(unit, first, length))
    assert matched is not None
    return matched


def test_a_day_of_another_year_matches_the_same_weekday_within_two_weeks_of_its_date() -> None:
    wednesday = day(2022, 7, 13)
    matched = matches(YEAR, wednesday)
    dates = [date(number) for number in YEAR[matched.weights > 0]]
    assert dates == [dt.date(2021, month, number) for month, number in ((6, 30), (7, 7), (7, 14), (7, 21))]
    assert matched.count == 4
    assert matched.level.weekday == "same"


def test_the_year_is_round() -> None:
    new_year = matches(YEAR, day(2022, 1, 3))
    months = {date(number).month for number in YEAR[new_year.weights > 0]}
    assert months == {12, 1}


def test_a_month_matches_each_of_its_days_and_those_near_it() -> None:
    july = matches(YEAR, day(2022, 7, 1), 31)
    dates = [date(number) for number in YEAR[july.weights > 0]]
    assert (dates[0], dates[-1]) == (dt.date(2021, 6, 18), dt.date(2021, 8, 8))
    assert july.weights[day(2021, 7, 16) == YEAR] == july.weights.max()


def test_no_match_of_a_span_is_so_near_that_the_same_weather_made_both() -> None:
    matched = matches(YEAR, day(2022, 7, 13))
    for span, weights in zip(matched.spans.first, matched.span_weights, strict=True):
        assert np.abs(YEAR[weights > 0] - YEAR[span]).min() > 7
        assert set((YEAR[weights > 0] - YEAR[span]) % 7) <= set(range(7))
        assert len({date(number).weekday() for number in [*YEAR[weights > 0], YEAR[span]]}) == 1


def test_after_a_short_training_the_last_days_match_and_spans_look_back_likewise() -> None:
    spring = YEAR[:120]
    matched = matches(spring, int(spring[-1]) + 3)
    assert YEAR[:120][matched.weights > 0].min() > spring[-1] - 15
    for span, weights in zip(matched.spans.first, matched.span_weights, strict=True):
        assert (spring[weights > 0] < spring[span]).all()


def test_a_season_that_training_lacks_is_matched_by_the_nearest_days_and_spans_by_days_as_far() -> None:
    spring = YEAR[:181]
    window = Target("day", day(2021, 8, 10), 1)
    assert matching.outside_of_training(spring, window) == 41
    matched = matches(spring, window.first)
    assert date(spring[matched.weights > 0].min()) >= dt.date(2021, 6, 15)
    lags = [
        spring[span] - spring[w > 0].max()
        for span, w in zip(matched.spans.first, matched.span_weights, strict=True)
    ]
    assert min(lags) > 39


def test_hours_match_those_of_the_same_time_of_day() -> None:
    hours = np.arange(YEAR[0] * 24, (YEAR[0] + 60) * 24)
    first = int(hours[-1]) + 1 + 17
    matched = matches(hours, first, unit="hour")
    assert set(hours[matched.weights > 0] % 24) == {17}
    assert matched.count > 3
    for span, weights in zip(matched.spans.first[:50], matched.span_weights, strict=False):
        assert set(hours[weights > 0] % 24) == {hours[span] % 24}


def test_too_few_days_match_nothing() -> None:
    assert matching.of(YEAR[:9], Target("day", int(YEAR[20]), 1)) is None
    assert matching.of(YEAR[:0], Target("day", int(YEAR[20]), 1)) is None
    assert matching.of(YEAR[:100], Target("day", day(2021, 5, 1), 31)) is None


def test_spans_have_nearly_all_their_periods_and_end_within_training() -> None:
    spans = Spans.of(np.array([1, 2, 3, 4, 5, 9, 10, 11, 12, 13]), 5)
    assert spans.first.tolist() == [0, 1, 5]  # the second lacks one of five
    assert spans.sums(np.arange(10.0)).tolist() == [10.0, 10.0, 35.0]
    assert spans.sums(np.ones((10, 2))).tolist() == [[5.0, 5.0], [4.0, 4.0], [5.0, 5.0]]


@pytest.mark.parametrize(("hour", "number"), [(0, 0), (13, 1), (11, 0)])
def test_a_window_is_in_the_periods_that_hold_their_middles(hour: int, number: int) -> None:
    start = dt.datetime(1970, 1, 1, hour, tzinfo=dt.UTC)
    assert Target.of(start, "day", 1) == Target("day", number, 1)
    assert Target.of(start, "hour", 2).numbers.tolist() == [hour, hour + 1]


def test_days_apart_in_the_year_are_183_at_most() -> None:
    assert matching.offsets(day(2021, 1, 5), day(2021, 12, 30)) == pytest.approx(-6.2425)
    assert matching.offsets(day(2022, 7, 13), day(2021, 7, 13)) == pytest.approx(0.2425)
