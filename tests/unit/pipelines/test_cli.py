"""The command line: quick help, exit codes, typos."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.repo import ROOT

from pipelines import cli
from pipelines.beam.options import is_beam_flag
from pipelines.display.console import Console
from pipelines.flags import reading
from pipelines.flags.commands import COMMANDS
from pipelines.process import streams, supervisor
from transforms.core.errors import NothingExaminedError, UsageError

Capture = pytest.CaptureFixture[str]

# What takes a second and more to import, and what it stands on.
HEAVY = {
    "apache_beam",
    "tensorflow",
    "tensorflow_data_validation",
    "tensorflow_transform",
    "tfx_bsl",
    "keras",
    "pyarrow",
    "numpy",
    "pandas",
    "google.protobuf",
    "rich",
}
IMPORTED = """
import sys
from pipelines import cli
try:
    code = cli.main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
print(code, *sys.modules, file=sys.stderr)
"""
VALIDATE = ("validate", "--baseline=b", "--logs=l", "--output=o")


def imports(*argv: str) -> tuple[int, str, set[str]]:
    """Exit code, stdout and the modules that are there when a command has ended."""
    command = [sys.executable, "-c", IMPORTED, *argv]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    code, *modules = run.stderr.splitlines()[-1].split()
    return int(code), run.stdout, set(modules)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--help"], ["prepare", "export", "validate", "exit codes:"]),
        (["prepare", "--help"], ["--examples", "--preprocessing", "--label", "exit codes:", "Apache Beam"]),
        (["join", "--help"], ["--shared_filesystem", "Apache Beam", "--direct_running_mode"]),
        (["export", "--help"], ["--model", "--custom_objects", "exit codes:"]),
        (["validate", "--help"], ["--time_feature", "--fail_on", "--spaces", "exit codes:", "Apache Beam"]),
        (["validate", "--help"], ["--window", "PT1H", "%Y/%m/%d", *reading.FORMATS, *reading.EXCLUDE_FIELDS]),
        (["--version"], ["trueserve 0."]),
    ],
)
def test_help_imports_nothing_heavy(argv: list[str], says: list[str]) -> None:
    code, out, modules = imports(*argv)
    assert code == 0
    assert all(word in out for word in says), out
    assert "pipelines" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["validdate"],
        ["prepare", "--examples=x"],
        ["validate", "--start=noon"],
        ["validate", "--window=noon"],
        ["validate", "--baseline=b", "--output=o", "--logs=l/%Y"],
    ],
)
def test_wrong_usage_imports_nothing_heavy(argv: list[str]) -> None:
    code, out, modules = imports(*argv)
    assert (code, out) == (2, "")
    assert not modules & HEAVY


def test_the_module_runs_as_a_console_script() -> None:
    command = Path(sys.executable).with_name("trueserve")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([str(command)], env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("trueserve: error: expected a command")
    assert run.stderr.count("\n") == 1


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


def test_a_typo_is_one_line_though_beam_is_asked_whether_it_knows_the_flag() -> None:
    code = "from pipelines.cli import entry_point; entry_point()"
    done = subprocess.run(
        [sys.executable, "-c", code, *VALIDATE, "--log=x"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "trueserve: error: unknown flag --log: did you mean --logs?\n"


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
