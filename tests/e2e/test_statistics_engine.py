"""Flags that help to look into a run: TFDV's own statistics, and bytes between steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import e2e
from support.homes import Home

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(("logs", "verdict"), [("clean", "ok"), ("skewed", "skew")])
def test_the_verdict_is_the_same_whoever_computes_the_statistics(
    logs: str, verdict: str, home: Home, tmp_path: Path, capsys: Capture
) -> None:
    documents = {}
    for engine in ("trueserve", "tfdv"):
        output = tmp_path / engine
        flags = (
            f"--baseline={home.baseline}",
            f"--logs={getattr(home, logs)}",
            f"--output={output}",
            f"--statistics_engine={engine}",
        )
        e2e.run(capsys, "validate", *flags)
        documents[engine] = e2e.verdict(output)
        # Quantiles with ranks are in trueserve's statistics alone.
        statistics = next(output.rglob("stats.binpb"))
        assert (b"trueserve_quantiles" in statistics.read_bytes()) == (engine == "trueserve")
    ours, theirs = documents["trueserve"], documents["tfdv"]
    assert ours["verdict"] == theirs["verdict"] == verdict
    assert e2e.errors(ours) == e2e.errors(theirs)
    assert ours["counts"] == theirs["counts"]


def test_a_profile_tells_the_bytes_between_steps(home: Home, tmp_path: Path, capsys: Capture) -> None:
    flags = (f"--baseline={home.baseline}", f"--logs={home.clean}", f"--output={tmp_path / 'out'}")
    with_profile = e2e.run(capsys, "validate", *flags, "--profile").out
    lines = [line for line in with_profile if line.startswith("profile: ")]
    assert [line.split(": ")[1] for line in lines] == [
        "raw",
        "raw-requests",
        "repeats",
        "rows",
        "transformed",
        "transformed-requests",
    ]
    assert all("partial result" in line and "; the largest " in line for line in lines)
    assert not [line for line in e2e.run(capsys, "validate", *flags).out if line.startswith("profile:")]
