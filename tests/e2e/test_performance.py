"""`validate --predictions` of a model that was exported with labels: the window's performance, estimated."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import e2e
from support import replay as support
from support.homes import SERVING_CUTS, Home, Served
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.transforms.performance import bins, estimate, record
from trueserve.transforms.predictions.outputs import rounded

Capture = pytest.CaptureFixture[str]
Json = dict[str, Any]


def run(capsys: Capture, home: Home, model: str, logged: str, output: Path, *more: str) -> tuple[int, Json]:
    flags = (f"--predictions={model}", "--spaces=raw", *more)
    result = e2e.validate(capsys, home.baseline, logged, output, *flags)
    document = e2e.verdict(output)
    VERDICT_SCHEMA.validate(document)
    return result.code, document


def test_performance_is_estimated_where_export_recorded_it(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    logged = support.write_logs(tmp_path / "logs", home.serving, served.right, cuts=SERVING_CUTS)
    model = tmp_path / "1"
    shutil.copytree(served.version, model)
    late = rounded(served.right["late"])
    truth = late[:, 0] + np.random.default_rng(3).normal(0, 0.2, len(late))
    recorded = record.record("late", "late", late[:4000] * 0.5, (truth[:4000] * 0.5).tolist(), None)
    (model / "assets.extra" / "performance.json").write_bytes(recorded.to_bytes())
    (tmp_path / "limits.toml").write_text("format = 1\n[performance]\nmae_rise = 0.0001\nrmse_rise = 9\n")
    limits = f"--thresholds={tmp_path / 'limits.toml'}"
    _, document = run(capsys, home, str(model), logged, tmp_path / "out", limits)
    block = document["performance"]
    assert (block["why"], block["rows"], block["task"]) == (None, len(late), "regression")
    in_memory = bins.score_bins(bins.Task.REGRESSION, recorded.calibration.edges, late[:, 0].astype(float))
    expected = estimate.estimate(recorded.calibration, in_memory, block["design_effect"])
    assert block["metrics"]["mae"]["estimate"] == pytest.approx(expected["mae"].value, rel=1e-9)
    kinds = [f["metric"] for f in document["findings"] if f["kind"] == "performance"]
    assert kinds == (["mae_rise"] if (expected["mae"].harm or 0) > 0.0001 else [])


def test_a_model_without_labels_says_why_nothing_was_estimated(
    home: Home, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    logged = support.write_logs(tmp_path / "logs", home.serving, served.right, cuts=SERVING_CUTS)
    _, document = run(capsys, home, served.version, logged, tmp_path / "out")
    assert document["performance"]["why"].startswith("the model was exported without labels")
    assert document["performance"]["metrics"] is None
