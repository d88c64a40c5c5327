"""`validate --predictions`: what each incident did to the predictions, beside what the true rows give."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import e2e
from support import replay as support
from support.homes import Home, Served
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.transforms.performance import record
from trueserve.transforms.predictions.outputs import rounded

Capture = pytest.CaptureFixture[str]
ROWS = 4000


def run(
    capsys: Capture, home: Home, model: Path, rows: list[Any], answered: dict[str, Any], output: Path
) -> dict[str, Any]:
    logged = support.write_logs(output / "logs", rows, answered, cuts=(1500, 2600))
    result = e2e.validate(
        capsys, home.baseline, logged, output / "out", f"--predictions={model}", "--spaces=raw"
    )
    document = e2e.verdict(output / "out")
    VERDICT_SCHEMA.validate(document)
    assert result.code == 1
    for incident in document["incidents"]:
        assert not incident["harm"]["text"] or any(incident["harm"]["text"] in line for line in result.out)
    return document


def test_two_faults_have_the_effects_that_the_rows_as_they_were_give(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    rows = [dict(row) for row in home.serving[:ROWS]]
    faulty = e2e.in_lower_case(e2e.in_kilometres(rows))
    model = tmp_path / "1"
    shutil.copytree(served.version, model)
    before, after, distance_mended, carrier_mended = (
        rounded(support.answers(served.model, home.baseline, each)["late"])[:, 0].astype(float)
        for each in (rows, faulty, e2e.in_lower_case(rows), e2e.in_kilometres(rows))
    )
    random = np.random.default_rng(4)
    labels = (random.random(ROWS) < before).astype(float).tolist()
    recorded = record.record("late", "late", before[:, None], labels, None)
    (model / "assets.extra" / "performance.json").write_bytes(recorded.to_bytes())

    document = run(capsys, home, model, faulty, {"late": after[:, None].astype(np.float32)}, tmp_path)

    harms = {each["features"][0]["feature"]: each["harm"] for each in document["incidents"]}
    # Shapley values of two: what each adds, alone and beside the other.
    expected = {
        "distance": ((after - distance_mended) + (carrier_mended - before)).mean() / 2,
        "carrier": ((after - carrier_mended) + (distance_mended - before)).mean() / 2,
    }
    assert set(harms) == set(expected)
    for feature, change in expected.items():
        harm = harms[feature]
        # The sample is of half of the rows: their means differ by chance.
        assert harm["change"] == pytest.approx(change, rel=0.1, abs=3 * harm["standard_error"]), feature
        assert harm["why"] is None
        assert re.match(r"It changes late by [\d.e-]+ in a row on average; its mean ", harm["text"])
        assert {"auc", "brier", "accuracy", "log_loss"} <= harm["metrics"].keys()
    total = sum(harm["change"] for harm in harms.values())
    assert total == pytest.approx((after - before).mean(), rel=0.1, abs=0.01)


def test_a_model_that_may_not_run_is_not_asked_and_the_reason_is_said(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    rows = e2e.in_kilometres([dict(row) for row in home.serving[:ROWS]])
    model = tmp_path / "1"
    shutil.copytree(served.version, model)
    (model / "saved_model.pb").write_bytes(b"\xff")
    answered = {name: values[:ROWS] for name, values in served.right.items()}

    document = run(capsys, home, model, rows, answered, tmp_path)

    [why] = {each["harm"]["why"] for each in document["incidents"]}
    assert "does not parse as a SavedModel" in why
    assert {each["harm"]["text"] for each in document["incidents"]} == {""}
