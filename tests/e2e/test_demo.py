"""The demo, small: its output, its claims on literal verdicts; and red where a fault is taken away.

The commands that it starts are answered in this process. Installed commands have tests of their own:
`prepare` in test_own_packages.py, `export` in the fixture `served`, `validate` in test_installed_command.py.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from support.asked_here import asked_here
from support.repo import ROOT

from examples.flights import data, demo, serve
from examples.flights import nights as demo_nights
from trueserve.pipelines import cli
from trueserve.pipelines.process.stderr_filter import filtered

NAMES = ("held_out", "july", "july_faulty")


class Demo(NamedTuple):
    """The demo's folders, its exit code, and what it and its commands wrote to stdout and stderr."""

    folders: demo.Folders
    code: int
    out: str
    err: str

    def verdict(self, name: str) -> Any:
        return json.loads((self.folders.skew / name / "verdict.json").read_text())


@pytest.fixture(scope="module", autouse=True)
def _commands_here() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, asked_here():
        patch.setattr(demo, "subprocess", SimpleNamespace(run=_run))
        yield


def _run(command: Sequence[Any], *, check: bool) -> subprocess.CompletedProcess[Any]:
    script, *arguments = command
    assert script == Path(sys.executable).with_name("trueserve")
    return subprocess.CompletedProcess(command, cli.main(arguments))


@pytest.fixture(scope="module")
def small_demo(tmp_path_factory: pytest.TempPathFactory, _commands_here: None) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    level = logging.getLogger("absl").level
    with _into(folder / "out", 1), _into(folder / "err", 2), filtered():
        code = demo.main(["--small", f"--output={folder / 'output'}"])
    logging.getLogger("absl").setLevel(level)
    folders = demo.folders_below(folder / "output")
    return Demo(folders, code, (folder / "out").read_text(), (folder / "err").read_text())


@contextlib.contextmanager
def _into(file: Path, number: int) -> Iterator[None]:
    """What this process and those that it starts write to stdout (1) or stderr (2) goes into a file."""
    kept = os.dup(number)
    redirect: Any = contextlib.redirect_stdout if number == 1 else contextlib.redirect_stderr
    with file.open("w", buffering=1) as stream, redirect(stream):
        os.dup2(stream.fileno(), number)
        try:
            yield
        finally:
            os.dup2(kept, number)
            os.close(kept)


def test_the_script_takes_its_flags() -> None:
    command = [sys.executable, "examples/flights/demo.py", "--help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "--small" in run.stdout


def test_all_claims_hold(small_demo: Demo) -> None:
    assert small_demo.code == 0, small_demo.out + small_demo.err
    verdicts = {name: small_demo.verdict(name) for name in NAMES}
    assert all(demo.check_claims(**verdicts).values())
    assert [verdicts[name]["verdict"] for name in NAMES] == ["ok", "skew", "skew"]


def test_the_demo_writes_no_line_to_standard_error(small_demo: Demo) -> None:
    assert small_demo.err == ""


def test_command_lines_are_shown_and_the_report_comes_last(small_demo: Demo) -> None:
    lines = small_demo.out.splitlines()
    shown = [line.split()[2] for line in lines if line.startswith("$ trueserve ")]
    assert shown == ["prepare", "export", "validate", "validate", "validate", "backfill"]
    assert lines[-1].strip() == str(small_demo.folders.nights / "index.html")
    reports = [Path(line.strip()) for line in lines[-5:-2]]
    assert reports == [small_demo.folders.skew / name / "report.html" for name in NAMES]
    assert all(report.read_bytes().lstrip().lower().startswith(b"<!doctype html") for report in reports)


def test_the_week_of_nights_shows_when_faults_begin_and_end(small_demo: Demo) -> None:
    nights = demo_nights.verdicts(small_demo.folders.nights)
    assert [night["counts"]["compared"] > 500 for night in nights] == [True] * 7
    assert all(demo.check_nights(nights).values())
    assert not any(demo.check_nights(nights[:-1]).values())
    index = (small_demo.folders.nights / "index.html").read_text()
    assert index.count("/report.html") >= 7


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
    assert list(holds.values()) == [True, True, False, False]
    assert demo.print_summary(small_demo.folders, holds, 0.0) == 1


@pytest.mark.parametrize(
    ("held_out", "july", "faulty", "expected"),
    [
        ("ok", ["temp"], ["temp", "distance", "carrier"], [True, True, True, True]),
        ("ok", ["temp"], ["distance", "carrier"], [True, True, True, True]),
        ("skew", [], ["distance", "carrier"], [False, True, True, True]),
        ("not_examined", [], ["distance", "carrier"], [False, True, True, True]),
        ("ok", ["carrier"], ["distance", "carrier"], [True, False, True, True]),
        ("ok", [], ["distance"], [True, True, False, False]),
        ("ok", [], ["distance", "carrier", "humid"], [True, True, False, True]),
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


def test_an_effect_that_was_not_measured_is_no_effect() -> None:
    incidents = [
        {"features": [{"feature": "distance"}], "harm": {"text": ""}},
        {"features": [{"feature": "humid"}], "harm": None},
        {"features": [{"feature": "temp"}, {"feature": "visib"}], "harm": {"text": "It changes late."}},
        {"features": [{"feature": "carrier"}], "harm": {"text": "It changes late."}},
    ]
    assert demo.measured({"incidents": incidents}) == {"carrier"}


def _skew(features: list[str]) -> Any:
    findings = [{"feature": name, "raw_features": [], "severity": "error"} for name in features]
    harm = {"text": "It changes late."}
    incidents = [{"features": [{"feature": name}], "harm": harm} for name in features]
    return {"verdict": "skew", "findings": findings, "incidents": incidents}
