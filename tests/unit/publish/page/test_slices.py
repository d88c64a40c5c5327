"""Slices in the page and on the console, whatever strangers call them."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
from support.page import HOSTILE, make_finding, make_verdict

from trueserve.pipelines.display.console import Console
from trueserve.transforms.publish.page import page
from trueserve.transforms.verdict.model import Finding
from trueserve.transforms.verdict.result import SliceVerdict, VerdictOutcome


def sliced_page(findings: list[Finding], slices: list[tuple[str, VerdictOutcome]]) -> str:
    verdicts = tuple(SliceVerdict(name, 7, outcome) for name, outcome in slices)
    verdict = dataclasses.replace(make_verdict("skew", findings), slices=verdicts)
    return page.render(verdict, []).decode()


def test_names_of_slices_bring_nothing_into_the_page() -> None:
    findings = [make_finding("distance", slice=h) for h in HOSTILE]
    html = sliced_page(findings, [(h, VerdictOutcome.SKEW) for h in HOSTILE])
    assert html.count("<script>") == 1  # the page's own
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert not set("\x00\x07\x1b\u202e") & set(html)


def test_findings_of_the_whole_are_marked_in_a_slice() -> None:
    findings = [make_finding("distance"), *(make_finding(f, slice="v=1") for f in ("distance", "stops"))]
    html = sliced_page(findings, [("v=1", VerdictOutcome.SKEW), ("v=2", VerdictOutcome.OK)])
    assert "<h2>Findings<small>1</small>" in html
    assert "v=1: 2 findings, 1 of them also in all rows together" in html
    assert html.count("<article") == 1


def test_a_page_of_many_slices_is_bounded() -> None:
    names = [f"version={i}" for i in range(100)]
    findings = [make_finding(f"f{i}", message="m" * 500, slice=name) for name in names for i in range(200)]
    assert len(sliced_page(findings, [(name, VerdictOutcome.SKEW) for name in names])) < 400_000


@pytest.mark.parametrize("terminal", [True, False])
def test_names_of_slices_neither_act_nor_style(terminal: bool) -> None:
    findings = [make_finding("distance", slice=f"[bold]{h}[/bold]") for h in HOSTILE]
    verdict = dataclasses.replace(make_verdict("skew", findings), slices_left_out=3)
    out = io.StringIO()
    Console(out, io.StringIO(), terminal=terminal).findings(verdict.to_json())
    assert "[bold]" in out.getvalue().replace("\n", "")
    assert "0 compared separately, 0 with skew; 3 not compared" in out.getvalue()
    assert not set("\x00\x07\x08\r\u202e\u2028") & set(out.getvalue())


def test_a_slice_shows_its_rows_and_its_findings_those_with_skew_first() -> None:
    findings = [make_finding(name, slice=part) for name, part in (("a", "s=2"), ("b", "s=1"), ("c", "s=1"))]
    html = sliced_page(
        [*findings, make_finding("c")],
        [("s=1", VerdictOutcome.OK), ("s=2", VerdictOutcome.SKEW), ("s=3", VerdictOutcome.OK)],
    )
    assert "<h2>Slices<small>3 compared</small></h2>" in html
    row = r'<tr><td><b>(s=\d)</b></td><td><span class="pill (\w+)">.*?<td class="num">(\d)</td></tr>'
    rows = re.findall(row, html)
    assert rows == [("s=1", "none", "2"), ("s=2", "error", "1"), ("s=3", "none", "0")]
    assert re.findall("<summary>(s=.*?)</summary>", html) == [
        "s=2: 1 finding",
        "s=1: 2 findings, 1 of them also in all rows together",
    ]


def test_slices_left_out_are_counted_and_without_any_there_is_no_part() -> None:
    left_out = dataclasses.replace(make_verdict("ok"), slices_left_out=1234)
    html = page.render(left_out, []).decode()
    assert "<small>0 compared; 1,234 not compared: too few rows, or not among the largest</small>" in html
    assert ">Slice</th>" not in html
    assert "<h2>Slices" not in page.render(make_verdict("ok"), []).decode()


def test_at_most_fifty_findings_of_a_slice_are_shown_its_own_first() -> None:
    shared = [make_finding(f"f{i}") for i in range(2)]
    own = [make_finding(f"g{i}", slice="s=1") for i in range(50)]
    again = [make_finding(f"f{i}", slice="s=1") for i in range(2)]
    html = sliced_page([*shared, *again, *own], [("s=1", VerdictOutcome.SKEW)])
    table = html.partition("<summary>s=1: 52 findings, 2 of them also in all rows together</summary>")[2]
    names = re.findall(r"<td><b>(\w+)</b></td>", table.partition("</details>")[0])
    assert names == [f"g{i}" for i in range(50)]
