"""Warm-up requests that a collector logged: known by what `export` wrote, and not compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import e2e, logs
from support.homes import Home

from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.serving import probe_requests


def test_warm_ups_of_the_exported_model_are_no_traffic(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = probe_requests.requests(load_baseline(home.baseline).probes_data, "probes")
    assert [len(examples) for examples in requests] == [1, 32]
    warm_ups = [logs.examples_log(examples) for examples in requests]
    # The same rows again with a time are somebody's request.
    traffic = [logs.examples_log(examples, 1_373_760_000 + i) for i, examples in enumerate(requests)]
    log = str(logs.write_records(tmp_path / "log", [*warm_ups, *traffic]).path)
    e2e.validate(capsys, home.baseline, log, tmp_path / "out")
    document = e2e.verdict(tmp_path / "out")
    counts = document["counts"]
    assert document["excluded"] == {"warm_up": 2}
    assert (counts["read"], counts["decoded"], counts["excluded"]) == (4, 2, 2)
    assert counts["compared"] == 33
