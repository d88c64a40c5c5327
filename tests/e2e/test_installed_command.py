"""The installed command, as a user starts it: from a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Home
from support import e2e
from support import validate as support
from support.repo import ROOT

Capture = pytest.CaptureFixture[str]


def test_worker_processes_say_the_same(home: Home, tmp_path: Path, capsys: Capture) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    arguments = [
        "validate",
        f"--baseline={home.baseline}",
        f"--logs={home.skewed}",
        "--output=out",
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
    ]
    completed = installed(arguments, mine)
    assert completed.returncode == 1, completed.stderr
    assert "Traceback" not in completed.stderr
    assert completed.stdout.splitlines()[-1] == "report out/report.html"
    assert e2e.validate(capsys, home.baseline, home.skewed, tmp_path / "here").code == 1
    assert support.lasting(e2e.verdict(mine / "out")) == support.lasting(e2e.verdict(tmp_path / "here"))


def test_the_installed_command_is_quiet(home: Home, tmp_path: Path) -> None:
    arguments = ["validate", f"--baseline={home.baseline}", f"--logs={home.clean}", f"--output={tmp_path}"]
    completed = installed(arguments, tmp_path)
    assert (completed.returncode, completed.stderr) == (0, "")
    lines = completed.stdout.splitlines()
    assert lines[-1] == f"report {tmp_path}/report.html"
    assert all(line.isprintable() for line in lines)
    assert sum("10,000 rows compared" in line for line in lines) == 1


def installed(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The command's run in this folder, without the variables of the tests."""
    command = Path(sys.executable).with_name("trueserve")
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    # An editable install may be of another checkout, which would be tested in this one's place.
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [str(command), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
