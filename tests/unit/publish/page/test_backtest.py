"""backtest.html: what each cell, row and table shows of a small document."""

from __future__ import annotations

import re
from typing import Any

import pytest

from trueserve.transforms.publish.page import backtest
from trueserve.transforms.publish.page.frame import template


def effect(feature: str, values: list[float | None], count: list[bool], **more: float) -> dict[str, Any]:
    limits = {"today": 0.1, "floor": 0.1, **more}
    return {"space": "raw", "feature": feature, "values": values, "count": count, **limits}


def window(day: int, *errors: str, state: str = "judged", rows: int = 1234) -> dict[str, Any]:
    findings = [
        {"space": "raw", "feature": feature, "severity": "error", "message": f"{feature} moved"}
        for feature in errors
    ]
    start, end = f"2013-02-0{day}T00:00:00Z", f"2013-02-0{day + 1}T00:00:00Z"
    return {"start": start, "end": end, "state": state, "rows": rows, "findings": findings}


def document(*windows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain = {
        "start": "2013-02-01T00:00:00Z",
        "end": "2013-02-05T00:00:00Z",
        "budget": "P30D",
        "alarms": {"before": 2, "after": 1, "allowed": 1.5},
        "windows": list(windows),
        "suggested": [],
        "effects": [],
        "remarks": [],
    }
    return {**plain, **changes}


LIMIT = {
    "space": "raw",
    "feature": "fare",
    "limit": "distribution",
    "today": 0.025,
    "suggested": 0.05,
    "over_today": ["a", "b", "c"],
    "over_suggested": ["a"],
}


def page(*windows: dict[str, Any], **changes: Any) -> str:
    return backtest.render(document(*windows, **changes)).decode()


def cells(html: str, feature: str) -> list[str]:
    """The classes of a feature's cells."""
    [row] = re.findall(rf"<tr><th>raw\.{feature}</th>(.*?)</tr>", html)
    return [match[1] or "" for match in re.finditer(r'<td(?: class="(.*?)")? title="', row)]


@pytest.mark.parametrize(("after", "mood"), [(1, "ok"), (1.5, "ok"), (2, "warning")])
def test_the_banner_is_calm_within_the_budget(after: float, mood: str) -> None:
    html = page(window(1), alarms={"before": 2, "after": after, "allowed": 1.5})
    icon = template.icon("ok" if mood == "ok" else "not_examined")
    assert f'<section class="banner {mood}">{icon}<div>' in html


def test_the_banner_counts_the_windows_that_were_learnt_from() -> None:
    html = page(window(1), window(2), window(3, state="no_rows"), window(4))
    assert "<h1>2 alarms in 3 windows</h1>" in html
    assert "The budget is one alarm in 30 days. That allows 1.5 alarms in these windows." in html
    assert "No higher limit is suggested." in html
    assert "Limits suggested" not in html
    raised = page(window(1), suggested=[LIMIT, LIMIT])
    assert "With the 2 suggested limits there is 1 alarm." in raised


def test_a_cell_shows_how_near_its_limit_a_feature_is() -> None:
    values = [0.0, 0.01, 0.0499, 0.05, 0.2, None]
    html = page(
        *(window(day) for day in range(1, 7)),
        effects=[effect("fare", values, [True] * 6)],
    )
    assert cells(html, "fare") == ["z", "a", "a", "b", "b", ""]


def test_what_does_not_count_is_not_significant_and_the_worst_of_a_feature_is_shown() -> None:
    effects = [
        effect("fare", [0.9, 0.02, 0.09], [False, True, True]),
        effect("fare", [0.01, 0.08, 0.01], [False, True, True]),
    ]
    assert cells(page(window(1), window(2), window(3), effects=effects), "fare") == ["z", "b", "b"]


def test_a_limit_of_nought_is_measured_by_its_floor() -> None:
    effects = [effect("fare", [0.06, 0.04], [True, True], today=0.0)]
    assert cells(page(window(1), window(2), effects=effects), "fare") == ["b", "a"]


def test_windows_that_were_not_judged_have_no_value_and_known_bad_ones_a_frame() -> None:
    html = page(
        window(1, state="too_few_rows"),
        window(2, state="known_bad"),
        window(3, "fare"),
        window(4, "fare", state="known_bad"),
        window(5),
        effects=[effect("fare", [0.06, 0.2, 0.2, 0.01], [True] * 4)],
    )
    assert cells(html, "fare") == ["", "b bad", "error", "error bad", "a"]
    assert 'title="2013-02-03T00:00:00Z: fare moved"' in html
    assert 'title="2013-02-05T00:00:00Z"' in html


def test_the_worst_features_come_first() -> None:
    effects = [
        effect("a", [0.01, 0.01], [True, True]),
        effect("b", [0.01, 0.09], [True, True]),
        effect("c", [0.01, 0.01], [True, True]),
    ]
    html = page(window(1, "c", "d"), window(2, "d"), effects=effects)
    assert re.findall(r"<tr><th>raw\.(\w)</th>", html) == ["d", "c", "b", "a"]


def test_features_that_do_not_fit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    effects = [effect(name, [0.01], [True]) for name in "abc"]
    complete = page(window(1), effects=effects)
    assert "more features" not in complete
    row = re.search(r"<tr><th>raw\.a</th>.*?</tr>", complete)
    assert row is not None
    monkeypatch.setattr(backtest, "STRIP_BUDGET", len(row[0]))
    assert '<p class="soft">2 more features</p>' in page(window(1), effects=effects)


def test_the_limits_are_a_table() -> None:
    html = page(window(1), suggested=[LIMIT])
    assert "<h2>Limits suggested<small>1</small></h2>" in html
    assert (
        "<tr><td>raw.fare</td><td>distribution</td>"
        '<td class="num">0.025</td><td class="num">0.05</td><td class="num">3</td><td class="num">1</td></tr>'
    ) in html


def test_what_fired_is_listed_by_window() -> None:
    assert "What fired" not in page(window(1))
    first = window(1, "fare")
    first["findings"].append({**first["findings"][0], "message": "and again"})
    first["findings"].append({**first["findings"][0], "feature": "tip", "severity": "warning"})
    later = {**window(2, "tip", state="known_bad"), "start": "2013-02-02T05:00:00Z"}
    html = page(first, later)
    rows = re.findall(
        r'<tr><td class="k">(.*?)</td><td class="num">(.*?)</td><td class="of">(.*?)</td>', html
    )
    assert rows == [
        ("2013-02-01", "1,234", "raw.fare"),
        ('2013-02-02T05:00:00Z <span class="tag">known bad</span>', "1,234", "raw.tip"),
    ]


def test_remarks_stand_in_cards() -> None:
    assert '<p class="card">look &lt;here&gt;</p>' in page(window(1), remarks=["look <here>"])
