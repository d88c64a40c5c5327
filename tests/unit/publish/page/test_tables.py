"""Tiles, findings and what was left out: each figure, each limit and each part that may be empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from support.page import make_finding, make_verdict

from trueserve.transforms.publish.page import tables
from trueserve.transforms.verdict.model import FindingKind, NotCompared, Space


def document(*findings: Any, **fields: Any) -> Mapping[str, Any]:
    return {**make_verdict("ok", findings).to_json(), **fields}


def tiles(*findings: Any, **fields: Any) -> list[tuple[str, str, str]]:
    html = tables.tiles(document(*findings, **fields), 1234)
    return re.findall(r'tile ([a-z ]*)"><b>([\d,]+)</b><span>([a-z ]+)<', html)


def test_tiles_count_and_are_hot_where_something_was_found() -> None:
    assert tiles() == [
        ("", "990", "rows compared"),
        ("", "1,234", "features compared"),
        ("", "0", "errors"),
        ("", "0", "warnings"),
        ("", "0", "features not compared"),
    ]
    error, warning = make_finding("a"), make_finding("a", "warning")
    assert tiles(error, warning, make_finding("a", "info"), not_compared=[1, 2])[2:] == [
        ("hot error", "1", "error"),
        ("hot warning", "1", "warning"),
        ("", "2", "features not compared"),
    ]
    several = tiles(error, error, *[warning] * 3)[2:4]
    assert [tile[1:] for tile in several] == [("2", "errors"), ("3", "warnings")]


def test_findings_are_those_of_all_rows_against_training(monkeypatch: pytest.MonkeyPatch) -> None:
    sliced, drifted = make_finding("b", slice="c=d"), make_finding("c", kind=FindingKind.DRIFT)
    assert tables.findings(document()) == ""
    assert tables.findings(document(sliced, drifted)) == ""
    every = document(make_finding("a"), sliced, drifted, make_finding("d"))
    html = tables.findings(every)
    assert re.findall(r"<td><b>(\w)</b></td>", html) == ["a", "d"]
    assert "<h2>Findings<small>2</small></h2>" in html
    assert "more" not in html
    row = tables.finding_row(make_finding("a").to_json())
    monkeypatch.setattr(tables, "FINDINGS_BUDGET", len(row.encode()))
    assert tables.findings(every).count("<td><b>") == 1
    assert "1 more findings" in tables.findings(every)


def test_a_finding_shows_its_figures_its_cause_and_its_origin() -> None:
    plain = tables.finding_row(make_finding("a", distance=None, threshold=None).to_json())
    assert re.findall(r'<td class="num(?: soft)?">([^<]*)<', plain) == ["–", "–"]
    assert '<td class="w">its distribution moved</td>' in plain
    made = make_finding("x", space=Space.TRANSFORMED, raw_features=("a", "b"))
    finding = made.to_json() | {"diagnosis": {"cause": "scale", "confidence": 0.9}}
    html = tables.finding_row(finding)
    assert re.findall(r'<td class="num(?: soft)?">([^<]*)<', html) == ["0.42", "0.1"]
    remarks = re.sub("<[^>]*>", "", html[html.index("<div>") :])
    assert remarks == " Cause: scale, confidence 0.90. Computed from a and b."


@pytest.mark.parametrize(("count", "folded"), [(12, False), (13, True)])
def test_more_than_twelve_that_were_not_compared_are_folded(count: int, folded: bool) -> None:
    left_out = [NotCompared(f"f{i}", Space.RAW, "no values").to_json() for i in range(count)]
    html = tables.not_compared({"not_compared": left_out})
    assert f"<h2>Not compared<small>{count}</small></h2>" in html
    assert (f"<details><summary>Show all {count}</summary>" in html) is folded
    assert html.count("<td><b>f") == count
    assert tables.not_compared({"not_compared": []}) == ""


def test_features_beyond_the_budget_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = [NotCompared(f"f{i}", Space.RAW, "no values").to_json() for i in range(3)]
    [row] = re.findall("<tr><td>.*?</tr>", tables.not_compared({"not_compared": left_out[:1]}))
    monkeypatch.setattr(tables, "NOT_COMPARED_BUDGET", len(row))
    html = tables.not_compared({"not_compared": left_out})
    assert html.count("<td><b>f") == 1
    assert "2 more features" in html


def test_a_contract_is_shown_level_by_level() -> None:
    assert tables.contract({"contract": {}}) == ""
    assert tables.contract({}) == ""
    deep = {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}
    html = tables.contract({"contract": {"x": {"y": [1, 2], "z": ("w",)}, "n": None, "k": deep}})
    assert re.findall("<dt>([^<]*)</dt><dd><code>([^<]*)</code></dd>", html) == [
        ("x.y", "2 entries: 1, 2"),
        ("x.z", "1 entry: w"),
        ("n", "None"),
        # Below the sixth level as it is.
        ("k.a.b.c.d.e", "{&#39;f&#39;: 1}"),
    ]


def test_the_limit_of_a_finding_is_the_one_that_decided() -> None:
    finding = make_finding("a").to_json()
    assert tables.decided(finding) == (0.42, 0.1)
    tested = finding | {"evidence": {"effect": 0.3, "least_effect": 0.025, "metric": "kolmogorov_smirnov"}}
    assert tables.decided(tested) == (0.3, 0.025)
    html = tables.finding_row(tested)
    assert re.findall(r'<td class="num(?: soft)?">([^<]*)<', html) == ["0.3", "0.025"]
    assert tables.decided(finding | {"evidence": {"effect": None, "least_effect": 0.025}}) == (0.42, 0.1)


def test_findings_of_incidents_are_not_among_the_others() -> None:
    plain, caused = make_finding("a").to_json(), make_finding("b").to_json() | {"incident": "b-1"}
    html = tables.findings({"findings": [plain, caused]}, "Other findings")
    assert "<h2>Other findings<small>1</small></h2>" in html
    assert re.findall(r"<td><b>(\w)</b></td>", html) == ["a"]


def test_a_wide_table_scrolls_by_keyboard_and_says_what_it_is() -> None:
    html = tables.findings(document(make_finding("a")))
    assert '<div class="card scroll" tabindex="0" role="region" aria-label="Findings"><table' in html


def test_a_long_message_is_cut_at_its_end_alone() -> None:
    message = " ".join(f"w{i}" for i in range(200))
    assert message in tables.finding_row(make_finding("a", message=message).to_json())
    html = tables.finding_row(make_finding("a", message=f"{message} " * 9).to_json())
    [shown] = re.findall(r'<td class="w">([^<]*)</td>', html)
    assert f"{message} {message}".startswith(shown.removesuffix("…"))
    assert 1400 < len(shown) <= 1500
