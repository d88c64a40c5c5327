"""What the console shows on a terminal and elsewhere, and how far a step is, at a time that stands."""

from __future__ import annotations

import contextlib
import io
import time
from typing import Any

import pytest
from rich.progress_bar import ProgressBar

from trueserve.pipelines.display import console as consoles
from trueserve.pipelines.display.console import Console
from trueserve.transforms.core.errors import InputError


class TerminalStream(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "given", "terminal"),
    [
        (TerminalStream, None, True),
        (io.StringIO, None, False),
        (TerminalStream, False, False),
        (io.StringIO, True, True),
    ],
)
def test_a_console_is_a_terminal_if_its_stream_is(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], given: bool | None, terminal: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    console = Console(stream(), io.StringIO(), given, interval=1.0, plain_interval=2.0)
    assert console.terminal is terminal
    assert console._interval == (1.0 if terminal else 2.0)


@pytest.mark.parametrize("terminal", [True, False])
def test_steps_and_results_have_marks_on_a_terminal(terminal: bool) -> None:
    out = io.StringIO()
    console = Console(out, io.StringIO(), terminal)
    console.step("reading")
    console.result("report", "out/report.html")
    assert ("●" in out.getvalue(), "✓" in out.getvalue()) == (terminal, terminal)
    if not terminal:
        assert out.getvalue() == "reading\nreport out/report.html\n"


def test_what_standard_output_alone_gets_must_reach_it() -> None:
    out = io.StringIO()
    console = Console(out, io.StringIO())
    console.check_shown("the report")
    out.close()
    console.lines(["lost"])
    assert console.unwritable == "it is closed"
    with pytest.raises(InputError) as caught:
        console.check_shown("the report")
    assert str(caught.value) == (
        "cannot write the report to standard output: it is closed; send it elsewhere and run again"
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_a_step_with_progress_is_said_at_its_start_and_its_end(terminal: bool) -> None:
    out = io.StringIO()
    console = Console(out, io.StringIO(), terminal, interval=60.0, plain_interval=60.0)
    with console.progress("reading", lambda: (7, 500), 1000):
        text = out.getvalue()
    if terminal:
        assert "reading ..." not in text
        assert "✓" in out.getvalue()
        assert "reading: done" not in out.getvalue()
        return
    assert text == "reading ...\n"
    assert out.getvalue().splitlines()[1].startswith("reading: done, 7 rows, 500 B, ")


def test_a_bar_is_live_on_a_terminal_alone() -> None:
    for terminal in (True, False):
        console = Console(io.StringIO(), io.StringIO(), terminal)
        live = console._live(consoles._Meter("reading", lambda: (0, 0), None))
        assert isinstance(live, contextlib.nullcontext) is not terminal


def meter(
    monkeypatch: pytest.MonkeyPatch, rows: int, num_bytes: int, total: int | None, seconds: float
) -> consoles._Meter:
    """So many seconds after its start."""
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    result = consoles._Meter("reading", lambda: (rows, num_bytes), total)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 + seconds)
    result.update()
    return result


@pytest.mark.parametrize(
    ("num_bytes", "total", "share"),
    [(0, 1000, 0.0), (250, 1000, 0.25), (1000, 1000, 1.0), (1500, 1000, 1.0), (5, None, None), (5, 0, None)],
)
def test_the_share_is_of_the_bytes_and_one_at_most(
    monkeypatch: pytest.MonkeyPatch, num_bytes: int, total: int | None, share: float | None
) -> None:
    shown = meter(monkeypatch, 1, num_bytes, total, 1.0)
    assert shown.share() == share
    group: Any = shown.__rich__()
    [bar] = [cell for column in group.renderables[0].columns for cell in column.cells if is_bar(cell)]
    assert (bar.completed, bar.pulse) == (share or 0, share is None)


def is_bar(cell: Any) -> bool:
    return isinstance(cell, ProgressBar)


@pytest.mark.parametrize(
    ("total", "seconds", "done", "facts"),
    [
        (2000, 2.0, False, "1,000 rows, 500 B of 2.0 kB, 25%, 500 rows/s, 250 B/s, 0:02"),
        (2000, 2.0, True, "1,000 rows, 500 B, 500 rows/s, 250 B/s, 0:02"),
        (None, 125.9, False, "1,000 rows, 500 B, 8 rows/s, 4 B/s, 2:05"),
        (None, 0.0, True, "1,000 rows, 500 B, 1M rows/s, 500.0 kB/s, 0:00"),
    ],
)
def test_the_facts_of_a_step(
    monkeypatch: pytest.MonkeyPatch, total: int | None, seconds: float, done: bool, facts: str
) -> None:
    assert meter(monkeypatch, 1000, 500, total, seconds).facts(done) == facts


def test_a_poll_that_fails_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    polls = iter([(1, 10)])

    def poll() -> tuple[int, int]:
        for progress in polls:
            return progress
        raise OSError("gone")

    shown = consoles._Meter("reading", poll, None)
    shown.update()
    shown.update()
    assert shown.facts().startswith("1 row, 10 B, ")
