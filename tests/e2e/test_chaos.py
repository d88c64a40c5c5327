"""The short form of `make chaos`: whatever change of a file system it is killed at, nothing is lost or left.

In a process of its own, which forks: what other tests started in this one would be missing after a fork.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from support import phases
from support.repo import ROOT

TESTS = ROOT / "tests"
# At least so many changes each makes; fewer would mean that the watch has missed some.
LEAST_MOMENTS = {
    "prepare": 20,
    "export": 15,
    "check": 8,
    "validate": 30,
    "backtest": 20,
    "join": 4,
    "backfill": 50,
}


def killed(*arguments: str) -> Mapping[str, Mapping[str, Any]]:
    command = [sys.executable, "-W", "ignore", "-m", "support.phases", *arguments]
    environment = {
        "PYTHONPATH": f"{TESTS.parent}:{TESTS}",
        "PATH": "/usr/bin:/bin",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return phases.results_of(done.stdout)


@pytest.fixture(scope="module")
def results() -> Mapping[str, Mapping[str, Any]]:
    return killed()


@pytest.mark.parametrize("phase", phases.PHASES)
def test_killed_at_any_change_it_loses_and_leaves_nothing(
    phase: str, results: Mapping[str, Mapping[str, Any]]
) -> None:
    assert results[phase]["broken"] == []
    assert results[phase]["moments"] >= LEAST_MOMENTS[phase]


def test_what_is_left_would_be_seen() -> None:
    """Nothing is swept here, as it was before there were leases."""
    planted = killed("--plant")
    assert planted.keys() == phases.PHASES.keys()
    assert all(any("is left" in wrong for wrong in outcome["broken"]) for outcome in planted.values())
