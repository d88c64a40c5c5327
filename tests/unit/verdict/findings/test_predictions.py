"""Logged predictions compared with recorded ones, from statistics alone."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.accounting import answers_of, of_answers
from trueserve.transforms.core.slicing import SliceStatistics
from trueserve.transforms.predictions.outputs import Output, OutputType, columns, schema_of
from trueserve.transforms.summaries.dataset import DatasetSummary, uses_of
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.verdict.feature_stats import Statistics, dataset
from trueserve.transforms.verdict.findings.predictions import answered, compare_space
from trueserve.transforms.verdict.findings.slices import compare_slices
from trueserve.transforms.verdict.model import ComparisonResult, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy

OUTPUTS = (
    Output("late", OutputType.FLOAT, 1),
    Output("classes", OutputType.FLOAT, 3),
    Output("word", OutputType.TEXT, 1),
)
SCHEMA = schema_of(OUTPUTS, "predictions on 5,000 training rows")
NAMES = [feature.name for feature in SCHEMA.feature]
Array = np.ndarray[Any, Any]


def rows(count: int, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    classes = rng.choice(np.array([b"yes", b"no"], object), (count, 1), p=[0.7, 0.3])
    return {"late": rng.beta(2, 5, (count, 1)), "classes": rng.dirichlet([4, 2, 1], count), "word": classes}


def statistics(values: dict[str, Array], there: Array | None = None) -> Statistics:
    mask = np.ones(len(values["late"]), bool) if there is None else there
    summary = DatasetSummary(uses_of(SCHEMA))
    summary.add(columns(OUTPUTS, values, mask), Scratch())
    return Statistics(datasets=[dataset_statistics(summary, SIZES)])


REFERENCE = Reference(SCHEMA, statistics(rows(5000, 1)), Space.PREDICTION)


def compared(serving: Statistics, forms: dict[tuple[str, str], int] | None = None) -> ComparisonResult:
    return compare_space(REFERENCE, serving, Policy(), Counter(forms or {}))


def severities(comparison: ComparisonResult) -> dict[str, str]:
    return {f"{finding.feature}/{finding.metric}": finding.severity.value for finding in comparison.findings}


def test_the_same_model_is_silent_and_all_is_measured() -> None:
    comparison = compared(statistics(rows(3000, 2)))
    assert (comparison.findings, comparison.not_compared) == ((), ())
    assert {finding.feature for finding in comparison.distances} == set(NAMES)
    assert all(finding.message.startswith("prediction: ") for finding in comparison.distances)


def test_the_output_that_moved_is_named_and_the_message_says_prediction() -> None:
    moved = rows(3000, 2)
    moved["late"] = moved["late"] + 0.3
    comparison = compared(statistics(moved))
    errors = [finding for finding in comparison.findings if finding.severity.value == "error"]
    assert {finding.feature for finding in errors} == {"late"}
    assert any(finding.message.startswith("the prediction moved: ") for finding in errors)
    assert {finding.space for finding in comparison.findings} == {Space.PREDICTION}


def test_classes_that_moved_show_in_the_argmax() -> None:
    moved = rows(3000, 2)
    moved["classes"] = np.random.default_rng(3).dirichlet([2, 4, 1], 3000)
    errors = {
        finding.feature
        for finding in compared(statistics(moved)).findings
        if finding.severity.value == "error"
    }
    assert errors == {"classes[0]", "classes[1]", "classes[argmax]"}


@pytest.mark.parametrize(("share", "level"), [(0.004, "warning"), (0.05, "error")])
def test_answers_that_are_no_numbers_are_found(share: float, level: str) -> None:
    moved = rows(3000, 2)
    moved["late"][: int(share * 3000)] = np.nan
    comparison = compared(statistics(moved), {of_answers("not_finite"): int(share * 3000)})
    assert severities(comparison) == {"late/not_finite": level, "/not_finite": "info"}
    assert "NaN or infinite" in comparison.findings[0].message
    assert "made of" not in comparison.findings[0].message


def test_one_answer_for_all_rows_is_found() -> None:
    moved = rows(3000, 2)
    moved["late"][:] = 0.25
    assert any(
        "the feature is constant, one value for all of the rows" in f.message
        for f in compared(statistics(moved)).findings
    )


def test_rows_without_an_answer_are_counted_and_the_others_compared() -> None:
    there = np.arange(3000) % 3 > 0
    served = statistics(rows(3000, 2), there)
    comparison = compared(
        served, {of_answers("no_response"): 900, of_answers("other_shape"): 100, ("late", "x"): 5}
    )
    assert severities(comparison) == {"/no_response": "info", "/other_shape": "info"}
    assert comparison.findings[0].message == (
        "900 rows (30.0 %) have no logged answer, or not one for each row: their predictions are missing"
    )
    assert (comparison.not_compared, len(comparison.distances)) == ((), len(NAMES))
    assert dataset(served).num_examples == 3000  # what is published still has them


def test_no_answer_at_all_is_not_compared_with_the_reason() -> None:
    nothing = statistics(rows(500, 2), np.zeros(500, bool))
    comparison = compared(nothing, {of_answers("no_response"): 400, of_answers("other_names"): 100})
    assert [entry.feature for entry in comparison.not_compared] == NAMES
    reason = "no row has a logged answer that is a prediction (no_response 400, other_names 100)"
    assert {entry.reason for entry in comparison.not_compared} == {reason}
    assert (severities(comparison), comparison.distances) == (
        {"/no_response": "info", "/other_names": "info"},
        (),
    )


def test_no_row_at_all_is_no_lack_of_answers() -> None:
    comparison = compared(Statistics(datasets=[statistics_pb2.DatasetFeatureStatistics()]))
    assert {entry.reason for entry in comparison.not_compared} == {"no rows in serving"}


def test_slices_are_compared_in_their_answered_rows() -> None:
    moved = rows(2000, 2)
    moved["late"] = moved["late"] + 0.3
    parts = {"version=2": moved, "version=1": rows(1000, 4)}
    datasets = []
    for name, values in parts.items():
        there = np.arange(len(values["late"])) % 2 == 0
        datasets.append(dataset(statistics(values, there)))
        datasets[-1].name = name
    slices = SliceStatistics(Statistics(datasets=datasets), {"version=2": 2000, "version=1": 1000})
    compared_slices = compare_slices([REFERENCE], {Space.PREDICTION: slices}, Policy())
    assert [(part.name, {f.feature for f in part.findings}) for part in compared_slices] == [
        ("version=2", {"late"}),
        ("version=1", set()),
    ]


def test_what_is_counted_comes_back_by_reason() -> None:
    forms = Counter({of_answers("no_response"): 2, ("late", "null"): 3, ("", "untransformable"): 1})
    assert answers_of(forms) == {"no_response": 2}


def test_answered_rows_are_all_there_is() -> None:
    served = statistics(rows(300, 2), np.arange(300) < 120)
    [dataset] = answered(served).datasets
    common = [getattr(f, f.WhichOneof("stats")).common_stats for f in dataset.features]
    assert dataset.num_examples == 120
    assert {(each.num_non_missing, each.num_missing) for each in common} == {(120, 0)}
    assert answered(Statistics()) == Statistics()
    assert isinstance(columns(OUTPUTS, rows(3, 1), np.ones(3, bool)), pa.RecordBatch)


def test_days_say_nothing_of_answers_that_are_no_numbers_or_one_number() -> None:
    """A baseline that knows its days makes a warning of what days might explain, and of nothing else."""
    against = dataclasses.replace(REFERENCE, variation={})
    moved, odd, constant = (rows(3000, 2) for _ in range(3))
    moved["late"] = moved["late"] + 0.3
    odd["late"][:1500] = np.nan
    constant["late"][:] = 0.25
    for values, level in ((moved, "warning"), (odd, "error"), (constant, "error")):
        comparison = compare_space(against, statistics(values), Policy(), Counter())
        assert {finding.severity.value for finding in comparison.findings if finding.feature == "late"} >= {
            level
        }
        assert all(finding.severity.value != "error" or level == "error" for finding in comparison.findings)
        assert all(finding.severity.value != "error" or level == "error" for finding in comparison.distances)


def test_predictions_on_training_rows_are_said_to_be() -> None:
    schema = schema_of(OUTPUTS, "predictions on 5,000 training rows", on_training=True)
    reference = dataclasses.replace(REFERENCE, schema=schema)
    comparison = compare_space(reference, statistics(rows(3000, 2)), Policy(), Counter())
    [finding] = comparison.findings
    assert (finding.metric, finding.severity.value) == ("predictions_on_training_rows", "info")
    assert "export --evaluation=GLOB" in finding.message
    assert (
        compare_space(reference, statistics_pb2.DatasetFeatureStatisticsList(), Policy(), Counter()).findings
        == ()
    )
