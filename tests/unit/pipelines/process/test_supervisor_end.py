"""What the parent of a command says and does at its end, a function at a time; nothing is started."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trueserve.pipelines.process import cleanup, supervisor
from trueserve.transforms.core.errors import NothingExaminedError, UsageError


@pytest.mark.parametrize(
    ("number", "was_child", "submitted", "line"),
    [
        (signal.SIGTERM, False, False, "ended by SIGTERM; nothing"),
        (signal.SIGTERM, True, False, "ended by SIGTERM; nothing"),
        (signal.SIGKILL, False, False, "ended by SIGKILL; nothing"),
        (signal.SIGKILL, True, False, "ended by SIGKILL from outside (out of memory?); nothing"),
        (
            signal.SIGINT,
            False,
            True,
            "ended by SIGINT; nothing; the job that was submitted goes on and may still publish",
        ),
    ],
)
def test_the_line_says_who_ended_it(
    number: signal.Signals, was_child: bool, submitted: bool, line: str
) -> None:
    assert supervisor._line(number, was_child, "nothing", submitted) == line


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_gets_its_cursor_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stdout", out)
    supervisor._print_line("ended")
    assert out.getvalue() == ("\x1b[?25h" if terminal else "")
    assert capsys.readouterr().err == "trueserve: ended\n"


@pytest.mark.parametrize("error", [UsageError("no \x1b folder"), NothingExaminedError("no \x1b folder")])
def test_what_cannot_be_started_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Any
) -> None:
    def fail(argv: Any, command: Any) -> int:
        raise error

    monkeypatch.setattr(supervisor, "_supervise", fail)
    assert supervisor.run(["join"], lambda _: 0) == error.exit_code
    assert capsys.readouterr().err == "trueserve: error: no \\x1b folder\n"


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> bytearray:
    """What the child's process and its parent share."""
    shared = bytearray(1)
    monkeypatch.setattr(supervisor._State, "submitted", shared)
    return shared


def test_a_job_that_was_submitted_is_marked(submitted: bytearray, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor.mark_submitted()
    assert submitted[0] == 1
    monkeypatch.setattr(supervisor._State, "submitted", None)
    supervisor.mark_submitted()  # in a process without a parent of ours


def test_folders_on_stores_are_left_to_a_job_that_goes_on(tmp_path: Path, submitted: bytearray) -> None:
    assert supervisor._remote_folders(str(tmp_path)) == {}
    (tmp_path / cleanup.REMOTE).write_text("[not JSON")
    assert supervisor._remote_folders(str(tmp_path)) == {}
    (tmp_path / cleanup.REMOTE).write_text(json.dumps({"gs://b/staged": "gs://b/baseline"}))
    assert supervisor._remote_folders(str(tmp_path)) == {"gs://b/staged": "gs://b/baseline"}
    submitted[0] = 1
    assert supervisor._remote_folders(str(tmp_path)) == {}


@pytest.mark.parametrize(("owner", "stays"), [(0, False), (1, True)])
def test_only_ones_own_folders_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, stays: bool
) -> None:
    folder = tmp_path / "trueserve-0123456789ab"
    folder.mkdir()
    (folder / "half").touch()
    user = folder.stat().st_uid + owner
    monkeypatch.setattr(os, "geteuid", lambda: user)
    supervisor._delete_own(str(folder))
    supervisor._delete_own(str(tmp_path / "gone"))
    assert folder.exists() is stays


def test_this_process_knows_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.read(reading, 1)
        os._exit(0)
    assert child in supervisor._children()
    os.write(writing, b"x")
    os.waitpid(child, 0)
    assert child not in supervisor._children()
    os.close(reading)
    os.close(writing)
    monkeypatch.setattr(os, "getpid", lambda: 0)
    assert supervisor._children() == []


class EndedError(Exception):
    """In place of the end of the process."""


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, Callable[[int, None], None]]]:
    """The handlers that are set, by signal; none gets to the system."""
    handlers_by_signal: dict[int, Any] = {}

    def end(code: int) -> None:
        raise EndedError(code)

    monkeypatch.setattr(signal, "signal", handlers_by_signal.__setitem__)
    monkeypatch.setattr(signal, "pthread_sigmask", lambda how, numbers: handlers_by_signal)
    monkeypatch.setattr(os, "_exit", end)
    yield handlers_by_signal
    monkeypatch.undo()


@pytest.mark.parametrize(("seconds", "ends"), [(0.0, False), (0.5, False), (0.6, True)])
def test_the_same_signal_from_two_senders_is_no_second_signal(
    handlers: dict[int, Callable[[int, None], None]],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    ends: bool,
) -> None:
    """It comes to a process and to its group within half a second; another after that ends it at once."""
    clock = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    supervisor._end_on_next_signal({signal.SIGTERM, signal.SIGINT}, signal.SIGTERM)
    assert set(handlers) == {signal.SIGTERM, signal.SIGINT}
    if not ends:
        handlers[signal.SIGINT](signal.SIGINT, None)
        return
    with pytest.raises(EndedError, match="143"):
        handlers[signal.SIGINT](signal.SIGINT, None)
