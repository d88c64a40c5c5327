"""index.html: a row a run, the latest window first, what was replaced, and links to the reports."""

from __future__ import annotations

import re

from support.page import Parsed
from support.page_documents import CARRIER, make_entry, make_incident, past_run

from trueserve.transforms.publish.page.index import render_index
from trueserve.transforms.publish.page.windows import PastRun


def rows(*runs: PastRun) -> list[list[str]]:
    html = render_index(runs).decode()
    cells = [re.findall("<td.*?>(.*?)</td>", row) for row in re.findall("<tr><td>.*?</tr>", html)]
    return [[" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in row] for row in cells]


def test_runs_are_rows_the_latest_window_first() -> None:
    incident = make_incident(CARRIER, state="ongoing")
    first = past_run(1)
    again = first._replace(name="run-00")
    assert rows(first, again, past_run(2, verdict="skew", incidents=[incident])) == [
        ["2013-06-02", "Skew", "1,002", "error carrier is served otherwise ongoing"],
        ["2013-06-01", "No skew", "1,001", ""],
        ["2013-06-01 replaced by a later run", "No skew", "1,001", ""],
    ]


def test_incidents_past_the_fourth_are_counted() -> None:
    incidents = [make_incident(f"{i}-1") for i in range(6)]
    [[*_, cell]] = rows(past_run(1, incidents=incidents))
    assert cell.count("error") == 4
    assert cell.endswith("and 2 more")


def test_the_banner_is_the_latest_windows_verdict() -> None:
    text = Parsed(render_index([past_run(2, verdict="skew"), past_run(1)])).text
    assert "2 runs Skew The latest window begins at 2013-06-02." in text
    open_now = past_run(3, verdict="skew", incidents=[make_incident(CARRIER)])
    assert "at 2013-06-03. 1 open incident." in Parsed(render_index([open_now])).text
    assert "No run has published a verdict here." in Parsed(render_index([])).text


def test_reports_are_linked_below_the_page_and_nowhere_else() -> None:
    html = render_index(
        [past_run(1), past_run(2)._replace(name="../../x"), PastRun({"verdict": 3}, "a")]
    ).decode()
    assert re.findall('href="(.*?)"', html) == ["runs/run-01/report.html", "runs/a/report.html"]


def test_windows_are_a_map_too() -> None:
    html = render_index([past_run(day, [make_entry("fare", 0.02)]) for day in (1, 2)]).decode()
    assert "fare (raw): error in 0 of 2 windows" in html
    assert not Parsed(html.encode()).open
