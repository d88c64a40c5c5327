"""The pages of a run: which earlier runs its report shows, and which its index."""

from __future__ import annotations

import json
import zlib
from typing import Any

from support.page import make_verdict

from trueserve.transforms.publish import pages
from trueserve.transforms.runs.past_runs import PastRuns


def packed(*windows: tuple[str, str | None, str | None]) -> bytes:
    runs: list[tuple[str, dict[str, Any]]] = [
        (name, {"verdict": "ok", "window": {"start": start, "end": end}, "counts": {"compared": 5}})
        for name, start, end in windows
    ]
    return zlib.compress(json.dumps(runs).encode())


def rendered(outcome: str, data: bytes) -> dict[str, str]:
    made = pages.render(make_verdict(outcome), (), (), PastRuns(data))
    return {name: page.decode() for name, page in made}


BEFORE = ("before", "2013-06-01T00:00:00Z", "2013-07-01T00:00:00Z")
OVERLAPPING = ("overlapping", "2013-06-15T00:00:00Z", "2013-07-15T00:00:00Z")
AFTER = ("after", "2013-08-01T00:00:00Z", "2013-09-01T00:00:00Z")


def test_a_report_shows_windows_before_its_own_and_the_index_all() -> None:
    made = rendered("ok", packed(BEFORE, OVERLAPPING, AFTER))
    assert "2 windows" in made["report.html"]
    assert "4 windows" in made["index.html"]
    for name, *_ in (BEFORE, OVERLAPPING, AFTER):
        assert f'href="runs/{name}/report.html"' in made["index.html"]
    assert made["index.html"].count('href="report.html"') == 1


def test_the_first_run_has_an_index_of_itself() -> None:
    assert 'href="report.html"' in rendered("ok", b"")["index.html"]


def test_what_strangers_wrote_is_left_out() -> None:
    odd = [("odd", "yesterday", "tomorrow"), ("none", None, None)]
    made = rendered("ok", packed(BEFORE, *odd))
    assert "2 windows" in made["report.html"]


def test_a_run_that_failed_has_no_index() -> None:
    assert rendered("failed", packed(BEFORE)).keys() == {"report.html"}
    assert rendered("not_examined", packed(BEFORE)).keys() == {"report.html", "index.html"}


def test_a_window_of_a_series_has_no_index_of_its_own() -> None:
    made = dict(pages.render(make_verdict("ok"), (), (), PastRuns(packed(BEFORE), in_series=True)))
    assert made.keys() == {"report.html"}
    assert b"2 windows" in made["report.html"]
