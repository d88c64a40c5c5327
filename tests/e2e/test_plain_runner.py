"""Runners that optimize nothing give the same verdict: elements are shuffled as they leave a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import backtest, e2e, runners
from support import replay as replay_support
from support.homes import Home, Served

Capture = pytest.CaptureFixture[str]
ROWS = 2000
# What is another in every run: its id, and where its files are.
_OF_THE_RUN = ("run_id", "artifacts")


def without_ids(document: dict[str, Any]) -> dict[str, Any]:
    digests = {name: artifact["sha256"] for name, artifact in document["artifacts"].items()}
    # The page shows when it was made.
    del digests["report.html"]
    return {name: value for name, value in document.items() if name not in _OF_THE_RUN} | {"digests": digests}


def test_the_verdict_is_the_same_without_the_optimizer(
    home: Home, served: Served, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = replay_support.part(served.right, 0, ROWS)
    log = replay_support.write_logs(tmp_path / "logs", home.serving[:ROWS], answers)
    flags = (f"--replay={served.version}", "--slice_by=version", "--slice_by=carrier")
    optimized = e2e.validate(capsys, home.baseline, log, tmp_path / "optimized", *flags)
    stages = runners.without_optimizer(monkeypatch)
    plain = e2e.validate(capsys, home.baseline, log, tmp_path / "plain", *flags)
    assert max(len(runners.transforms_of(stage)) for stage in stages) == 1
    assert plain.code == optimized.code
    documents = [without_ids(e2e.verdict(tmp_path / name)) for name in ("optimized", "plain")]
    assert documents[0] == documents[1]
    assert documents[0]["slices"]
    assert documents[0]["replay"]["total"]["rows"] == ROWS


def test_a_backtest_is_the_same_without_the_optimizer(
    home: Home, past_here: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    runners.without_optimizer(monkeypatch)
    log = str(past_here / "logs" / "log-*")
    assert backtest.backtest(capsys, home.baseline, log, tmp_path, *backtest.SPAN).code == 0
    written = [(output / "backtest.json").read_bytes() for output in (past_here / "output", tmp_path)]
    assert written[0] == written[1]
