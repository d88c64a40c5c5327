"""What a verdict is assembled from: spans, weights, references that fail, and the files beside it."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections import Counter
from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Reject, Window
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.core.slicing import SliceStatistics
from trueserve.transforms.publish import assemble
from trueserve.transforms.publish.assemble import PipelineResults, RunSettings
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import ComparisonResult, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.result import VerdictOutcome
from trueserve.transforms.verdict.severity import Policy

START = dt.datetime(2013, 7, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def results(compared: int, *rows: int, **more: Any) -> PipelineResults:
    by_space = {space: hand_made.statistics(count) for space, count in zip(Space, rows, strict=False)}
    return PipelineResults(by_space, Accounting(compared=compared, **more))


@pytest.mark.parametrize(
    ("compared", "rows", "effective"),
    [(9, (), None), (9, (9,), None), (9, (9, 9), None), (9, (7,), 7), (9, (7, 8), 7), (9, (7, 9), None)],
)
def test_effective_rows_are_those_of_the_statistics_where_weights_differ(
    compared: int, rows: tuple[int, ...], effective: int | None
) -> None:
    assert results(compared, *rows).effective_rows == effective


def test_forms_are_counted_in_the_proportion_of_the_weighted_rows() -> None:
    forms = Counter({("a", "scalar"): 100, ("b", "scalar"): 1, ("c", "scalar"): 0})
    assert assemble._weighed_forms(results(1000, 1000, forms=forms)) == forms
    weighed = assemble._weighed_forms(results(1000, 260, forms=forms))
    # What came at all came once at least.
    assert weighed == {("a", "scalar"): 26, ("b", "scalar"): 1}
    assert assemble._weighed_forms(results(0, 3, forms=forms))[("a", "scalar")] == 300


def test_rows_were_logged_in_the_window_or_else_when_they_were_met() -> None:
    seen, window = Window(START, START + HOUR), Window(START, START + 2 * HOUR)
    assert assemble._logged(window, seen) == window
    for open_window in (Window(START, None), Window(None, START), Window(None, None)):
        assert assemble._logged(open_window, seen) == seen
        assert assemble._logged(open_window, None) == Window()
    assert seen.length == HOUR
    assert Window().length is None
    assert assemble._seen(Accounting()) is None
    assert assemble._seen(Accounting(first_time=START, last_time=START + HOUR)) == seen


def test_rejects_are_lines_of_json_with_their_payload_where_it_was_kept() -> None:
    assert list(assemble._rejects([])) == []
    rejects = [Reject("a", 1, "bad", "why"), Reject("b", 2, "bad", "é", b"\xff")]
    [(name, lines)] = assemble._rejects(rejects)
    plain = {"file": "a", "record": 1, "reason": "bad", "detail": "why"}
    other = {"file": "b", "record": 2, "reason": "bad", "detail": "é"}
    assert name == "rejects/rejects.jsonl"
    assert [json.loads(line) for line in lines.splitlines()] == [
        plain,
        other | {"payload": base64.b64encode(b"\xff").decode()},
    ]


def test_files_of_raw_features_have_no_prefix_and_there_are_no_anomalies_where_none_were_sought() -> None:
    compared = [
        ComparisonResult((), (), space=Space.RAW, anomalies="x"),
        ComparisonResult((), (), space=Space.PREDICTION),
    ]
    made = PipelineResults(
        {Space.RAW: Statistics(), Space.TRANSFORMED: Statistics()},
        Accounting(),
        slices={Space.PREDICTION: SliceStatistics(Statistics(), {})},
    )
    assert [name for name, _ in assemble._protos(compared, made)] == [
        *("anomalies.pbtxt", "stats.binpb", "transformed_stats.binpb", "prediction_slices.binpb"),
    ]


SETTINGS = RunSettings(Window(START, START + HOUR), Policy())


def test_a_baseline_that_has_gone_is_a_verdict() -> None:
    def load() -> list[Reference]:
        raise InputError("there is no baseline at p")

    verdict, files = assemble.assemble_verdict(load, results(9, 9, read=9, decoded=9, rows=9), SETTINGS)
    assert verdict.outcome is VerdictOutcome.FAILED
    assert "there is no baseline at p" in verdict.findings[0].message
    assert {"report.html", "stats.binpb"} <= files.keys()


def test_the_wrong_baseline_is_one_finding_and_the_same_exit_code() -> None:
    names = [f"f{number}" for number in range(7)]
    schema = hand_made.schema(*(schema_pb2.Feature(name=name, type=schema_pb2.BYTES) for name in names))
    for feature in schema.feature:
        feature.presence.min_fraction = 1.0
    trained = hand_made.statistics(50, *(hand_made.category(name, {"a": 30, "b": 20}) for name in names))
    served = {Space.RAW: hand_made.statistics(90, hand_made.category("f0", {"a": 54, "b": 36}))}
    run = PipelineResults(served, Accounting(read=90, decoded=90, rows=90, compared=90))
    verdict, _ = assemble.assemble_verdict(lambda: [Reference(schema, trained, Space.RAW)], run, SETTINGS)
    assert (verdict.outcome, verdict.exit_code) == (VerdictOutcome.SKEW, 1)
    [error] = [finding for finding in verdict.findings if finding.severity == "error"]
    assert error.message.startswith("6 of 7 features are absent: 'f1', 'f2', 'f3', 'f4', 'f5' and 1 more; ")
    absent = [each.feature for each in verdict.not_compared if each.reason == "absent in serving"]
    assert absent == names[1:]


@pytest.mark.parametrize(("length", "outcome"), [(HOUR, "ok"), (720 * HOUR, "skew"), (None, "skew")])
def test_short_windows_are_judged_at_the_rate_that_keeps_to_the_budget(
    length: dt.timedelta | None, outcome: str
) -> None:
    """A difference of p 0.002: chance makes as much in two hours of an hourly job's months."""
    schema = hand_made.schema(schema_pb2.Feature(name="w", type=schema_pb2.BYTES))
    trained = hand_made.statistics(2_000, hand_made.category("w", {"a": 1_000, "b": 1_000}))
    served = {Space.RAW: hand_made.statistics(500, hand_made.category("w", {"a": 290, "b": 210}))}
    run = PipelineResults(served, Accounting(read=500, decoded=500, rows=500, compared=500))
    settings = RunSettings(Window(START, START + length if length else None), Policy())
    verdict, _ = assemble.assemble_verdict(lambda: [Reference(schema, trained, Space.RAW)], run, settings)
    assert verdict.outcome == outcome


def test_a_space_without_rows_is_not_examined_and_slices_left_out_are_counted() -> None:
    schema = hand_made.schema(schema_pb2.Feature(name="w", type=schema_pb2.BYTES))
    trained = hand_made.statistics(50, hand_made.category("w", {"a": 30, "b": 20}))
    reference = Reference(schema, trained, Space.RAW)
    verdict, _ = assemble.assemble_verdict(lambda: [reference], results(0), SETTINGS)
    assert verdict.outcome is VerdictOutcome.NOT_EXAMINED
    sliced = {Space.RAW: SliceStatistics(Statistics(), {}, left_out=3)}
    served = {Space.RAW: hand_made.statistics(50, hand_made.category("w", {"a": 30, "b": 20}))}
    accounting = Accounting(read=50, decoded=50, rows=50, compared=50)
    verdict, _ = assemble.assemble_verdict(
        lambda: [reference], PipelineResults(served, accounting, slices=sliced), SETTINGS
    )
    assert verdict.slices_left_out == 3
