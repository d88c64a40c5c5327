"""Earlier runs in the last step of a run: their files read, found wanting, or gone; the verdict stands."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.drift import Columns, contract, day, reference, rides, statistics
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Window
from trueserve.transforms.drift import report
from trueserve.transforms.drift.report import ServedWindow
from trueserve.transforms.publish import formatting
from trueserve.transforms.publish.assemble import PipelineResults, RunSettings, assemble_verdict
from trueserve.transforms.runs import previous_runs, published_runs, run_folder
from trueserve.transforms.runs.published_runs import PublishedRun
from trueserve.transforms.runs.window_summary import WindowSummary
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.thresholds import Thresholds

ROWS = 2000
Json = Mapping[str, Any]


@pytest.fixture(scope="module")
def training() -> Reference:
    return reference(rides(6000, 1))


@dataclasses.dataclass
class Nightly:
    """A job that runs for one window after another, below one folder."""

    output: Path
    training: Reference
    policy: Policy = dataclasses.field(default_factory=Policy)
    contract: Json | None = dataclasses.field(default_factory=contract)
    runs: int = 0

    def validate(self, columns: Columns, window: Window, previous: str | None = "auto") -> dict[str, Any]:
        """What one run publishes."""
        earlier_runs = previous and previous_runs.find(previous, str(self.output), window, self.contract)
        job = RunSettings(window, self.policy, self.contract, previous_runs=earlier_runs or None)
        rows = Accounting(read=ROWS, decoded=ROWS, rows=ROWS, compared=ROWS, files=1)
        evidence = PipelineResults({Space.RAW: statistics(columns)}, rows)
        verdict, files = assemble_verdict(lambda: [self.training], evidence, job)
        self.runs += 1
        published = run_folder.publish(
            str(self.output), verdict, files, f"20260101T0000{self.runs:02}Z-00000000"
        )
        document: dict[str, Any] = json.loads(run_folder.to_bytes(published.to_json()))
        VERDICT_SCHEMA.validate(document)
        return document

    def folder(self, number: int) -> Path:
        """That of the run of this number."""
        [run_path] = self.output.glob(f"runs/20260101T0000{number:02}Z-*")
        return run_path


def drift(document: Json) -> dict[str, Json]:
    return {finding["metric"]: finding for finding in document["findings"] if finding["kind"] == "drift"}


def test_slow_drift_is_found_over_the_runs_of_many_nights(training: Reference, tmp_path: Path) -> None:
    job = Nightly(tmp_path, training)
    documents = [job.validate(rides(ROWS, 50 + at, shift=0.0135 * (at - 5.5)), day(at)) for at in range(12)]
    assert [drift(document).keys() for document in documents[1:9]] == [set()] * 8
    last = documents[-1]
    assert (last["verdict"], last["previous"]["windows"]) == ("ok", 11)
    assert last["previous"]["since"] == "2013-06-01T00:00:00Z"
    [(metric, finding)] = drift(last).items()
    assert (metric, finding["feature"], finding["severity"]) == ("slow_drift", "speed", "warning")
    assert "over 12 windows since 2013-06-01" in finding["message"]
    assert formatting.drift_sentence(last).endswith(
        "nothing moved; over 11 earlier windows speed moved a little each time"
    )
    # A rerun of a night in between says what it would have said then.
    again = job.validate(rides(ROWS, 55, shift=0.0135 * -0.5), day(5))
    assert again["replaces"] == last["artifacts"]["positions.json"]["path"].split("/")[1]
    own = {"artifacts": 0, "replaces": 0}
    assert {**again, **own} == {**documents[5], **own}


def test_drift_alone_is_skew_where_warnings_fail(tmp_path: Path) -> None:
    training = reference(rides(40_000, 1))
    job = Nightly(tmp_path, training, Policy(fail_on=Severity.WARNING))
    # Neither window is far enough from training, on either side of it.
    job.validate(rides(20_000, 2, shift=-0.05), day(0))
    document = job.validate(rides(20_000, 3, shift=0.05), day(1))
    kinds = {finding["kind"] for finding in document["findings"] if finding["severity"] != "info"}
    assert (document["verdict"], kinds) == ("skew", {"drift"})
    assert formatting.headline(document) == "speed moved since earlier runs, in 2,000 rows."
    calm = Nightly(tmp_path / "calm", training)
    calm.validate(rides(20_000, 2, shift=-0.05), day(0))
    assert calm.validate(rides(20_000, 3, shift=0.05), day(1))["verdict"] == "ok"


def test_warnings_since_the_last_window_have_a_budget(training: Reference, tmp_path: Path) -> None:
    kept = []
    for days in (1, 3000):
        policy = Policy(thresholds=Thresholds(budget=dt.timedelta(days=days)))
        job = Nightly(tmp_path / str(days), training, policy)
        job.validate(rides(ROWS, 3), day(0))
        # A p-value of 5e-4 is below 0.005, and above one night in 3,000.
        kept.append([*drift(job.validate(rides(ROWS, 4, shift=0.06), day(1)))])
    assert kept == [["kolmogorov_smirnov"], []]


def test_a_run_that_has_gone_since_the_launch_costs_no_verdict(training: Reference, tmp_path: Path) -> None:
    job = Nightly(tmp_path, training)
    job.validate(rides(ROWS, 2), day(0))
    earlier_runs = previous_runs.find("auto", str(tmp_path), day(1), job.contract)
    shutil.rmtree(job.folder(1))
    evidence = PipelineResults(
        {Space.RAW: statistics(rides(ROWS, 3, shift=0.5))},
        Accounting(read=ROWS, decoded=ROWS, rows=ROWS, compared=ROWS),
    )
    verdict, files = assemble_verdict(
        lambda: [training], evidence, RunSettings(day(1), Policy(), job.contract, previous_runs=earlier_runs)
    )
    document = verdict.to_json()
    VERDICT_SCHEMA.validate(document)
    assert (document["verdict"], document["previous"]["spaces"], document["previous"]["windows"]) == (
        "skew",
        [],
        0,
    )
    assert drift(document).keys() == {"earlier_run_unreadable", "history_unreadable"}
    assert {finding["severity"] for finding in drift(document).values()} == {"info"}
    assert "nothing could be compared" in formatting.drift_sentence(document)
    assert b"could not be read: stats.binpb is missing" in files["report.html"]


def test_a_run_that_examined_nothing_says_nothing_of_earlier_ones(
    training: Reference, tmp_path: Path
) -> None:
    job = Nightly(tmp_path, training)
    job.validate(rides(ROWS, 2), day(0))
    earlier_runs = previous_runs.find("auto", str(tmp_path), day(1), job.contract)
    for references in ([], [training]):
        here = RunSettings(day(1), Policy(), job.contract, previous_runs=earlier_runs)
        verdict, files = assemble_verdict(list(references).copy, PipelineResults({}, Accounting()), here)
        document = verdict.to_json()
        VERDICT_SCHEMA.validate(document)
        assert (document["verdict"], drift(document), "positions.json" in files) == (
            "not_examined",
            {},
            False,
        )
        assert (document["previous"]["verdict"], document["previous"]["spaces"]) == ("ok", [])


def test_windows_whose_positions_are_broken_are_left_out(training: Reference, tmp_path: Path) -> None:
    job = Nightly(tmp_path, training)
    for at in range(14):
        job.validate(rides(ROWS, 50 + at, shift=0.02 * at), day(at))
    (job.folder(2) / "positions.json").write_bytes(b'{"format": 1}')
    (job.folder(4) / "positions.json").unlink()
    (job.folder(5) / "verdict.json").write_bytes(b"\x00")
    document = job.validate(rides(ROWS, 80, shift=0.28), day(14))
    assert document["previous"]["windows"] == 11
    findings = drift(document)
    assert findings.keys() == {"slow_drift", "history_unreadable", "earlier_run_unreadable"}
    assert findings["history_unreadable"]["message"].startswith(
        "the positions of 2 earlier windows could not be"
    )
    assert findings["earlier_run_unreadable"]["message"].startswith("1 earlier run ")
    assert "over 12 windows" in findings["slow_drift"]["message"]


def test_no_history_over_baselines(training: Reference, tmp_path: Path) -> None:
    job = Nightly(tmp_path, training)
    for at in range(3):
        job.validate(rides(ROWS, 50 + at), day(at))
    job.contract = contract(created="2013-06-03T00:00:00+00:00")
    document = job.validate(rides(ROWS, 60), day(3))
    assert (document["previous"]["windows"], document["previous"]["spaces"]) == (0, ["raw"])
    assert "with the same transform graph" in drift(document)["another_baseline"]["message"]
    job.contract = contract("h", created="2013-06-04T00:00:00+00:00")
    document = job.validate(rides(ROWS, 61), day(4))
    assert "raw features alone" in drift(document)["another_baseline"]["message"]


def test_without_a_contract_baselines_are_told_apart_by_their_statistics(
    training: Reference, tmp_path: Path
) -> None:
    job = Nightly(tmp_path, training, contract=None)
    for at in range(2):
        job.validate(rides(ROWS, 50 + at), day(at))
    assert job.validate(rides(ROWS, 52), day(2))["previous"]["windows"] == 2
    job.training = reference(rides(6000, 2))
    assert job.validate(rides(ROWS, 53), day(3))["previous"]["windows"] == 0


def test_without_the_flag_there_are_positions_and_nothing_else(training: Reference, tmp_path: Path) -> None:
    document = Nightly(tmp_path, training).validate(rides(ROWS, 2), day(0), previous=None)
    assert (document["previous"], document["findings"], formatting.drift_sentence(document)) == (None, [], "")
    assert "positions.json" in document["artifacts"]
    assert b"Since the last run" not in (tmp_path / "report.html").read_bytes()


def test_statistics_that_make_no_sense_cost_no_verdict(training: Reference, tmp_path: Path) -> None:
    job = Nightly(tmp_path, training)
    job.validate(rides(ROWS, 2), day(0))
    earlier_runs = previous_runs.find("auto", str(tmp_path), day(1), job.contract)
    assert earlier_runs.previous is not None
    good = (job.folder(1) / "stats.binpb").read_bytes()
    rng = random.Random(6)
    metrics: set[str] = set()
    for _ in range(25):
        data = bytearray(good)
        for _ in range(rng.randrange(1, 30)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        metrics |= concluded(training, earlier_runs, bytes(data)).keys()
    for nonsense in (float("nan"), float("inf"), -1e300, 1e300):
        metrics |= concluded(training, earlier_runs, spoilt(good, nonsense)).keys()
    assert "earlier_run_unreadable" in metrics


def test_predictions_that_make_no_sense_cost_no_verdict(tmp_path: Path) -> None:
    model = dataclasses.replace(reference(rides(2000, 1)), space=Space.PREDICTION)
    earlier_run = PublishedRun(str(tmp_path), "r", day(0), "ok")
    odd = type(model.statistics)()
    odd.datasets.add(num_examples=5).features.add(name="speed")
    now = ServedWindow(day(1), [model], {Space.PREDICTION: statistics(rides(300, 3))}, contract(), Policy())
    here = WindowSummary(day(0), report._baseline(now), 10, {}, report._model(now))
    files = {"prediction_stats.binpb": odd.SerializeToString(), "positions.json": here.to_bytes()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    sizes = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()}
    run = dataclasses.replace(earlier_run, files=sizes, graph=published_runs.graph_of(contract()))
    comparison = report.compare_with_previous(previous_runs.PreviousRuns(run), now).comparison
    assert comparison is not None
    metrics = {finding.metric for finding in comparison.findings}
    assert "earlier_run_unreadable" in metrics


def spoilt(good: bytes, number: float) -> bytes:
    """Statistics all of whose quantities are this number, as far as they can be."""
    broken = type(statistics(rides(10, 1))).FromString(good)
    for feature in broken.datasets[0].features:
        stats = getattr(feature, feature.WhichOneof("stats"))
        stats.common_stats.num_non_missing = (1 << 64) - 1
        stats.common_stats.tot_num_values = (1 << 64) - 1
        for bucket in (
            getattr(stats, "rank_histogram", stats).buckets if feature.HasField("string_stats") else ()
        ):
            bucket.sample_count = number
        for histogram in stats.histograms if feature.HasField("num_stats") else ():
            for bucket in histogram.buckets:
                bucket.sample_count = bucket.low_value = number
        if abs(number) != 1e300:
            del feature.custom_stats[:]
    return bytes(broken.SerializeToString())


def concluded(training: Reference, earlier_runs: previous_runs.PreviousRuns, data: bytes) -> dict[str, Json]:
    """What is said beside an earlier run with these statistics, which its verdict names so."""
    assert earlier_runs.previous is not None
    Path(earlier_runs.previous.folder, "stats.binpb").write_bytes(data)
    files = {"stats.binpb": (len(data), hashlib.sha256(data).hexdigest())}
    run = dataclasses.replace(earlier_runs.previous, files=files)
    rows = Accounting(read=ROWS, decoded=ROWS, rows=ROWS, compared=ROWS)
    evidence = PipelineResults({Space.RAW: statistics(rides(300, 3))}, rows)
    job = RunSettings(day(1), Policy(), contract(), previous_runs=previous_runs.PreviousRuns(run))
    verdict, _ = assemble_verdict(lambda: [training], evidence, job)
    document = json.loads(run_folder.to_bytes(verdict.to_json()))
    VERDICT_SCHEMA.validate(document)
    return drift(document)
