"""The installed command, as a user starts it: from a folder of their own."""

from __future__ import annotations

from pathlib import Path

from support import e2e
from support import validate as support
from support.homes import Home


def test_worker_processes_say_the_same(home: Home, skewed_here: Path, tmp_path: Path) -> None:
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
    completed = e2e.installed(arguments, mine)
    assert (completed.returncode, completed.stderr) == (1, "")
    assert completed.stdout.splitlines()[-1] == "report out/report.html"
    assert support.lasting(e2e.verdict(mine / "out")) == support.lasting(e2e.verdict(skewed_here))


def test_the_installed_command_is_quiet(home: Home, tmp_path: Path) -> None:
    arguments = ["validate", f"--baseline={home.baseline}", f"--logs={home.clean}", f"--output={tmp_path}"]
    completed = e2e.installed(arguments, tmp_path)
    assert (completed.returncode, completed.stderr) == (0, "")
    lines = completed.stdout.splitlines()
    assert lines[-1] == f"report {tmp_path}/report.html"
    assert all(line.isprintable() for line in lines)
    assert sum("10,000 rows compared" in line for line in lines) == 1
