"""The command line: quick help, exit codes, typos."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from trueserve.pipelines import cli
from trueserve.pipelines.beam.options import is_beam_flag
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.commands import COMMANDS
from trueserve.pipelines.process import streams, supervisor
from trueserve.transforms.core.errors import NothingExaminedError, UsageError

Capture = pytest.CaptureFixture[str]

VALIDATE = ("validate", "--baseline=b", "--logs=l", "--output=o")


@pytest.mark.parametrize("columns", [80, 110])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_grouped_and_fits_the_screen(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    titles = [line.removesuffix(":") for line in lines if line.removesuffix(":") in COMMANDS[name].groups]
    assert titles == list(COMMANDS[name].groups)
    assert titles[0] == "common flags"
    assert len(COMMANDS[name].groups[titles[0]]) <= 10


@pytest.mark.parametrize(("flag", "known"), [("--runner", True), ("--streaming", True), ("--runer", False)])
def test_the_flags_of_beam_are_known(flag: str, known: bool) -> None:
    assert is_beam_flag(flag) is known


def test_a_file_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "--logs=x", "--output=y", "--schema=\x1b[2Jgone", "--statistics=z"]) == 2
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert "gone" in error


@pytest.mark.parametrize(("users", "code"), [(None, 0), ("error::FutureWarning", 1)])
def test_processes_that_are_started_are_as_quiet_as_the_user_wants(
    users: str | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beam's workers import what warns of its own future."""
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    if users is not None:
        monkeypatch.setenv("PYTHONWARNINGS", users)
    for _ in range(2):
        cli._silence_libraries()
    warn = "import warnings; warnings.warn('soon', FutureWarning)"
    done = subprocess.run([sys.executable, "-c", warn], capture_output=True, text=True, check=False)
    assert (done.returncode, bool(done.stderr)) == (code, bool(code))
    assert os.environ["PYTHONWARNINGS"].count("FutureWarning") == 1 + (users is not None)


@dataclasses.dataclass
class SmallCommand:
    """In place of the module of a command."""

    run: Callable[[Any, Console], int]


CHECK = ("check", "--baseline=b", "--model=m")


def ended(monkeypatch: pytest.MonkeyPatch, run: Callable[[Any, Console], int]) -> int:
    """The exit code of a command that does no more than this."""
    monkeypatch.setattr(cli, "_import_command", lambda name: SmallCommand(run))
    return cli.main(CHECK)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("no \x1b folder"), 2, "error: no \\x1b folder"),
        (NothingExaminedError("no row"), 4, "error: no row"),
        (KeyboardInterrupt(), 130, "interrupted; a job that was submitted may still publish"),
    ],
)
def test_every_end_is_a_line_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    def fail(options: Any, console: Console) -> int:
        raise error

    assert ended(monkeypatch, fail) == code
    assert capsys.readouterr().err == f"trueserve: {line}\n"


def test_what_nobody_expected_is_a_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, lambda options, console: 1 // 0) == 3
    assert capsys.readouterr().err.startswith("trueserve: error: ")


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_result_that_nobody_saw_keeps_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_closed: bool
) -> None:
    def run(options: Any, console: Console) -> int:
        if is_closed:
            sys.stdout.close()
        console.lines(["the result"])
        return 1

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert ended(monkeypatch, run) == 1
    warning = "warning: cannot write to standard output: it is closed; exit code 1 is that of the result"
    assert capsys.readouterr().err == (f"trueserve: {warning}\n" if is_closed else "")


@pytest.mark.parametrize(
    ("argv", "in_a_child"),
    [
        (CHECK, True),
        (("join",), True),
        (("join", "--help"), False),
        (("join", "-h"), False),
        (("joins",), False),
        (("--version",), False),
        ((), False),
    ],
)
def test_a_command_runs_in_a_child(
    monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], in_a_child: bool
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(sys, "argv", ["trueserve", *argv])
    monkeypatch.setattr(streams, "open_missing", lambda: None)
    monkeypatch.setattr(supervisor, "run", lambda arguments, command: 40)
    monkeypatch.setattr(cli, "main", lambda arguments: 50)
    monkeypatch.setattr(os, "_exit", codes.append)
    cli.entry_point()
    assert codes == [40 if in_a_child else 50]


@pytest.mark.parametrize(("stop", "code"), [(SystemExit(), 0), (SystemExit(5), 5)])
def test_help_ends_with_its_own_code(monkeypatch: pytest.MonkeyPatch, stop: SystemExit, code: int) -> None:
    codes: list[int] = []

    def show(arguments: Any) -> int:
        raise stop

    monkeypatch.setattr(sys, "argv", ["trueserve", "--help"])
    monkeypatch.setattr(cli, "main", show)
    monkeypatch.setattr(os, "_exit", codes.append)
    cli.entry_point()
    assert codes == [code]
