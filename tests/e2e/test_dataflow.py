"""Dataflow up to the wire: Beam's own code makes the request, and a server on this machine takes it.

Dataflow itself is not run. In its place Beam's runner executes the staged graph, in another process.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam
import pytest
import tensorflow as tf
from support import backtest, dataflow_jobs, e2e, google_cloud
from support.google_cloud import BUCKET, Cloud, Json
from support.homes import Home
from support.repo import ROOT

Capture = pytest.CaptureFixture[str]

IMAGE = "example.com/trueserve:1"
CONTAINER = (f"--sdk_container_image={IMAGE}", "--sdk_location=container")
BASELINE = f"--baseline=gs://{BUCKET}/baseline"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z\.\d{6}-[0-9a-f]{8}(-[0-9a-f]{12})?")
FEATURES = """
import tensorflow_transform as tft


def preprocessing_fn(inputs):
    return {"distance_z": tft.scale_to_z_score(inputs["distance"]), "label": inputs["late"]}
"""
SETUP = "from setuptools import setup\nsetup(name='rides', version='1', py_modules=[])\n"


@pytest.fixture
def google(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Storage with the rides' baseline; commands have their temporary files in the test's folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with google_cloud.cloud() as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        cloud.upload(Path(home.baseline), "baseline")
        yield cloud
        assert cloud.unknown == []


def job_of(google: Cloud) -> Json:
    """The one job that was created."""
    [job] = google.jobs
    return job


def check_request(google: Cloud, *folders: Path) -> Any:
    """What Dataflow needs of a job, and what its graph must not hold: paths of this machine. The graph."""
    job = job_of(google)
    # Beam 2.77's client sends the number of the same value.
    assert job["type"] in ("JOB_TYPE_BATCH", 1)
    [pool] = job["environment"]["workerPools"]
    images = [image["containerImage"] for image in pool["sdkHarnessContainerImages"]]
    assert images == [pool["workerHarnessContainerImage"]] != [""]
    for package in pool["packages"]:
        assert google.read(package["location"])
    graph = dataflow_jobs.graph_of(google, job)
    assert {e.urn for e in graph.components.environments.values()} == {"beam:env:docker:v1"}
    kinds = [transform.spec.urn for transform in graph.components.transforms.values() if transform.spec.urn]
    assert kinds
    assert [urn for urn in kinds if not urn.startswith("beam:")] == []
    own = [str(folder).encode() for folder in (ROOT, *folders)]
    texts = [graph.SerializeToString(), *dataflow_jobs.payloads(graph)]
    # Beam's and tf.Transform's functions carry the names of their files, for debuggers; no worker opens them.
    installed = str(Path(apache_beam.__file__).parents[1]).encode()
    assert [path for path in own for text in texts if path in text.replace(installed, b"")] == []
    return graph


def test_validate_gives_the_same_verdict(
    google: Cloud, home: Home, skewed_here: Path, tmp_path: Path
) -> None:
    logs = google.upload(Path(home.skewed).parent, "logs")
    google.on_job = dataflow_jobs.workers(google, tmp_path / "worker")
    request = tmp_path / "request.json"
    flags = [BASELINE, f"--logs={logs}/*", f"--output=gs://{BUCKET}/skew", f"--dataflow_job_file={request}"]
    there = e2e.installed(["validate", *flags, *dataflow_jobs.flags(google), *CONTAINER], tmp_path)
    assert (there.returncode, there.stderr) == (1, "")
    check_request(google, tmp_path, home.folder)
    assert json.loads(request.read_text())["environment"] == job_of(google)["environment"]
    text = google.objects["skew/verdict.json"].decode().replace(logs, str(Path(home.skewed).parent))
    moved, at_home = (
        json.loads(_RUN_ID.sub("RUN", each)) for each in (text, (skewed_here / "verdict.json").read_text())
    )
    # The report names the log, whose name has another length.
    assert moved["artifacts"].keys() == at_home["artifacts"].keys()
    assert {**moved, "artifacts": {}} == {**at_home, "artifacts": {}}
    assert [name for name in google.objects if name.startswith("tmp/")] == []


def test_a_flex_template_writes_the_graph_and_the_job_that_runs_it_publishes(
    google: Cloud, home: Home, skewed_here: Path, tmp_path: Path
) -> None:
    """As there: `main.py` gets flags alone, Beam writes the job, and Dataflow's service starts it."""
    logs, job_object = google.upload(Path(home.skewed).parent, "logs"), "staging/launches/1/job_object"
    flags = ["--job=validate", BASELINE, f"--logs={logs}/*", f"--output=gs://{BUCKET}/skew"]
    flags += [*dataflow_jobs.flags(google), *CONTAINER, f"--template_location=gs://{BUCKET}/{job_object}"]
    flags += [f"--setup_file={ROOT / 'setup.py'}", "--keep_payloads=false"]
    command = [sys.executable, str(ROOT / "main.py"), *flags]
    launched = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (launched.returncode, launched.stderr) == (0, "")
    assert f"the job that runs it publishes below gs://{BUCKET}/skew" in launched.stdout
    assert google.jobs == []
    assert [name for name in google.objects if name.startswith("skew/")] == []
    job = json.loads(google.objects[job_object])
    [pool] = job["environment"]["workerPools"]
    assert "workflow.tar.gz" not in [package["name"] for package in pool["packages"]]
    dataflow_jobs.workers(google, tmp_path / "worker")(job)
    verdict = json.loads(google.objects["skew/verdict.json"])
    assert verdict["findings"] == json.loads((skewed_here / "verdict.json").read_text())["findings"]


