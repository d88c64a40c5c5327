"""A start of the command, each in a process of its own: what it imports, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.repo import ROOT

from trueserve.pipelines.flags import reading

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
from trueserve.pipelines import cli
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
    assert "trueserve" in modules
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


def test_a_typo_is_one_line_though_beam_is_asked_whether_it_knows_the_flag() -> None:
    code = "from trueserve.pipelines.cli import entry_point; entry_point()"
    done = subprocess.run(
        [sys.executable, "-c", code, *VALIDATE, "--log=x"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "trueserve: error: unknown flag --log: did you mean --logs?\n"
