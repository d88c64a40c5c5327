"""A feature that is joined from other rows, in a log whose single features are all as in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import e2e
from support.logs import example

from benchmarks import data
from benchmarks.ties_data import Rows, of_other_rows, trips
from trueserve.pipelines import cli

PREPROCESSING = """
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    return {
        "length": tft.scale_to_z_score(inputs["length"]),
        "destination": tft.compute_and_apply_vocabulary(inputs["destination"]),
    }
"""
TRAINING, SERVED = 6_000, 2_500


def records(rows: Rows) -> list[bytes]:
    """tf.Examples: codes as words."""
    columns = {name: values.tolist() for name, values in rows.items()}
    return [
        example(**{name: [_cell(column[row])] for name, column in columns.items()})
        for row in range(len(rows["hour"]))
    ]


def _cell(value: float) -> bytes | float:
    return f"w{value}".encode() if isinstance(value, int) else value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of trips."""
    folder = tmp_path_factory.mktemp("trips")
    rows = records(trips(np.random.default_rng(80), TRAINING))
    for part in range(3):
        data.write_records(rows[part::3], len(rows[part::3]), folder / f"training-{part}")
    (folder / "preprocessing.py").write_text(PREPROCESSING)
    flags = (f"--examples={folder / 'training-*'}", f"--preprocessing={folder / 'preprocessing.py'}")
    assert cli.main(["prepare", *flags, f"--baseline={folder / 'baseline'}"]) == 0
    return folder


def judged(
    folder: Path, rows: Rows, output: Path, capsys: pytest.CaptureFixture[str], *flags: str
) -> tuple[int, dict[str, Any]]:
    """Exit code and verdict of a log of two files."""
    logs = [log for record in records(rows) for log in data.request_logs([record], 1)]
    for part in range(2):
        data.write_records(logs[part::2], len(logs[part::2]), output.with_name(f"{output.name}-log-{part}"))
    run = e2e.validate(capsys, folder / "baseline", f"{output}-log-*", output, *flags)
    return run.code, e2e.verdict(output)


def served() -> Rows:
    return trips(np.random.default_rng(81), SERVED)


def test_rows_as_in_training_are_ok_and_what_was_compared_is_published(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = judged(folder, served(), tmp_path / "clean", capsys)
    assert (code, document["findings"]) == (0, [])
    ties = document["dependence"]
    assert sorted(ties["compared"]) == sorted(served())
    assert (ties["rows"], ties["training_rows"], ties["reason"]) == (SERVED, TRAINING, None)
    assert (ties["without_ties"], ties["moved"]) == ([], [])


@pytest.mark.parametrize("name", ["length", "destination"])
def test_a_feature_of_other_rows_is_named(
    folder: Path, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    joined = of_other_rows(served(), np.random.default_rng(82), 0.4, name)
    code, document = judged(folder, joined, tmp_path / "joined", capsys)
    assert code == 1
    [finding] = document["findings"]
    assert (finding["feature"], finding["space"], finding["kind"]) == (name, "raw", "dependence")
    assert finding["severity"] == "error"
    assert finding["distance"] == pytest.approx(0.4, abs=0.1)
    assert finding["diagnosis"]["cause"] == "values of other rows"
    page = (tmp_path / "joined" / "report.html").read_text("utf-8")
    assert "as if of other rows" in page


def test_all_features_of_other_rows_are_told_at_once(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = served()
    code, document = judged(
        folder, of_other_rows(rows, np.random.default_rng(83), 1.0, *rows), tmp_path / "all", capsys
    )
    assert code == 1
    [finding] = document["findings"]
    assert (finding["feature"], finding["kind"]) == ("", "dependence")
    assert "no longer go together" in finding["message"]
    limits = tmp_path / "thresholds.toml"
    limits.write_text("format = 1\n" + "".join(f'[raw.{name}]\nseverity = "warning"\n' for name in rows))
    joined = of_other_rows(rows, np.random.default_rng(83), 1.0, *rows)
    code, document = judged(folder, joined, tmp_path / "mild", capsys, f"--thresholds={limits}")
    assert code == 0
    assert {f["severity"] for f in document["findings"]} == {"warning"}


def test_ignored_it_is_info_and_a_threshold_allows_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    joined = of_other_rows(served(), np.random.default_rng(84), 0.3, "length")
    code, document = judged(folder, joined, tmp_path / "ignored", capsys, "--ignore=length")
    assert (code, [f["severity"] for f in document["findings"]]) == (0, ["info"])
    code, document = judged(folder, joined, tmp_path / "only", capsys, "--only=hour,delay")
    assert (code, document["findings"]) == (0, [])
    limits = tmp_path / "thresholds.toml"
    limits.write_text("format = 1\n[raw.length]\ndependence = 0.6\n")
    code, document = judged(folder, joined, tmp_path / "allowed", capsys, f"--thresholds={limits}")
    assert (code, document["findings"]) == (0, [])


def test_without_training_rows_the_verdict_says_that_features_were_compared_one_by_one(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.write_records(records(served()), SERVED, tmp_path / "log")
    baseline, output = folder / "baseline", tmp_path / "plain"
    flags = (f"--schema={baseline / 'schema.pbtxt'}", f"--statistics={baseline / 'stats.binpb'}")
    assert cli.main(["validate", *flags, f"--logs={tmp_path / 'log'}", f"--output={output}"]) == 0
    assert e2e.verdict(output)["dependence"]["reason"] == "the training side has no training rows"
    assert (
        "Features were compared one by one: the training side has no training rows."
        in capsys.readouterr().out
    )
