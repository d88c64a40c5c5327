"""What a person sees: plain lines where there is no terminal, never a stranger's control characters."""

from __future__ import annotations

import io
import itertools
import threading
from typing import Any

import pytest
from support.page import HOSTILE, make_finding, make_verdict

from trueserve.pipelines.display.console import Console, _Meter
from trueserve.pipelines.display.verdict_table import MAX_ROWS
from trueserve.transforms.verdict.model import Diagnosis


def plain(**more: Any) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Console(out, err, **more), out, err


def skew() -> dict[str, Any]:
    return make_verdict(
        "skew", [make_finding("distance"), make_finding("carrier", severity="warning")]
    ).to_json()


def test_plain_lines_hold_one_fact_each() -> None:
    console, out, _ = plain()
    console.step("Reading the baseline")
    console.findings(skew())
    console.result("report", "/some where/" + "long/" * 60 + "report.html")
    lines = out.getvalue().splitlines()
    assert lines[0] == "Reading the baseline"
    assert lines[1].startswith("skew: distance is not served as trained")
    assert lines[2].startswith("records: 1,000 read: 990 decoded, 10 rejected")
    assert lines[3].startswith("error: distance (raw, distribution): ")
    assert lines[4].startswith("warning: carrier (raw, distribution): ")
    assert lines[-1].endswith("report.html")
    assert "\x1b" not in out.getvalue()


def test_what_moved_since_the_last_run_is_one_line() -> None:
    window = {"start": None, "end": None}
    previous = {"run": "r", "path": "p", "window": window, "verdict": "ok", "spaces": ["raw"], "windows": 0}
    for terminal in (False, True):
        console, out, _ = plain(terminal=terminal)
        console.findings(skew() | {"previous": previous | {"since": None}})
        assert out.getvalue().count("since the last run (all times): nothing moved") == 1
        console.findings(skew() | {"previous": previous | {"run": None}})
        assert out.getvalue().count("no earlier run: nothing to compare with") == 1


def test_findings_on_a_terminal_name_feature_distance_and_limit() -> None:
    console, out, _ = plain(terminal=True)
    console.findings(skew())
    text = out.getvalue()
    assert "SKEW" in text
    for shown in ("distance", "carrier", "0.42", "0.1", "error", "warning"):
        assert shown in text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_cause_stands_beside_its_finding(terminal: bool) -> None:
    console, out, _ = plain(terminal=terminal)
    known = make_finding("distance", diagnosis=Diagnosis("scale or unit", 0.98, "x 1.609"))
    unknown = make_finding("temp", diagnosis=Diagnosis("unknown", 0.0, "nothing fits"))
    console.findings(make_verdict("skew", [known, unknown]).to_json())
    text = " ".join(out.getvalue().split())
    assert "cause: unknown]" in text
    assert "confidence 0.98" in text or terminal  # a narrow column folds it
    assert "0.00" not in text


@pytest.mark.parametrize("verdict", ["ok", "not_examined", "failed"])
@pytest.mark.parametrize("terminal", [True, False])
def test_every_verdict_has_words(verdict: str, terminal: bool) -> None:
    console, out, _ = plain(terminal=terminal)
    console.findings(make_verdict(verdict).to_json())
    assert verdict.replace("_", " ") in out.getvalue().lower().replace("_", " ")


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_strangers_text_neither_acts_nor_styles(terminal: bool, name: str) -> None:
    console, out, err = plain(terminal=terminal)
    verdict = make_verdict("skew", [make_finding(name, message=f"saw [bold]{name}[/bold]")]).to_json()
    calm = make_verdict("skew", [make_finding("calm", message="saw [bold]calm[/bold]")]).to_json()
    verdict["not_compared"] = [{"feature": name, "space": "raw", "reason": name}]
    calm["not_compared"] = [{"feature": "calm", "space": "raw", "reason": "calm"}]
    console.findings(verdict)
    console.error(f"feature {name}")
    reference, expected, _ = plain(terminal=terminal)
    reference.findings(calm)

    assert "[bold]" in out.getvalue().replace("\n", "")
    assert _escapes(out.getvalue()) <= _escapes(expected.getvalue())
    assert not set("\x00\x07\x08\r\u202e\u2028") & set(out.getvalue() + err.getvalue())
    assert err.getvalue().count("\n") == 1
    assert len(err.getvalue()) < 2100


def test_many_findings_point_to_the_report() -> None:
    console, out, _ = plain(terminal=True)
    findings = [make_finding(f"feature_{i}") for i in range(MAX_ROWS + 5)]
    console.findings(make_verdict("skew", findings).to_json())
    assert "5 more in the report" in out.getvalue()
    assert f"feature_{MAX_ROWS}" not in out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_ends_with_what_was_read(terminal: bool) -> None:
    console, out, _ = plain(terminal=terminal)
    with console.progress("Reading requests", lambda: (12_345, 6_000_000), total_bytes=6_000_000):
        pass
    last = out.getvalue().splitlines()[-1]
    assert "Reading requests" in last
    assert "12,345 rows, 6.0 MB" in last
    assert "rows/s" in last


def test_progress_speaks_while_the_work_goes_on() -> None:
    console, out, _ = plain(plain_interval=0.01)
    polls = threading.Semaphore(0)

    def poll() -> tuple[int, int]:
        polls.release()
        return 500, 25

    with console.progress("Reading", poll, total_bytes=100):
        # The third question comes after the first two answers were written.
        assert all(polls.acquire(timeout=30) for _ in range(3))
        assert "Reading: 500 rows, 25 B of 100 B, 25%" in out.getvalue()


def test_progress_survives_a_heartbeat_that_cannot_be_read() -> None:
    console, out, _ = plain()

    def poll() -> tuple[int, int]:
        raise FileNotFoundError

    with console.progress("Reading", poll):
        pass
    assert "done, 0 rows" in out.getvalue()


def test_progress_that_a_runner_does_not_tell_fails_no_job() -> None:
    console, out, _ = plain()

    def poll() -> tuple[int, int]:
        raise RuntimeError("the metrics service is gone")

    with console.progress("Reading", poll):
        pass
    assert "done, 0 rows" in out.getvalue()


@pytest.mark.parametrize("moves", [True, False])
def test_progress_says_so_where_nothing_moves(moves: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count(0, 30)
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    rows = itertools.count(1)
    meter = _Meter("Reading", lambda: (next(rows) if moves else 0, 0), 100)
    facts = []
    for _ in range(5):
        meter.update()
        facts.append(meter.facts())
    assert [("no more rows for" in text) for text in facts] == [not moves and i > 0 for i in range(5)]
    assert "no more rows for" not in meter.facts(done=True)


def test_progress_of_work_that_fails_does_not_say_done() -> None:
    console, out, _ = plain()
    with pytest.raises(RuntimeError), console.progress("Reading", lambda: (1, 1)):
        raise RuntimeError
    assert "done" not in out.getvalue()
    assert "trueserve-progress" not in {thread.name for thread in threading.enumerate()}


def test_errors_go_to_stderr_alone() -> None:
    console, out, err = plain(terminal=True)
    console.error("no file matches 'x'\nand more")
    assert out.getvalue() == ""
    assert err.getvalue() == "trueserve: error: no file matches 'x'\\nand more\n"


def _escapes(text: str) -> set[str]:
    import re

    return set(re.findall(r"\x1b.[^a-zA-Z]*.?", text))
