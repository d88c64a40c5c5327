"""The pages in a real browser: what runs, what is requested, search, filters, values, and who listens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import page_documents
from support.browser import Browser
from support.page import HOSTILE, make_categories, make_finding, make_numbers, make_verdict

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.publish.page import page
from trueserve.transforms.publish.page.index import render_index
from trueserve.transforms.publish.page.windows import PastRun
from trueserve.transforms.verdict.model import NotCompared, Space

PHONE, WIDE = 390, 1280
VISIBLE = "[...document.querySelectorAll('.row')].filter(e => e.checkVisibility()).map(e => e.id)"
NAMES = "[...document.querySelectorAll('.row')].filter(e => e.checkVisibility())" + (
    ".map(e => e.querySelector('.n').textContent)"
)
TIP = "document.getElementById('tip').hidden ? null : document.getElementById('tip').textContent"


def hostile_pages() -> dict[str, bytes]:
    """Strangers' text wherever text can stand, on each page."""
    findings = [make_finding(h, message=h, metric=h, raw_features=(h,)) for h in HOSTILE]
    verdict = make_verdict(
        "skew",
        findings,
        [NotCompared(h, Space.RAW, h) for h in HOSTILE],
        Accounting(read=14, rejected=dict.fromkeys(HOSTILE, 1)),  # type: ignore[arg-type]
        {h: h for h in HOSTILE},
    )
    incidents = [
        page_documents.make_incident(
            h, ("raw", h), title=h, what_to_do=h, kind=h, state=h, since=h, severity=h, harm={"text": h},
            acknowledged={"until": h, "note": h},
        )
        for h in HOSTILE
    ]  # fmt: skip
    document = verdict.to_json() | {
        "incidents": incidents,
        "features": [{"feature": h, "space": "raw"} for h in HOSTILE],
    }
    runs = [
        PastRun(document | {"verdict": h, "window": {"start": h}, "counts": {"compared": h}}, h)
        for h in HOSTILE
    ]
    pictures = [make_numbers(h) for h in HOSTILE] + [make_categories("words", HOSTILE)]
    return {
        "report": page.render_document(document, pictures, findings, runs, 14),
        "index": render_index(runs),
    }


