"""Jobs that are started by flags alone: `python -m trueserve.pipelines.JOB` and `main.py --job=JOB`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.repo import ROOT

from trueserve.pipelines import cli
from trueserve.pipelines.flags.commands import COMMANDS
from trueserve.transforms.core.errors import UsageError

#: The commands that are modules of `trueserve.pipelines` itself, as jobs are.
MODULES = sorted(name for name, command in COMMANDS.items() if not command.folder)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], ["validate"]),
        (["--logs=a"], ["validate", "--logs=a"]),
        (["--logs=a", "--job=join", "--key=b"], ["join", "--logs=a", "--key=b"]),
        (["--job", "backtest", "--logs", "--job_name=x"], ["backtest", "--logs", "--job_name=x"]),
        (["--verbose=true", "--logs=true"], ["validate", "--verbose", "--logs=true"]),
        (["--verbose=False", "--keep_payloads=True"], ["validate", "--keep_payloads"]),
        (["--verbose=maybe"], ["validate", "--verbose=maybe"]),
        (["--job=nothing", "--verbose=true"], ["nothing", "--verbose=true"]),
    ],
)
def test_the_job_is_a_flag(argv: list[str], expected: list[str]) -> None:
    assert cli.flags_only(argv) == expected


@pytest.mark.parametrize(
    "argv", [["--job"], ["--job="], ["--job", "--logs=a"], ["--job=join", "--job=validate"]]
)
def test_a_job_is_named_once(argv: list[str]) -> None:
    with pytest.raises(UsageError, match="--job: expected one command: prepare, "):
        cli.flags_only(argv)


def started(folder: Path, *argv: str) -> tuple[int, str]:
    """The exit code and standard error of a program, in a folder that is not the checkout."""
    run = [sys.executable, "-X", "importtime", *argv]
    done = subprocess.run(
        run, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("import time:")]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_each_job_takes_flags_and_loads_nothing_heavy_before(name: str, tmp_path: Path) -> None:
    code, err = started(tmp_path, "-m", f"trueserve.pipelines.{name}", "--no_such_flag=1")
    assert code == 2
    (line,) = lines_of(err)
    assert line.startswith("trueserve: error: ")
    assert f"`trueserve {name} --help`" in line


def test_help_of_a_module_is_that_of_its_command(tmp_path: Path) -> None:
    code, err = started(tmp_path, "-m", "trueserve.pipelines.validate", "--help")
    assert (code, lines_of(err)) == (0, [])
    assert "tensorflow" not in err
    assert "apache_beam" not in err


def test_main_ends_as_the_command_does(tmp_path: Path) -> None:
    main = str(ROOT / "main.py")
    code, err = started(tmp_path, main, "--job=validat")
    assert (code, len(lines_of(err))) == (2, 1)
    code, err = started(tmp_path, main, "--job")
    assert (code, len(lines_of(err))) == (2, 1)
    assert "--job: expected one command" in err
    code, err = started(tmp_path, main, "--baseline=b", "--output=o")
    assert (code, len(lines_of(err))) == (2, 1)
    assert "--logs" in err
    code, err = started(tmp_path, main, "--job=explain", str(tmp_path))
    assert (code, len(lines_of(err))) == (2, 1)
    assert "there is none at" in err
