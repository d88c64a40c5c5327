"""Findings of a checked model: severities and sentences."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.check_report import BOTH, contents, messages

from trueserve.transforms.serving.check import findings
from trueserve.transforms.serving.check.report import CheckFinding, Report
from trueserve.transforms.serving.check.run_candidate import Answer


def test_a_model_with_both_signatures_lacks_nothing() -> None:
    assert messages(findings.of_signatures(contents(BOTH), {"a": "float32"}, ["raw"])) == []
    assert messages(findings.of_signatures(contents(BOTH), {}, ["raw"])) == []


def test_signatures_that_are_missing() -> None:
    actual = messages(findings.of_signatures(contents({"other": {}, "more": {}}), {}, []))
    assert actual == [
        (
            "no_transform_features",
            "error",
            "preprocessing is not in the served graph: the model has no signature transform_features",
        ),
        ("no_serving_default", "error", "the model has no signature serving_default; it has: more, other"),
    ]
    assert messages(findings.of_signatures(contents({}), {}, []))[1][2].endswith("it has: none")


@pytest.mark.parametrize(
    ("count", "listed"),
    [
        (1, "t0"),
        (5, "t0, t1, t2, t3, t4"),
        (6, "t0, t1, t2, t3, t4 and 1 more"),
        (9, "t0, t1, t2, t3, t4 and 4 more"),
    ],
)
def test_transformed_features_that_clients_must_compute(count: int, listed: str) -> None:
    graph = {f"t{i}": "float32" for i in range(count)} | {"both": "float32"}
    inputs = {"serving_default": dict.fromkeys([*graph, "other"], "float32")}
    model = contents({"serving_default": {}}, inputs)
    [(_, _, message)] = messages(findings.of_signatures(model, graph, ["both"]))
    assert message.endswith(f"clients have to compute: {listed}")


def test_outputs_of_another_type() -> None:
    model = contents({**BOTH, "transform_features": {"b": "int64", "a": "float32", "new": "int64"}})
    [finding] = findings.of_signatures(model, {"a": "float32", "b": "float32"}, [])
    assert (finding.kind, finding.severity, finding.signature, finding.feature) == (
        "other_type",
        "error",
        "transform_features",
        "b",
    )
    assert finding.message == "b is of type int64 in the model and float32 in the baseline"


def example(**fields: Any) -> dict[str, Any]:
    return {"probe": 3, "synthetic": None, "raw": {"a": [1.5]}, "expected": [2.0], "got": [4.0], **fields}


def of_answer(finding: dict[str, Any], whose: str | None = None) -> CheckFinding:
    answer = Answer(
        10, 2, {}, [{"signature": "transform_features", "feature": "x", "detail": "so", **finding}]
    )
    [result] = findings.of_answers(answer, {"x": ["a", "b"]}, whose)
    return result


def test_a_difference_is_an_error_with_an_example() -> None:
    finding = of_answer({"kind": "difference", "differing": 2, "of": 10, "examples": [example()]})
    assert finding.message == "2 of 10 probes differ, so; for a 1.5 expected 2, got 4"
    assert (finding.severity, finding.raw_features, finding.differing, finding.of) == (
        "error",
        ("a", "b"),
        2,
        10,
    )
    assert finding.examples[0].probe == 3
    column = of_answer({"kind": "difference", "feature": "x$sparse_values", "differing": 1, "of": 1})
    assert column.raw_features == ("a", "b")
    assert column.message == "1 of 1 probes differ, so"


@pytest.mark.parametrize(
    ("signature", "whose", "where"),
    [
        ("serving_default", "reference", " from the reference"),
        ("serving_default", "model", " from what was recorded at export"),
        ("raw_tensors, one at a time", "model", " from what was recorded at export"),
        ("serving_default", None, ""),
        ("transform_features", "reference", ""),
    ],
)
def test_predictions_differ_from_somebodys(signature: str, whose: str | None, where: str) -> None:
    fields = {"kind": "difference", "signature": signature, "differing": 1, "of": 2, "examples": [example()]}
    finding = of_answer(fields, whose)
    assert finding.message == f"1 of 2 probes differ, so{where}; for a 1.5 expected 2, got 4"
    assert finding.raw_features == (("a", "b") if signature == "transform_features" else ())


def test_what_is_no_difference_of_probes() -> None:
    absent = of_answer({"kind": "absent_output", "detail": "is not in the model", "of": 5})
    assert (absent.severity, absent.message) == ("error", "x is not in the model")
    other = of_answer({"kind": "other_output", "detail": "is not in the baseline", "of": 5})
    assert (other.severity, other.message) == ("warning", "x is not in the baseline")
    inputs = of_answer({"kind": "inputs", "feature": None, "detail": "it takes z"})
    assert inputs.message == "transform_features: it takes z"


def test_probes_that_a_model_refuses() -> None:
    fields = {"kind": "fails", "feature": None, "detail": "no such id", "differing": 2, "of": 9}
    assert of_answer(fields).message == "transform_features fails for 2 of 9 probes: no such id"
    with_example = of_answer({**fields, "examples": [example(expected=None, got=None)]})
    assert with_example.message == "transform_features fails for 2 of 9 probes: no such id; for a 1.5"


@pytest.mark.parametrize(
    ("raw", "edge_case", "text"),
    [
        ({"a": [1.5], "b": [b"x".decode()]}, None, "a 1.5, b 'x'"),
        ({"a": [1], "b": None, "c": []}, None, "a 1, b missing, c no value"),
        ({"a": [1], "b": [2], "c": [3], "d": [4]}, None, "a 1, b 2, c 3, …"),
        ({"a": [1, 2]}, "empty", "a [1, 2] (made up: empty)"),
        ({"a": [1, 2, 3, 4]}, None, "a [1, 2, 3, 4]"),
        ({"a": [1, 2, 3, 4, 5]}, None, "a [1, 2, 3, 4, …]"),
        ({"a": [0.123456789]}, None, "a 0.1234568"),
        ({}, None, "probe 3"),
        ({}, "no feature", "probe 3 (made up: no feature)"),
    ],
)
def test_examples_in_words(raw: dict[str, Any], edge_case: str | None, text: str) -> None:
    fields = {"kind": "fails", "detail": "so", "differing": 1, "of": 1}
    finding = of_answer({**fields, "examples": [example(raw=raw, synthetic=edge_case)]})
    assert finding.message.endswith(f"; for {text}")


def test_predictions_that_were_not_compared() -> None:
    model = contents(BOTH)
    [finding] = findings.of_predictions(model, None, {"transform_features": 5})
    assert (finding.kind, finding.severity, finding.signature) == (
        "not_checked",
        "warning",
        "serving_default",
    )
    assert list(findings.of_predictions(model, "model", {})) == []
    assert list(findings.of_predictions(model, None, {"serving_default": 0})) == []
    assert list(findings.of_predictions(contents({}), None, {})) == []


def test_synthetic_probes_are_made_up_in_the_published_document() -> None:
    finding = of_answer({"kind": "fails", "differing": 1, "of": 1, "examples": [example(synthetic="zero")]})
    document = Report("b", "m", None, 5, 1, {"a": 5}, None, (finding,), (), ()).to_json()
    [published] = document["findings"][0]["examples"]
    assert (document["made_up"], published["made_up"]) == (1, "zero")
    assert "synthetic" not in json.dumps(document)