@pytest.mark.parametrize("name", ["report", "index"])
@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_strangers_text_does_nothing(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    browser.show(tmp_path, hostile_pages()[name], width)
    for mark in range(0, browser.evaluate("document.querySelectorAll('svg[data-n]').length"), 5):
        browser.evaluate(f"document.querySelectorAll('svg[data-n]')[{mark}].focus()")
        browser.press("ArrowRight")
    assert (browser.complaints, browser.requests) == ([], [])
    assert browser.evaluate("document.scripts.length") == 1
    # Nor does it push anything out of a phone's sight.
    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_what_a_stranger_would_smuggle_in_is_stopped_and_seen(browser: Browser, tmp_path: Path) -> None:
    """Were escaping to fail, the policy stops it; and these tests would see it."""
    smuggled = b"<script>alert(1)</script><img src=https://x.invalid/y onerror=alert(2)>"
    html = page_documents.rendered().replace(b"<footer>", smuggled + b"<footer>")
    browser.show(tmp_path, html)
    assert not [complaint for complaint in browser.complaints if complaint.startswith("dialog")]
    assert sum("Content Security Policy" in complaint for complaint in browser.complaints) >= 2
    start, end = html.index(b"<meta http-equiv"), html.index(b'<meta name="viewport')
    browser.show(tmp_path, html[:start] + html[end:])
    assert "dialog: 1" in browser.complaints
    assert browser.requests == ["https://x.invalid/y"]


def test_a_page_says_nothing_in_the_console_and_asks_for_nothing(report: Browser) -> None:
    assert (report.complaints, report.requests) == ([], [])


def test_search_leaves_the_features_and_findings_that_hold_every_word(report: Browser) -> None:
    report.press("/")
    report.write("FARE missing")
    assert report.evaluate(NAMES) == ["fare"]
    assert report.evaluate("document.getElementById('count').textContent") == "1 of 5 shown"
    rows = "[...document.querySelectorAll('.found td:nth-child(2)')].filter(e => e.checkVisibility())"
    assert report.evaluate(f"{rows}.map(e => e.textContent)") == ["fare"]
    report.press("Escape")
    # Folds are closed again, as they were.
    assert report.evaluate(NAMES) == ["stops", "calm"]
    assert report.evaluate("document.getElementById('count').textContent") == "5 of 5 shown"


@pytest.mark.parametrize(
    ("control", "value", "names"),
    [
        ("space", "transformed", ["carrier_id"]),
        ("space", "raw", ["carrier", "fare", "stops", "calm"]),
        ("severity", "error", ["carrier", "carrier_id"]),
        ("severity", "any", ["carrier", "carrier_id", "fare", "stops"]),
        ("severity", "none", ["calm"]),
        ("kind", "presence", ["fare"]),
    ],
)
def test_filters_leave_what_fits(report: Browser, control: str, value: str, names: list[str]) -> None:
    choose(report, control, value)
    assert report.evaluate(NAMES) == names
    choose(report, control, "")
    assert report.evaluate(NAMES) == ["stops", "calm"]


def choose(browser: Browser, control: str, value: str) -> None:
    browser.evaluate(
        f"(e => {{e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change', {{bubbles: true}}))}})"
        f"(document.getElementById('{control}'))"
    )
    browser.drawn()


def test_sorting_makes_one_list_and_returns_to_the_folds(report: Browser) -> None:
    before = report.evaluate("document.body.textContent")
    choose(report, "sort", "name")
    assert report.evaluate(NAMES) == ["calm", "carrier", "carrier_id", "fare", "stops"]
    choose(report, "sort", "r")
    assert report.evaluate(NAMES)[-1] == "calm"
    choose(report, "sort", "")
    assert report.evaluate(NAMES) == ["stops", "calm"]
    assert report.evaluate("document.body.textContent") == before


def test_values_are_shown_under_the_pointer_and_by_arrow_keys(report: Browser) -> None:
    calm = ".row.none svg.hist"
    report.point(calm, 0.55, 0.5)
    assert report.evaluate(TIP) == "500 to 550\nserved 9.57 %, training 9.57 %"
    report.point("h1")
    assert report.evaluate(TIP) is None
    report.evaluate(f"document.querySelector('{calm}').focus()")
    report.press("ArrowRight")
    assert report.evaluate(TIP).startswith("below 50\n")
    report.press("ArrowLeft")
    assert report.evaluate(TIP).startswith("950 and above\n")
    report.press("Escape")
    assert report.evaluate(TIP) is None


def test_values_of_categories_lines_and_windows_are_shown(report: Browser) -> None:
    report.point("#i0 svg.cats", 0.5, 0.2)
    assert report.evaluate(TIP) == "UA\nserved 33.3 %, training 66.7 %"
    report.point(".heat svg", 0.1, 0.5)
    assert report.evaluate(TIP) == "2013-06-01\nchance, or under half the limit"
    report.point(".heat svg", 0.9, 0.5)
    assert report.evaluate(TIP) == "2013-07-01\nan error"
    choose(report, "sort", "name")
    report.point("#r0 svg.line", 0.4, 0.5)
    assert report.evaluate(TIP) == "2013-06-01\neffect: 0.8 of its limit"


def test_a_link_unfolds_what_it_leads_to(report: Browser) -> None:
    assert not report.evaluate("document.getElementById('f0').open")
    report.point('#i0 a[href="#f0"]', click=True)
    assert report.evaluate("document.getElementById('f0').open")
    assert report.evaluate(NAMES)[:2] == ["carrier", "carrier_id"]


def test_runs_are_linked_from_both_places_of_a_page(browser: Browser, tmp_path: Path) -> None:
    html = page_documents.rendered([page_documents.past_run(1), page_documents.past_run(2)])
    links = "[...document.querySelectorAll('#windows a')].map(e => e.href)"
    browser.show(tmp_path, html)
    expected = [(tmp_path / "runs" / f"run-0{d}" / "report.html").as_uri() for d in (1, 2)]
    assert browser.evaluate(links) == expected
    own = tmp_path / "runs" / "run-03"
    own.mkdir(parents=True)
    browser.show(own, html)
    assert browser.evaluate(links) == expected


@pytest.mark.parametrize("folder", ["", "runs/run-03", "failed", "failed/runs/run-03"])
def test_windows_of_a_series_are_linked_from_each_place_of_a_page(
    folder: str, browser: Browser, tmp_path: Path
) -> None:
    names = ["2013-07-12T00Z_P1D", "2013-07-13T00Z_P1D"]
    runs = [page_documents.past_run(at)._replace(name=name) for at, name in enumerate(names, 1)]
    series = tmp_path / "windows" / "x"
    own = series / "windows" / "2013-07-14T00Z_P1D" / folder
    own.mkdir(parents=True)
    browser.show(own, page_documents.rendered(runs))
    links = browser.evaluate("[...document.querySelectorAll('#windows a')].map(e => e.href)")
    assert links == [(series / "windows" / name / "report.html").as_uri() for name in names]


def test_six_hundred_features_are_drawn_when_they_are_seen(browser: Browser, tmp_path: Path) -> None:
    browser.show(tmp_path, page_documents.large_page(600))
    browser.evaluate("document.querySelector('details.fold').open = true")
    browser.drawn()
    drawn = "[...document.querySelectorAll('.row')].filter(" + (
        "e => e.checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert browser.evaluate("document.querySelectorAll('.row').length") == 600
    assert 0 < browser.evaluate(drawn) < 100
    browser.evaluate("document.getElementById('query').focus()")
    browser.write("made_299")
    assert browser.evaluate(NAMES) == ["made_299"]


def test_all_is_unfolded_on_paper_and_as_before_afterwards(report: Browser, tmp_path: Path) -> None:
    report.evaluate("addEventListener('afterprint', () => { window.was = true })")
    report.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert report.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    report.evaluate("dispatchEvent(new Event('afterprint'))")
    assert report.evaluate("document.querySelectorAll('#f0:not([open])').length") == 1
    report.look(media="print")
    assert not report.evaluate("document.getElementById('bar').checkVisibility()")
    report.look()


def test_without_the_script_all_is_there_and_no_control_is_dead(browser: Browser, tmp_path: Path) -> None:
    html = page_documents.rendered()
    start, end = html.index(b"<script>"), html.index(b"</script>")
    browser.show(tmp_path, html[:start] + html[end + 9 :])
    assert browser.evaluate("document.querySelectorAll('.row').length") == 5
    assert not browser.evaluate("document.getElementById('bar').checkVisibility()")