def test_a_template_of_no_input_publishes_that_it_failed(
    google: Cloud, tmp_path: Path, capsys: Capture
) -> None:
    flags = [BASELINE, f"--logs=gs://{BUCKET}/none/*", f"--output=gs://{BUCKET}/skew"]
    flags += [*dataflow_jobs.flags(google), *CONTAINER, f"--template_location=gs://{BUCKET}/staging/job"]
    assert e2e.run(capsys, "validate", *flags).code == 3
    assert json.loads(google.objects["skew/failed/verdict.json"])["exit_code"] == 3


@pytest.mark.parametrize("command", ["validate", "backtest"])
def test_a_template_is_one_graph(command: str, google: Cloud, capsys: Capture) -> None:
    flags = [BASELINE, f"--logs=gs://{BUCKET}/logs/*", f"--output=gs://{BUCKET}/out"]
    flags += ["--drop_repeated"] if command == "validate" else [*backtest.SPAN]
    flags += [*dataflow_jobs.flags(google), *CONTAINER, f"--template_location=gs://{BUCKET}/staging/job"]
    run = e2e.run(capsys, command, *flags)
    assert run.code == 2
    assert "--template_location: expected a job that is one graph" in e2e.one_error(run)


def test_backtest_gives_the_same_limits(
    google: Cloud, home: Home, past_here: Path, tmp_path: Path, capsys: Capture
) -> None:
    logs = google.upload(past_here / "logs", "logs")
    google.on_job = dataflow_jobs.workers(google, tmp_path / "worker")
    flags = [BASELINE, f"--logs={logs}/*", f"--output=gs://{BUCKET}/limits", *backtest.SPAN]
    there = e2e.run(capsys, "backtest", *flags, *dataflow_jobs.flags(google), *CONTAINER)
    assert there.err == []
    check_request(google, tmp_path, home.folder)
    here = past_here / "output"
    assert google.objects["limits/schema.pbtxt"] == (here / "schema.pbtxt").read_bytes()
    limits = google.objects["limits/thresholds.toml"].replace(BASELINE[11:].encode(), home.baseline.encode())
    assert limits.replace(logs.encode(), str(past_here / "logs").encode()) == (
        here / "thresholds.toml"
    ).read_bytes().replace(b"/log-*", b"/*")


def test_prepare_sends_the_function_as_source_and_the_package(
    google: Cloud, home: Home, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "setup.py").write_text(SETUP)
    features = tmp_path / "features.py"
    features.write_text(FEATURES)
    schema = tmp_path / "schema.pbtxt"
    schema.write_bytes(Path(home.baseline, "schema.pbtxt").read_bytes())
    examples = google.upload(Path(home.examples).parent, "training")
    flags = [f"--examples={examples}/*", f"--preprocessing={features}", f"--schema={schema}"]
    flags += [f"--baseline=gs://{BUCKET}/new", f"--label={e2e.LABEL}", *dataflow_jobs.flags(google)]
    # TensorFlow's own client of gs:// has its server's name built in. Without a vocabulary its one call from
    # here makes a folder, which a store does not need.
    monkeypatch.setattr(tf.io.gfile, "makedirs", lambda path: None)
    done = e2e.run(capsys, "prepare", *flags, f"--setup_file={tmp_path}/package/setup.py")
    graph = check_request(google, tmp_path, home.folder)
    texts = list(dataflow_jobs.payloads(graph))
    assert any(FEATURES.encode() in text for text in texts)
    [pool] = job_of(google)["environment"]["workerPools"]
    assert "workflow.tar.gz" in [package["name"] for package in pool["packages"]]
    assert re.search(r"/beam_python3\.\d+_sdk:", pool["workerHarnessContainerImage"])
    # Nobody has run the job, so that nothing of it can be read.
    assert done.code == 3, done.err
    assert [name for name in google.objects if name.startswith(("new", ".new"))] == []


def test_a_dry_run_sends_nothing(google: Cloud, home: Home, capsys: Capture) -> None:
    logs = google.upload(Path(home.clean).parent, "logs")
    before = dict(google.objects)
    flags = [BASELINE, f"--logs={logs}/*", f"--output=gs://{BUCKET}/skew", "--dry_run"]
    done = e2e.run(capsys, "validate", *flags, *dataflow_jobs.flags(google), *CONTAINER)
    assert (done.code, done.err) == (0, [])
    assert "dry run of validate" in "\n".join(done.out)
    assert (google.jobs, google.objects) == ([], before)
