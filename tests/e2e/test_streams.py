"""Standard output that is full, gone or closed: no traceback, and no exit code that nobody could read."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.page import make_verdict

from trueserve.pipelines import check, cli
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.check import CheckOptions
from trueserve.pipelines.process import streams
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.serving.check.report import Report

ENTRY = "from trueserve.pipelines.cli import entry_point; entry_point()"


class Full(io.StringIO):
    """A stream that fails when it is flushed, as one with a buffer does on a full disk."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error or OSError(28, "No space left on device")

    def flush(self) -> None:
        raise self.error


FAILURES = [
    (OSError(28, "No space left on device"), "No space left on device"),
    (BrokenPipeError(32, "Broken pipe"), "Broken pipe"),
    (ValueError("I/O operation on closed file"), "it is closed"),
]


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize(("error", "why"), FAILURES)
def test_a_console_outlives_its_output(terminal: bool, error: Exception, why: str) -> None:
    err = io.StringIO()
    console = Console(Full(error), err, terminal=terminal)
    console.step("reading")
    console.findings(make_verdict("skew").to_json())
    with console.progress("reading", lambda: (1, 1)):
        pass
    console.result("report", "report.html")
    assert console.unwritable == why
    with pytest.raises(InputError, match=f"cannot write the report to standard output: {why}; "):
        console.check_shown("the report")
    console.error("still told")
    assert err.getvalue() == "trueserve: error: still told\n"


def test_an_error_that_cannot_be_shown_is_no_error() -> None:
    console = Console(io.StringIO(), Full())
    console.error("x")
    console.warning("x")
    streams.say("x", Full())
    assert console.unwritable is None  # standard output is not what failed


def test_what_an_encoding_lacks_is_spelled_out() -> None:
    data = io.BytesIO()
    console = Console(io.TextIOWrapper(data, "ascii"), io.StringIO())
    console.step("gr\u00f6\u00dfe \u25cf")
    assert (data.getvalue(), console.unwritable) == (b"gr\\xf6\\xdfe \\u25cf\n", None)


def test_an_output_that_takes_all_is_shown() -> None:
    console = Console(io.StringIO(), io.StringIO())
    console.step("reading")
    console.check_shown("the report")
    assert console.unwritable is None


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("outcome", [0, 1])
def test_check_whose_report_nobody_got_is_an_error(
    json: bool, outcome: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0 or 1 would say that the report was shown."""
    monkeypatch.setattr(check, "examine", lambda *_: _report())
    monkeypatch.setattr(Report, "exit_code", property(lambda _: outcome))
    options = CheckOptions("baseline", "model", json=json)
    assert check.run(options, Console(io.StringIO(), io.StringIO())) == outcome
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(cli, "_import_command", lambda _: check)
    code = cli.main(["check", "--baseline=b", "--model=m", *(["--json"] if json else [])])
    assert code == 3
    error = capsys.readouterr().err
    assert error.startswith("trueserve: error: cannot write the report to standard output: No space left")
    assert error.count("\n") == 1


def _report() -> Report:
    return Report(
        baseline="b",
        model="m",
        reference=None,
        probes=1,
        synthetic=0,
        compared={},
        predictions_from=None,
        findings=(),
        versions=(),
        lint=(),
    )


class Command:
    """A command that has published a verdict."""

    def __init__(self, code: int) -> None:
        self._code = code

    def run(self, _: object, console: Console) -> int:
        console.findings(make_verdict("skew").to_json())
        return self._code


@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_a_result_that_is_in_files_keeps_its_exit_code(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(cli, "_import_command", lambda _: Command(code))
    assert cli.main(["validate", "--baseline=b", "--logs=l", "--output=o"]) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cannot write to standard output: No space left on device" in error
    assert f"exit code {code}" in error


def process(*argv: str, **streams_: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ENTRY, *argv]
    return subprocess.run(command, text=True, check=False, **streams_)


def test_help_that_cannot_be_shown_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = process("validate", "--help", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 3
    assert (
        done.stderr == "trueserve: error: cannot write the help to standard output: No space left on device\n"
    )


def test_help_for_a_reader_that_has_gone_is_one_line() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = process("--help", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "Broken pipe" in done.stderr


def test_an_error_without_a_standard_error_keeps_its_exit_code() -> None:
    with Path("/dev/full").open("w") as full:
        assert process("validate", stdout=subprocess.PIPE, stderr=full).returncode == 2


@pytest.mark.parametrize(("argv", "code"), [("--help", 3), ("validate", 2), ("--version", 3)])
def test_streams_that_are_closed_do_no_harm(argv: str, code: int) -> None:
    shell = f'exec "{sys.executable}" -c "{ENTRY}" {argv} <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", shell], check=False).returncode == code
