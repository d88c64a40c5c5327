"""What windows are called in a sentence, and which windows are lined up."""

from __future__ import annotations

import datetime as dt

import pytest

from trueserve.transforms.core.batches import Window
from trueserve.transforms.drift import slow_drift
from trueserve.transforms.drift.window_drift import span
from trueserve.transforms.runs import window_summary
from trueserve.transforms.runs.window_summary import SummaryKey, WindowSummary
from trueserve.transforms.verdict.model import Space

START = dt.datetime(2013, 7, 13, tzinfo=dt.UTC)
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (START, START + DAY, "2013-07-13"),
        (START + HOUR, START + HOUR + DAY, "2013-07-13T01:00:00 to 2013-07-14T01:00:00"),
        (START + 5 * HOUR, START + 6 * HOUR, "2013-07-13T05"),
        (START, START + 3 * DAY, "2013-07-13 to 2013-07-16"),
        (START, START + 2 * HOUR, "2013-07-13 to 2013-07-13T02:00:00"),
        (
            START + dt.timedelta(minutes=1),
            START + dt.timedelta(minutes=61),
            "2013-07-13T00:01:00 to 2013-07-13T01:01:00",
        ),
        (
            START + dt.timedelta(seconds=1),
            START + dt.timedelta(seconds=3601),
            "2013-07-13T00:00:01 to 2013-07-13T01:00:01",
        ),
        (
            START + dt.timedelta(microseconds=1),
            START + HOUR + dt.timedelta(microseconds=1),
            "2013-07-13T00:00:00.000001 to 2013-07-13T01:00:00.000001",
        ),
        (START, None, "from 2013-07-13"),
        (None, START, "up to 2013-07-13"),
        (None, None, "otherwise"),
    ],
)
def test_a_window_is_called_as_the_flag_takes_it(
    start: dt.datetime | None, end: dt.datetime | None, name: str
) -> None:
    assert span(Window(start, end), "otherwise") == name


RAW, PREDICTION = (SummaryKey(space, "x", window_summary.RANK) for space in (Space.RAW, Space.PREDICTION))


def summary(day: int, baseline: str = "b", model: str = "m", window: Window | None = None) -> WindowSummary:
    of_day = window or Window(START + DAY * day, START + DAY * (day + 1))
    return WindowSummary(of_day, baseline, 10, {RAW: 0.1, PREDICTION: 0.2}, model)


def test_windows_of_the_same_baseline_are_lined_up_in_order_of_time() -> None:
    now = summary(5)
    previous = [
        summary(3),
        summary(1),
        summary(2, baseline="other"),
        summary(2, window=Window(START, None)),
        summary(2, window=Window(None, START)),
    ]
    assert slow_drift.comparable(now, previous) == [summary(1), summary(3), now]


def test_predictions_of_another_model_are_left_out() -> None:
    [of_other_model, _] = slow_drift.comparable(summary(5), [summary(1, model="other")])
    assert of_other_model.values == {RAW: 0.1}


def rising(what: str = window_summary.RANK, by: float = 0.02, windows: int = 9) -> list[WindowSummary]:
    key = SummaryKey(Space.RAW, "x", what)
    return [
        WindowSummary(Window(START + DAY * n, START + DAY * (n + 1)), "b", 10, {key: by * n})
        for n in range(windows)
    ]


def trends(windows: list[WindowSummary]) -> list[slow_drift.Trend]:
    return list(slow_drift.trends(windows, slow_drift.FALSE_TRENDS))


def test_a_trend_goes_from_its_first_window_to_this_one() -> None:
    [steady] = trends(rising())
    assert steady.key == SummaryKey(Space.RAW, "x", window_summary.RANK)
    assert (steady.windows, steady.first) == (9, Window(START, START + DAY))
    assert steady.line.total == pytest.approx(0.16)
    assert steady.p_value < 0.002
    gap = rising()
    gap[0] = WindowSummary(gap[0].window, "b", 10, {})
    [later] = trends([*gap, *rising(windows=10)[9:]])
    assert (later.windows, later.first) == (9, Window(START + DAY, START + 2 * DAY))


@pytest.mark.parametrize(
    ("what", "by", "count"),
    [
        (window_summary.RANK, 0.0032, 1),
        (window_summary.RANK, 0.0031, 0),
        (window_summary.MISSING, 0.0013, 1),
        (window_summary.MISSING, 0.0012, 0),
        (window_summary.RANK, -0.0032, 1),
    ],
)
def test_a_trend_matters_from_the_least_effect_on(what: str, by: float, count: int) -> None:
    """Over nine windows there are eight steps: 0.025 of ranks, 0.01 of missing rows."""
    assert len(trends(rising(what, by))) == count


def test_a_jump_is_no_trend() -> None:
    jump = [0.0, 0.001, 0.002, 0.003, 0.1, 0.101, 0.102, 0.103, 0.104, 0.105]
    key = SummaryKey(Space.RAW, "x", window_summary.RANK)
    windows = [
        WindowSummary(summary.window, "b", 10, {key: value})
        for summary, value in zip(rising(windows=10), jump, strict=True)
    ]
    assert trends(windows) == []


def test_few_windows_and_a_window_without_an_end_have_no_trend() -> None:
    assert trends(rising(windows=7)) == []
    open_end = rising()
    open_end[-1] = WindowSummary(Window(START + DAY * 9, None), "b", 10, open_end[-1].values)
    assert trends(open_end) == []
    open_start = rising()
    open_start[-1] = WindowSummary(Window(None, START + DAY * 9), "b", 10, open_start[-1].values)
    assert trends(open_start) == []
