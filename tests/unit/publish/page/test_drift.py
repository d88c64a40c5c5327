"""The page's part of earlier runs."""

from __future__ import annotations

from typing import Any

import pytest
from support.page import HOSTILE, Parsed, make_finding, make_verdict, with_previous

from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.page import page
from trueserve.transforms.verdict.model import FindingKind


def test_earlier_runs_have_a_part_of_their_own() -> None:
    moved = make_finding("speed", "warning", "since June: other <b>", kind=FindingKind.DRIFT)
    slow = make_finding("fuel", "warning", "a little each time", kind=FindingKind.DRIFT, metric="slow_drift")
    verdict = with_previous(make_verdict("skew", [make_finding("wind", "error"), moved, slow]))
    html = page.render(verdict, []).decode()
    findings, changes = html.split("<h2>Findings")[1].split("<h2>Since the last run</h2>")
    assert findings.startswith("<small>1</small>")
    assert "speed" not in findings
    assert "Since the last run (2013-06-01 up to 2013-07-01, UTC): speed moved; over 7 earlier" in changes
    assert "windows fuel moved a little each time." in changes
    assert "since June: other &lt;b&gt;" in changes


def test_the_headline_tells_skew_before_drift() -> None:
    wind, moved = make_finding("wind", "warning"), make_finding("speed", "warning", kind=FindingKind.DRIFT)
    headline = formatting.headline(make_verdict("skew", [moved, wind]).to_json())
    assert headline == "wind is not served as trained, in 990 rows."
    assert formatting.headline(make_verdict("skew", [moved]).to_json()).startswith(
        "speed moved since earlier"
    )


def test_without_an_earlier_run_the_page_says_so() -> None:
    nothing: dict[str, Any] = {
        "run": None,
        "path": None,
        "window": None,
        "verdict": None,
        "spaces": [],
        "windows": 0,
    }
    info = make_finding("", "info", "no earlier run", kind=FindingKind.DRIFT, metric="no_earlier_run")
    html = page.render(with_previous(make_verdict("ok", [info]), **nothing), []).decode()
    assert "No earlier run: nothing to compare with." in html
    assert html.count("o earlier run") == 1
    assert "Since the last run" not in page.render(make_verdict("ok"), []).decode()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_earlier_runs_are_called_brings_no_tag(hostile: str) -> None:
    html = page.render(with_previous(make_verdict("ok"), run=hostile, path=hostile, verdict=hostile), [])
    plain = page.render(with_previous(make_verdict("ok")), [])
    assert Parsed(html).tags == Parsed(plain).tags
