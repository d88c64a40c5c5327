"""backtest.json and the remarks in thresholds.toml: each value, and each remark at its limit."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from trueserve.transforms.backtesting import document
from trueserve.transforms.backtesting.document import Study
from trueserve.transforms.backtesting.judging import FeatureEffect, WindowResult, WindowState
from trueserve.transforms.backtesting.suggest import LimitKey, Suggestion
from trueserve.transforms.core.batches import Window
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space

DAY = dt.timedelta(days=1)
START = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)
KEY = LimitKey("raw", "fare", "distribution")
OTHER = LimitKey("raw", "tip", "missing")


def window(number: int, length: dt.timedelta = DAY) -> Window:
    return Window(START + DAY * number, START + DAY * number + length)


def finding(severity: Severity = Severity.ERROR, feature: str = "fare", metric: str = "jsd") -> Finding:
    return Finding(feature, Space.RAW, FindingKind.DISTRIBUTION, severity, metric, "moved")


def result(
    number: int, *findings: Finding, state: WindowState = WindowState.JUDGED, effects: Any = ()
) -> WindowResult:
    return WindowResult(window(number), 100 + number, state, findings, effects=tuple(effects))


def effect(key: LimitKey, value: float, counts: bool = True, today: float = 0.1, floor: float = 0.1) -> Any:
    return FeatureEffect(key, value, counts, today, floor)


def study(*windows: WindowResult, **changes: Any) -> Study:
    settings = {"every": "P1D", "start": "2013-02-01", "end": "2013-02-03", "budget": "P30D"}
    plain = Study(settings, windows, windows, 1.0, (), (), {}, {"rows": 7})
    return dataclasses.replace(plain, **changes)


def test_the_document_holds_what_was_found() -> None:
    calm, firing = result(0, finding(Severity.WARNING), finding(Severity.INFO)), result(1, finding())
    bad = result(2, finding(), state=WindowState.KNOWN_BAD)
    limit = Suggestion(KEY, 0.1, 0.2, (0, 1), (1,))
    distance = Suggestion(OTHER, 0.3, 0.4, (1,), ())
    written = document.to_json(
        study(
            calm,
            firing,
            bad,
            good=(calm, firing),
            allowed=0.12345,
            limits=(limit,),
            distances=(distance,),
            after={1: (finding(), finding(), finding(metric="linf"))},
        )
    )
    assert written["format"] == 1
    assert written["every"] == "P1D"
    assert written["counts"] == {"rows": 7}
    assert written["alarms"] == {"allowed": 0.123, "before": 1, "after": 1}
    assert written["suggested"] == [
        {
            **KEY._asdict(),
            "today": 0.1,
            "suggested": 0.2,
            "over_today": ["2013-02-01T00:00:00Z", "2013-02-02T00:00:00Z"],
            "over_suggested": ["2013-02-02T00:00:00Z"],
        }
    ]
    assert [limit["feature"] for limit in written["tfdv"]] == ["tip"]
    assert written["left"] == [
        {"space": "raw", "feature": "fare", "metric": "jsd", "windows": 2},
        {"space": "raw", "feature": "fare", "metric": "linf", "windows": 1},
    ]
    of_window = [(w["rows"], w["state"], w["fired"], w["fires_after"]) for w in written["windows"]]
    assert of_window == [
        (100, "judged", False, False),
        (101, "judged", True, True),
        (102, "known_bad", True, None),
    ]
    assert [w["start"] for w in written["windows"]][1] == "2013-02-02T00:00:00Z"
    assert [w["end"] for w in written["windows"]][1] == "2013-02-03T00:00:00Z"
    assert [[f["severity"] for f in w["findings"]] for w in written["windows"]] == [
        ["warning"],
        ["error"],
        ["error"],
    ]
    assert written["remarks"] == [
        "the limits rest on only 2 windows, fewer than 20, and are uncertain; use a longer time from --start"
        " to --end",
        "1 windows fire under the suggested limits too, more than the budget allows: their errors have no"
        " limit. Correct the causes, or set a severity in thresholds.toml",
    ]


def test_effects_are_a_series_of_the_windows_that_were_judged() -> None:
    windows = (
        result(0, effects=[effect(KEY, 0.1234567, today=0.2, floor=0.05), effect(OTHER, 0.5, counts=False)]),
        result(1, state=WindowState.TOO_FEW_ROWS),
        result(2, state=WindowState.NO_ROWS),
        result(
            3, effects=[effect(KEY, 0.3, counts=False, today=0.1, floor=0.06)], state=WindowState.KNOWN_BAD
        ),
    )
    assert document.to_json(study(*windows))["effects"] == [
        {
            **KEY._asdict(),
            "today": 0.1,
            "floor": 0.06,
            "values": [0.12346, 0.3],
            "count": [True, False],
        },
        {**OTHER._asdict(), "today": 0.1, "floor": 0.1, "values": [0.5, None], "count": [False, False]},
    ]


@pytest.mark.parametrize(("count", "says"), [(19, True), (20, False), (21, False)])
def test_limits_of_few_windows_are_called_uncertain(count: int, says: bool) -> None:
    remarks = list(document.remarks(study(*map(result, range(count)))))
    assert remarks == (
        [
            f"the limits rest on only {count} windows, fewer than 20, and are uncertain; use a longer time"
            " from --start to --end"
        ]
        if says
        else []
    )


def test_windows_that_alone_raise_a_limit_are_named_in_order_and_five_at_most() -> None:
    def remarks(limits: list[Suggestion]) -> list[str]:
        return list(document.remarks(study(*map(result, range(20)), limits=limits)))

    alone = [Suggestion(KEY, 0.1, 0.2, (number,), ()) for number in (6, 3, 3, 4, 5, 2, 1)]
    several = Suggestion(KEY, 0.1, 0.2, (0, 7), ())
    assert remarks([several, Suggestion(KEY, 0.1, 0.2, (), ())]) == []
    named = remarks([*alone, several])
    assert [line.rpartition("=")[2] for line in named] == [f"2013-02-0{day}" for day in range(2, 7)]
    assert named[0] == (
        "the window 2013-02-02 alone raises some limits; if it had a fault, pass --known_bad=2013-02-02"
    )


@pytest.mark.parametrize(("allowed", "says"), [(1.9, True), (2.0, False), (2.1, False)])
def test_alarms_over_the_budget_that_no_limit_ends_are_remarked(allowed: float, says: bool) -> None:
    remarks = document.remarks(
        study(*map(result, range(20)), allowed=allowed, after={0: (finding(),), 4: (finding(),)})
    )
    assert list(remarks) == (
        [
            "2 windows fire under the suggested limits too, more than the budget allows: their errors have"
            " no limit. Correct the causes, or set a severity in thresholds.toml"
        ]
        if says
        else []
    )


def test_the_head_tells_what_the_limits_rest_on() -> None:
    windows = [result(0, finding()), *map(result, range(1, 1200))]
    assert document.head(study(*windows, allowed=2.5, after={})) == [
        "Suggested by trueserve backtest. Review it, then copy it into the baseline's folder.",
        "1,200 windows of 1 day from 2013-02-01 to 2013-02-03.",
        "The budget is one false alarm in 30 days: 2.5 in these windows.",
        "Windows with an error: 1 under the limits before, 0 under these.",
    ]
    assert len(document.head(study(result(0)))) == 5  # so few windows are remarked


def test_a_comment_names_five_windows_and_counts_the_others() -> None:
    def comment(today: float, over: int) -> str:
        limit = Suggestion(KEY, today, 0.2, tuple(range(over)), (1, 2, 3))
        return document.comments(study(*map(result, range(20)), limits=[limit]))[KEY]

    five = "2013-02-01, 2013-02-02, 2013-02-03, 2013-02-04, 2013-02-05"
    assert comment(0.1, 5) == f"0.1 before, which {five} exceeded; 3 windows exceed this"
    assert comment(0.1, 7) == f"0.1 before, which {five} and 2 more exceeded; 3 windows exceed this"
    assert comment(0.0, 1) == (
        "no limit before except the schema's bound, which 2013-02-01 exceeded; 3 windows exceed this"
    )


@pytest.mark.parametrize(
    ("start", "length", "name"),
    [
        (START, DAY, "2013-02-01"),
        (START + dt.timedelta(hours=1), DAY, "2013-02-01T01:00:00/2013-02-02T01:00:00"),
        (START + dt.timedelta(hours=7), dt.timedelta(hours=1), "2013-02-01T07"),
        (START + dt.timedelta(minutes=7), dt.timedelta(hours=1), "2013-02-01T00:07:00/2013-02-01T01:07:00"),
        (START + dt.timedelta(seconds=7), dt.timedelta(hours=1), "2013-02-01T00:00:07/2013-02-01T01:00:07"),
        (START, dt.timedelta(hours=2), "2013-02-01/2013-02-01T02:00:00"),
        (START, 2 * DAY, "2013-02-01/2013-02-03"),
    ],
)
def test_a_window_is_named_as_short_as_it_can_be(start: dt.datetime, length: dt.timedelta, name: str) -> None:
    east = dt.timezone(dt.timedelta(hours=3))
    assert document.name_of(Window(start, start + length)) == name
    assert document.name_of(Window(start.astimezone(east), start + length)) == name
