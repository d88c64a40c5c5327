"""Requests of many candidates that share the user's features: clean ones are no skew, a shift is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import e2e
from support.logs import example
from support.ranking import OF_USER, Traffic, traffic

from benchmarks import data
from trueserve.pipelines import cli

PREPROCESSING = """
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    return {"price_z": tft.scale_to_z_score(inputs["price"]), "age_z": tft.scale_to_z_score(inputs["age"])}
"""


def examples(rows: Traffic) -> list[list[bytes]]:
    """The serialized rows of each request."""
    requests: list[list[bytes]] = [[] for _ in range(int(rows.request[-1]) + 1)]
    columns = {name: values.tolist() for name, values in rows.columns.items()}
    for index, request in enumerate(rows.request):
        values = {name: column[index] for name, column in columns.items()}
        cells = {name: [v.encode() if isinstance(v, str) else v] for name, v in values.items()}
        requests[request].append(example(**cells))
    return requests


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranking")
    rows = [row for request in examples(traffic(1, 1000)) for row in request]
    data.write_records(rows, len(rows), folder / "training")
    (folder / "preprocessing.py").write_text(PREPROCESSING)
    flags = (f"--examples={folder / 'training'}", f"--preprocessing={folder / 'preprocessing.py'}")
    assert cli.main(["prepare", *flags, f"--baseline={folder / 'baseline'}"]) == 0
    return folder / "baseline"


def write_log(rows: Traffic, path: Path) -> str:
    """PredictionLogs, one of each request."""
    logs = [log for request in examples(rows) for log in data.request_logs(request, len(request))]
    data.write_records(logs, len(logs), path)
    return str(path)


def test_clean_requests_are_no_skew(
    baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(traffic(7, 250), tmp_path / "log")
    assert e2e.validate(capsys, baseline, log, tmp_path / "output").code == 0
    [note] = [f for f in e2e.verdict(tmp_path / "output")["findings"] if f["metric"] == "design_effect"]
    assert note["severity"] == "info"
    assert all(name in note["message"] for name in OF_USER)
    assert "price" not in note["message"]


def test_a_shift_in_some_requests_is_found(
    baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(traffic(7, 250, dearer=0.15), tmp_path / "log")
    assert e2e.validate(capsys, baseline, log, tmp_path / "output").code == 1
    document = e2e.verdict(tmp_path / "output")
    assert e2e.errors(document) == {("raw", "price"), ("transformed", "price_z")}
    [price] = [f for f in document["findings"] if (f["space"], f["feature"]) == ("raw", "price")]
    rows = document["counts"]["rows"]
    assert price["evidence"]["effective_rows"] < rows
