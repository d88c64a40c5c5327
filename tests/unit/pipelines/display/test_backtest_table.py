"""What a person reads of a backtest: the windows that fired, the limits, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from trueserve.pipelines.display.backtest_table import lines_of

ALARMS = {"before": 1000, "allowed": 0.0916666, "after": 2}


def finding(feature: str, distance: float | None, severity: str = "error") -> dict[str, Any]:
    message = f"{feature} moved"
    return {
        "space": "raw",
        "feature": feature,
        "distance": distance,
        "severity": severity,
        "message": message,
    }


def window(
    start: str = "2013-07-01T00:00:00Z", state: str = "judged", *findings: dict[str, Any]
) -> dict[str, Any]:
    return {"start": start, "rows": 1720, "state": state, "findings": findings, "fired": bool(findings)}


def limit(feature: str = "fare", windows: int = 1) -> dict[str, Any]:
    return {
        "space": "raw", "feature": feature, "limit": "missing", "suggested": 0.0323, "today": 0.01,
        "over_today": ["w"] * windows,
    }  # fmt: skip


def lines(
    windows: Sequence[dict[str, Any]], suggested: Sequence[dict[str, Any]] = (), remarks: Sequence[str] = ()
) -> list[str]:
    document = {
        "every": "PT6H", "budget": "P30D", "windows": windows, "alarms": ALARMS, "suggested": suggested,
        "remarks": remarks,
    }  # fmt: skip
    return list(lines_of(document, "out"))


def test_the_first_line_counts_windows_by_state() -> None:
    assert lines([window()])[0] == "1 window of 6 hours, 1 judged"
    states = ["judged"] * 1001 + ["known_bad"] * 2 + ["too_few_rows"] * 3 + ["no_rows"] * 1004
    assert lines([window(state=state) for state in states])[0] == (
        "2,010 windows of 6 hours, 1,003 judged, 2 of them known bad, 3 with too few rows, 1,004 without rows"
    )
    assert lines([window(state="no_rows")])[0] == "1 window of 6 hours, 0 judged, 1 without rows"


def test_the_alarms_are_counted_before_and_after() -> None:
    assert lines([window()])[1:] == [
        "1,000 alarms; the budget of one alarm in 30 days allows 0.0917 alarms; with the suggested limits: 2"
    ]


def test_a_window_that_fired_is_a_row_with_its_worst_error() -> None:
    far, near = finding("fare", 0.4), finding("hour", 0.1)
    windows = [
        window("2013-07-01T00:00:00Z", "judged", near, far, finding("stops", 0.9, "warning")),
        window("2013-07-02T06:00:00Z", "known_bad", finding("carrier", None)),
        window(),
        window("2013-07-03T00:00:00Z", "judged", finding("none", None), near),
    ]
    assert lines(windows)[1:5] == [
        "window                             rows  errors  worst",
        "2013-07-01                        1,720       2  raw.fare: fare moved",
        "2013-07-02T06:00:00Z (known bad)  1,720       1  raw.carrier: carrier moved",
        "2013-07-03                        1,720       2  raw.hour: hour moved",
    ]


def test_a_long_message_is_cut() -> None:
    kept = finding("f", 0.1) | {"message": "x" * (110 - len("raw.f: "))}
    longer = finding("f", 0.1) | {"message": "x" * (111 - len("raw.f: "))}
    shown = lines([window("a", "judged", kept), window("b", "judged", longer)])
    assert "…" not in shown[2]
    assert "…" in shown[3]
    assert len(shown[2]) == len(shown[3])


@pytest.mark.parametrize(("count", "more"), [(40, 0), (41, 1), (1041, 1001)])
def test_forty_windows_are_shown(count: int, more: int) -> None:
    shown = lines([window(f"w{number}", "judged", finding("f", 0.1)) for number in range(count)])
    assert [line.split()[0] for line in shown[2:42]] == [f"w{number}" for number in range(40)]
    line_of_more = [f"{more:,} more windows fired; backtest.json has them"] if more else []
    assert shown[42:-1] == line_of_more


def test_the_limits_stand_beside_todays() -> None:
    shown = lines([window()], [limit(), limit("hour", 1002)], ["look\nat more"])
    assert shown[2:] == [
        "  raw.fare  missing = 0.0323, 0.01 today, which 1 window exceeded",
        "  raw.hour  missing = 0.0323, 0.01 today, which 1,002 windows exceeded",
        "note: look\\nat more",
        "next: review out/thresholds.toml, put it into the baseline",
    ]


@pytest.mark.parametrize(("count", "more"), [(40, 0), (41, 1), (1041, 1001)])
def test_forty_limits_are_shown(count: int, more: int) -> None:
    shown = lines([window()], [limit(f"f{number}") for number in range(count)])[2:-1]
    assert [line.split()[0] for line in shown[:40]] == [f"raw.f{number}" for number in range(40)]
    assert shown[40:] == ([f"  {more:,} more limits; thresholds.toml has them"] if more else [])
