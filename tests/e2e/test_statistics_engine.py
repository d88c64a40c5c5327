"""Statistics of TFDV's own generators on the same batches lead to the same verdict."""

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
    ours, theirs = documents["trueserve"], documents["tfdv"]
    assert ours["verdict"] == theirs["verdict"] == verdict
    assert e2e.errors(ours) == e2e.errors(theirs)
    assert ours["counts"] == theirs["counts"]
