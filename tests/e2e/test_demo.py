"""The demo: small, as a user runs it; its claims on literal verdicts; and red where a fault is taken away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.repo import ROOT

from examples.flights import data, demo, serve

NAMES = ("held_out", "july", "july_faulty")


class Demo(NamedTuple):
    folders: demo.Folders
    run: subprocess.CompletedProcess[str]

    def verdict(self, name: str) -> Any:
        return json.loads((self.folders.skew / name / "verdict.json").read_text())


@pytest.fixture(scope="module")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    output = tmp_path_factory.mktemp("demo")
    script = "examples/flights/demo.py"
    command = [sys.executable, script, "--small", f"--output={output}"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Demo(demo.folders_below(output), run)


def test_all_claims_hold(small_demo: Demo) -> None:
    assert small_demo.run.returncode == 0, small_demo.run.stdout + small_demo.run.stderr
    verdicts = {name: small_demo.verdict(name) for name in NAMES}
    assert all(demo.check_claims(**verdicts).values())
    assert [verdicts[name]["verdict"] for name in NAMES] == ["ok", "skew", "skew"]


def test_the_demo_writes_no_line_to_standard_error(small_demo: Demo) -> None:
    assert small_demo.run.stderr == ""


def test_command_lines_are_shown_and_the_report_comes_last(small_demo: Demo) -> None:
    lines = small_demo.run.stdout.splitlines()
    shown = [line.split()[2] for line in lines if line.startswith("$ trueserve ")]
    assert shown == ["prepare", "export", "validate", "validate", "validate"]
    reports = [Path(line.strip()) for line in lines[-3:]]
    assert reports == [small_demo.folders.skew / name / "report.html" for name in NAMES]
    assert all(report.read_bytes().lstrip().lower().startswith(b"<!doctype html") for report in reports)


def test_logs_hold_both_kinds_of_request(small_demo: Demo) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    file = sorted(small_demo.folders.logs.glob("july/*"))[0]
    logs = [PredictionLog.FromString(each.numpy()) for each in tf.data.TFRecordDataset(str(file), "GZIP")]
    signatures = {log.predict_log.request.model_spec.signature_name for log in logs}
    assert signatures == {"serving_default", "raw_tensors"}
    assert all(log.predict_log.response.model_spec.version.value >= 1 for log in logs)
    assert all("late_probability" in log.predict_log.response.outputs for log in logs)
    # The first flights of July, New York's time.
    assert logs[0].log_metadata.timestamp_secs >= 1372651200


def test_without_one_fault_the_demo_is_red(small_demo: Demo) -> None:
    flights = data.split(data.read_flights(), demo.SMALL).july
    server = serve.Server(small_demo.folders.served)
    serve.log_requests(server, serve.in_kilometres(flights), small_demo.folders.logs / "one_fault")
    verdict = demo.validate(small_demo.folders, "one_fault", demo.JULY, flights.num_rows)
    holds = demo.check_claims(small_demo.verdict("held_out"), small_demo.verdict("july"), verdict)
    assert list(holds.values()) == [True, True, False]
    assert demo.print_summary(small_demo.folders, holds, 0.0) == 1


@pytest.mark.parametrize(
    ("held_out", "july", "faulty", "expected"),
    [
        ("ok", ["temp"], ["temp", "distance", "carrier"], [True, True, True]),
        ("ok", ["temp"], ["distance", "carrier"], [True, True, True]),
        ("skew", [], ["distance", "carrier"], [False, True, True]),
        ("not_examined", [], ["distance", "carrier"], [False, True, True]),
        ("ok", ["carrier"], ["distance", "carrier"], [True, False, True]),
        ("ok", [], ["distance"], [True, True, False]),
        ("ok", [], ["distance", "carrier", "humid"], [True, True, False]),
    ],
)
def test_claims(held_out: str, july: list[str], faulty: list[str], expected: list[bool]) -> None:
    holds = demo.check_claims({"verdict": held_out, "findings": []}, _skew(july), _skew(faulty))
    assert list(holds.values()) == expected


def test_blame_falls_on_raw_features_and_only_for_errors() -> None:
    findings = [
        {"feature": "carrier_id", "raw_features": ["carrier"], "severity": "error"},
        {"feature": "distance", "raw_features": [], "severity": "error"},
        {"feature": "dest", "raw_features": [], "severity": "warning"},
    ]
    assert demo.blamed({"findings": findings}) == {"carrier", "distance"}


def _skew(features: list[str]) -> Any:
    findings = [{"feature": name, "raw_features": [], "severity": "error"} for name in features]
    return {"verdict": "skew", "findings": findings}
