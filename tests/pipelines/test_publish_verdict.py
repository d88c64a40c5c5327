"""The last step: from statistics, counts, rejects and faults to a published verdict."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pandas as pd
import pytest
from apache_beam.testing.util import assert_that, equal_to
from google.protobuf import text_format
from support.page import JULY
from support.publish import broken
from support.verdict import frame, reference, served, statistics
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.branches.reading import READING, Reading
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Decoded, Fault, InRange, Reject
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.core.slicing import SliceStatistics
from trueserve.transforms.merge_results import MergeResults
from trueserve.transforms.publish.assemble import PipelineResults, RunSettings, assemble_verdict
from trueserve.transforms.publish_verdict import PublishVerdict
from trueserve.transforms.runs.copies import COPIES
from trueserve.transforms.runs.run_folder import find_run
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.result import VerdictOutcome
from trueserve.transforms.verdict.severity import Policy

ROWS = 3000
JOB = RunSettings(JULY, Policy(max_rejects=0.1), {"format_version": 1})
REJECTS = [Reject(f"log-{i % 3}", i, "not_a_tf_example", "no tf.Example", b"\xff\x00") for i in range(30)]
FAULT = Fault("log-1", "truncated", "the file ends inside a record", 812)


@pytest.fixture(scope="module")
def against() -> Reference:
    return reference(frame(8000, 1))


@pytest.fixture(scope="module")
def calm() -> Statistics:
    return statistics(served(ROWS))


@pytest.fixture(scope="module")
def moved() -> Statistics:
    return statistics(kilometres(served(ROWS)))


def kilometres(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(distance=data["distance"] * 1.609)


def counts(rejected: int = 0) -> Accounting:
    reasons: Any = {"not_a_tf_example": rejected} if rejected else {}
    accounting = Accounting(read=ROWS + rejected, decoded=ROWS, rows=ROWS, compared=ROWS, files=3)
    accounting.rejected.update(reasons)
    return accounting


def found_in(served_statistics: Statistics, **more: Any) -> PipelineResults:
    return PipelineResults(**{"statistics": {Space.RAW: served_statistics}, "accounting": counts(), **more})


def run(
    against: Reference, evidence: PipelineResults
) -> tuple[VerdictOutcome, dict[str, Any], dict[str, bytes]]:
    verdict, files = assemble_verdict(lambda: [against], evidence, JOB)
    return verdict.outcome, verdict.to_json(), files


def test_calm_is_ok(against: Reference, calm: Statistics) -> None:
    outcome, verdict, files = run(against, found_in(calm))
    assert outcome is VerdictOutcome.OK
    assert verdict["contract"] == {"format_version": 1}
    assert files.keys() == {"report.html", "index.html", "anomalies.pbtxt", "stats.binpb", "positions.json"}
    assert b"No skew" in files["report.html"]
    # The label is no row of the page, and every other feature is one.
    assert files["report.html"].count(b"<article") == 4


def test_moved_is_skew_and_files_are_tfdvs_own(against: Reference, moved: Statistics) -> None:
    outcome, verdict, files = run(against, found_in(moved))
    assert outcome is VerdictOutcome.SKEW
    assert {f["feature"] for f in verdict["findings"] if f["severity"] == "error"} == {"distance"}
    anomalies = text_format.Parse(files["anomalies.pbtxt"], anomalies_pb2.Anomalies())
    assert "distance" in anomalies.anomaly_info
    assert statistics_pb2.DatasetFeatureStatisticsList.FromString(files["stats.binpb"]) == moved
    assert b"distance is not served as trained" in files["report.html"]


def test_names_of_copies_are_those_of_the_files_of_a_run(against: Reference, moved: Statistics) -> None:
    spaces = (Space.RAW, Space.TRANSFORMED, Space.PREDICTION)
    references = [dataclasses.replace(against, space=space) for space in spaces]
    slices = dict.fromkeys(spaces, SliceStatistics(Statistics(), {}))
    evidence = PipelineResults(dict.fromkeys(spaces, moved), counts(), slices=slices)
    files = assemble_verdict(lambda: references, evidence, JOB)[1]
    assert files.keys() == COPIES


def test_fault_fails_whatever_else_was_found(against: Reference, moved: Statistics) -> None:
    outcome, verdict, files = run(against, found_in(moved, faults=(FAULT,)))
    assert outcome is VerdictOutcome.FAILED
    assert "log-1 at byte 812: the file ends inside a record" in files["report.html"].decode()
    assert verdict["findings"][0]["message"] == str(FAULT)


def test_no_statistics_at_all_is_not_examined(against: Reference) -> None:
    outcome, _, files = run(against, PipelineResults(statistics={}, accounting=Accounting()))
    assert outcome is VerdictOutcome.NOT_EXAMINED
    # An empty Anomalies message would read as "no anomaly".
    assert files.keys() == {"report.html", "index.html"}


def test_a_window_beside_all_records_says_when_they_were(against: Reference) -> None:
    first, last = dt.datetime(2012, 7, 1, tzinfo=dt.UTC), dt.datetime(2012, 7, 9, tzinfo=dt.UTC)
    counts = Accounting(read=5, outside_window=5, first_time=first, last_time=last)
    _, verdict, _ = run(against, PipelineResults({}, counts))
    assert (
        "their times go from 2012-07-01T00:00:00Z to 2012-07-09T00:00:00Z"
        in verdict["findings"][0]["message"]
    )


def test_baseline_that_has_gone_is_a_published_failure(calm: Statistics) -> None:
    def gone() -> Sequence[Reference]:
        raise UsageError("no baseline in gs://b/baseline")

    verdict, _ = assemble_verdict(gone, found_in(calm), JOB)
    assert verdict.outcome is VerdictOutcome.FAILED
    assert "no baseline in gs://b/baseline" in verdict.reasons[0]


def test_programming_errors_are_not_hidden(calm: Statistics) -> None:
    def wrong() -> Sequence[Reference]:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        assemble_verdict(wrong, found_in(calm), JOB)


def test_rejects_keep_their_place_and_their_payload_only_if_asked(
    against: Reference, calm: Statistics
) -> None:
    rejects = (REJECTS[0], Reject("log-9\n", 7, "checksum", "<b>\u2028\ud800"))
    _, _, files = run(against, found_in(calm, rejects=rejects))
    lines = [json.loads(line) for line in files["rejects/rejects.jsonl"].splitlines()]
    assert [(line["file"], line["record"], line["reason"]) for line in lines] == [
        ("log-0", 0, "not_a_tf_example"),
        ("log-9\n", 7, "checksum"),
    ]
    assert base64.b64decode(lines[0]["payload"]) == b"\xff\x00"
    assert "payload" not in lines[1]


def test_the_same_evidence_gives_the_same_files(against: Reference, moved: Statistics) -> None:
    evidence = found_in(moved, rejects=tuple(REJECTS))
    assert run(against, evidence) == run(against, evidence)


def publish(
    output: Path,
    against: Reference,
    parts: Sequence[Accounting],
    raw: Sequence[Statistics] = (),
    transformed: Sequence[Statistics] | None = None,
    rejects: Sequence[Reject] = (),
    faults: Sequence[Fault] = (),
    outcome: str = "ok",
    run_id: str = "night",
) -> dict[str, Any]:
    """Runs the step in a pipeline of its own and gives what it published."""
    with beam.Pipeline() as pipeline:
        spaces = {"raw": raw, "transformed": transformed or ()}
        statistics = [((space, 0), message) for space, messages in spaces.items() for message in messages]
        readings = [Reading([part]) for part in parts]
        readings += [Reading(rejects=[reject]) for reject in rejects]
        readings += [Reading(faults=[fault]) for fault in faults]
        create = beam.Create([(READING, reading) for reading in readings])
        partials = pipeline | "Readings" >> create.with_output_types(tuple[Kind, Partial])
        merged = partials | "MergeResults" >> beam.CombinePerKey(MergeResults())
        created = pipeline | "Statistics" >> beam.Create(statistics)
        results = (merged, created) | "JoinResults" >> beam.Flatten()
        references = [against]
        if transformed is not None:
            other = Reference(against.schema, against.statistics, Space.TRANSFORMED, label=against.label)
            references.append(other)
        step = PublishVerdict(str(output), run_id, JOB, functools.partial(list, references))
        published = results | "PublishVerdict" >> step
        assert_that(published | beam.Map(lambda verdict: verdict["verdict"]), equal_to([outcome]))
    run = find_run(str(output), run_id)
    assert run is not None
    assert not broken(Path(run[0]))
    return run[1]


def test_pipeline_publishes_what_conclude_concludes(
    tmp_path: Path, against: Reference, moved: Statistics
) -> None:
    """Parts of the accounting and rejects come in any order; the files are those made in memory."""
    parts = [Accounting(rejected=counts(30).rejected, read=30), counts()]
    verdict = publish(tmp_path, against, parts, [moved], rejects=REJECTS[::-1], outcome="skew")

    expected, files = assemble_verdict(
        lambda: [against], found_in(moved, accounting=counts(30), rejects=tuple(sorted(REJECTS))), JOB
    )
    assert {**verdict, "artifacts": {}} == expected.to_json()
    digests = {name: artifact["sha256"] for name, artifact in verdict["artifacts"].items()}
    assert digests == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert (tmp_path / "report.html").read_bytes() == files["report.html"]


def test_pipeline_compares_both_spaces(tmp_path: Path, against: Reference, calm: Any, moved: Any) -> None:
    verdict = publish(tmp_path, against, [counts()], [calm], [moved], outcome="skew")
    errors = {(f["feature"], f["space"]) for f in verdict["findings"] if f["severity"] == "error"}
    assert errors == {("distance", "transformed")}
    assert {"transformed_stats.binpb", "transformed_anomalies.pbtxt"} <= verdict["artifacts"].keys()


def test_pipeline_of_nothing_still_publishes(tmp_path: Path, against: Reference) -> None:
    verdict = publish(tmp_path, against, [], outcome="not_examined")
    assert verdict["counts"]["read"] == 0
    assert (tmp_path / "report.html").exists()


def test_rows_after_a_fault_are_compared_with_nothing(
    tmp_path: Path, against: Reference, moved: Statistics
) -> None:
    first, last = Reading(), Reading()
    first.add(InRange("log-1", 0, FAULT))
    last.add(InRange("log-1", 1, Decoded(None, (), counts())))
    first.merge(last)
    assert first.result().numbering.lost
    statistics = (("raw", 0), moved)
    with beam.Pipeline() as pipeline:
        results = pipeline | beam.Create([(READING, first.result()), statistics])
        _ = results | PublishVerdict(str(tmp_path), "night", JOB, functools.partial(list, [against]))
    verdict = json.loads((tmp_path / "failed" / "verdict.json").read_bytes())
    assert verdict["counts"]["read"] == 0
    assert [f["metric"] for f in verdict["findings"] if f["severity"] == "error"] == ["truncated"]
    assert verdict["artifacts"].keys() == {"report.html"}


def test_pipeline_publishes_a_failure_beside_the_last_verdict(
    tmp_path: Path, against: Reference, calm: Statistics
) -> None:
    before = publish(tmp_path, against, [counts()], [calm], outcome="ok")
    publish(tmp_path, against, [counts()], [calm], faults=[FAULT], outcome="failed", run_id="next")
    assert json.loads((tmp_path / "verdict.json").read_bytes()) == before
    failed = json.loads((tmp_path / "failed" / "verdict.json").read_bytes())
    assert failed["verdict"] == "failed"
    assert failed["exit_code"] == 3
    assert not broken(tmp_path)
    assert not broken(tmp_path / "failed")
