"""Windows over time: which run speaks for a window, levels, lines with gaps, spans of incidents."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from support.page import make_finding, make_numbers, make_verdict
from support.page_documents import CARRIER, make_entry, make_incident, past_run

from trueserve.transforms.publish.page import rows, trends, windows
from trueserve.transforms.publish.page.windows import Measure, PastRun

FARE = ("raw", "fare")


def finding(severity: str, effect: float | None = None, **fields: Any) -> dict[str, Any]:
    evidence = None if effect is None else {"effect": effect, "least_effect": 0.025}
    return make_finding("fare", severity).to_json() | {"evidence": evidence} | fields


def test_the_last_run_of_a_window_speaks_for_it_and_windows_are_in_order_of_time() -> None:
    early, late = past_run(2), past_run(1, verdict="skew")
    again = late._replace(document={**late.document, "verdict": "ok"}, name="run-99")
    every = windows.windows([early, again, late])
    assert [(window.label, window.run.name) for window in every] == [
        ("2013-06-01", "run-99"),
        ("2013-06-02", "run-02"),
    ]
    # The run that is being published has no name yet: it is the last.
    own = late._replace(name="")
    assert windows.windows([own, again])[0].run.name == ""


def test_of_very_many_windows_the_latest_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_WINDOWS", 2)
    assert [w.label for w in windows.windows(map(past_run, (1, 2, 3)))] == ["2013-06-02", "2013-06-03"]


@pytest.mark.parametrize(
    ("effect", "findings", "expected"),
    [
        (0.0124, [], Measure("z", 0.496)),
        (0.0125, [], Measure("w", 0.5)),
        (None, [], Measure("x")),
        (0.001, [finding("info")], Measure("z", 0.04)),
        (0.001, [finding("warning")], Measure("w", 0.04)),
        (0.001, [finding("error", 0.1), finding("warning", 0.05)], Measure("h", 4.0)),
        (None, [finding("error")], Measure("h")),
        (0.001, [finding("error", slice="a=b"), finding("error", kind="drift")], Measure("z", 0.04)),
    ],
)
def test_the_level_of_a_feature(effect: float | None, findings: list[Any], expected: Measure) -> None:
    run = past_run(1, [make_entry("fare", effect)], findings=findings)
    [window] = windows.windows([run])
    measure = window.measures[FARE]
    assert measure._replace(ratio=None) == expected._replace(ratio=None, missing_share=0.0, unseen_share=0.0)
    assert measure.ratio == (None if expected.ratio is None else pytest.approx(expected.ratio))


def test_a_verdict_of_format_1_tells_of_its_findings_alone() -> None:
    run = PastRun(make_verdict("skew", [make_finding("fare")]).to_json(), "run-1")
    [window] = windows.windows([run])
    assert window.measures == {FARE: Measure("h")}
    assert window.incidents == {}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"window": None, "features": 3, "findings": None, "incidents": "x"},
        {
            "window": {"start": 5},
            "features": [None, 3, {}, {"effect": "a", "least_effect": True, "missing_share": "?"}],
        },
        {"window": [], "findings": [{"feature": 3, "slice": None, "evidence": 4, "severity": []}, []]},
        {"incidents": [{"id": None, "state": []}, 4], "features": [{"effect": 1, "least_effect": 0}]},
        {"window": {"start": "0001-01-01T00:00:00+23:59"}, "incidents": [{"id": "a", "severity": {}}]},
        {
            "features": [
                make_entry("fare", effect, missing_share=effect) for effect in (1e308, 10**400, math.nan)
            ]
        },
        {
            "features": [
                make_entry("fare", 1e308, least_effect=1e-308),
                make_entry("x", -1.0, unseen_share=-math.inf),
            ]
        },
    ],
)
def test_what_no_run_writes_is_no_fault(document: Any) -> None:
    every = windows.windows([PastRun(document, "run-1"), past_run(1, [make_entry("fare", 0.02)])])
    assert len(every) == 2
    assert "fare" in trends.section(every)
    assert trends.lines(rows.rows(make_verdict("ok").to_json(), [make_numbers("fare")], []), every)


def strips(html: str) -> list[tuple[str, str]]:
    """What is said of a row for those who listen, and its cells."""
    return re.findall('class="strip".*?aria-label="(.*?)".*?data-v="(.*?)"', html)


def test_a_row_for_each_feature_that_came_near_its_limit_the_loudest_first() -> None:
    days = [
        past_run(1, [make_entry("calm", 0.001), make_entry("near", 0.02), make_entry("fare", 0.001)]),
        past_run(2, verdict="failed"),
        past_run(3, [make_entry("fare", 0.3)], findings=[finding("error", 0.3)]),
    ]
    html = trends.section(windows.windows(days))
    assert strips(html) == [
        ("fare (raw): error in 1 of 3 windows", "zxh"),
        ("near (raw): error in 0 of 3 windows", "wxx"),
    ]
    assert '<path class="z" d="M0 .5h1"/><path class="x" d="M1 .5h1"/><path class="h" d="M2 .5h1"/>' in html
    assert trends.section(windows.windows(days[:1])) == ""


def test_cells_of_one_level_are_one_line() -> None:
    html = trends.strip("zzzhzz", "f")
    assert '<path class="z" d="M0 .5h3M4 .5h2"/><path class="h" d="M3 .5h1"/>' in html
    assert 'viewBox="0 0 6 1"' in html


def test_an_incident_has_its_span_and_what_was_not_examined_is_not_known() -> None:
    incident, warned = make_incident(CARRIER), make_incident("fare-1", severity="warning")
    days = [
        past_run(1),
        past_run(2, incidents=[incident, warned]),
        past_run(3, verdict="not_examined"),
        past_run(4, incidents=[incident, {**warned, "state": "resolved"}]),
    ]
    assert strips(trends.section(windows.windows(days))) == [
        ("in 2 of 4 windows", "zhxh"),
        ("in 1 of 4 windows", "zwxz"),
    ]


def lines(*entries: dict[str, Any] | None) -> dict[str, tuple[str, str, str]]:
    """By what they show: what is said, the values, and the path."""
    document = make_verdict("ok").to_json()
    days = [past_run(i + 1, [entry] if entry else []) for i, entry in enumerate(entries)]
    drawn = trends.lines(rows.rows(document, [make_numbers("fare")], []), windows.windows(days))
    shape = 'aria-label="(.*?)".*?data-w="(.*?)" data-v="(.*?)".*?class="v" d="(.*?)"'
    return {
        what: (spoken, values, path) for spoken, what, values, path in re.findall(shape, str(drawn.get(FARE)))
    }


def test_a_line_goes_over_the_windows_and_has_a_gap_where_nothing_is_known() -> None:
    drawn = lines(
        make_entry("fare", 0.0125),
        make_entry("fare", 0.05, missing_share=0.1),
        None,
        make_entry("fare", 0.05),
    )
    assert drawn["effect"] == (
        "effect, the last 2 of its limit, the most 2",
        "0.5 2 - 2",
        "M107 23L161 3M269 3",
    )
    assert drawn["missing"][:2] == ("missing, the last 0 of rows, %, the most 10", "0 10 - 0")
    # What never was above zero needs no line.
    assert "unseen" not in drawn


def test_the_limit_is_a_line_of_its_own() -> None:
    document = make_verdict("ok").to_json()
    days = [past_run(day, [make_entry("fare", 0.05)]) for day in (1, 2)]
    [html] = trends.lines(rows.rows(document, [make_numbers("fare")], []), windows.windows(days)).values()
    # At half of the greatest effect, which is twice the limit.
    assert '<path class="l" d="M80 16H296"/>' in html
    assert lines(make_entry("fare", 0.05)) == {}


def test_names_of_runs_that_lead_elsewhere_are_no_links() -> None:
    for name in ("../x", "a/b", "javascript:x", ".hidden", "", "a" * 300):
        assert PastRun({}, name).folder == ""
    assert PastRun({}, "20261201T115336Z.221264-02f86caa").folder == "20261201T115336Z.221264-02f86caa"
    html = trends.section(windows.windows([past_run(1), past_run(2)._replace(name="../x")]))
    assert re.findall("<li>(.*?)</li>", html) == ["2013-06-02", '<a data-run="run-01">2013-06-01</a>'][::-1]
