"""Slices in the page and on the console, whatever strangers call them."""

from __future__ import annotations

import dataclasses
import io

import pytest
from support.page import HOSTILE, make_finding, make_verdict

from pipelines.display.console import Console
from transforms.publish.page import page
from transforms.verdict.model import Finding
from transforms.verdict.result import SliceVerdict, VerdictOutcome


def sliced_page(findings: list[Finding], slices: list[tuple[str, VerdictOutcome]]) -> str:
    verdicts = tuple(SliceVerdict(name, 7, outcome) for name, outcome in slices)
    verdict = dataclasses.replace(make_verdict("skew", findings), slices=verdicts)
    return page.render(verdict, []).decode()


def test_names_of_slices_bring_nothing_into_the_page() -> None:
    findings = [make_finding("distance", slice=h) for h in HOSTILE]
    html = sliced_page(findings, [(h, VerdictOutcome.SKEW) for h in HOSTILE])
    assert "<script>" not in html
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
