"""Findings of a checked model: severities and sentences."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from tensorflow.core.protobuf import saved_model_pb2

from transforms.baseline.contract import Contract, Digests
from transforms.core.errors import InputError, UsageError
from transforms.serving.check import findings, saved_model, versions
from transforms.serving.check.report import CheckFinding, Report, Severity, Version, worst_first
from transforms.serving.check.run_candidate import Answer
from transforms.serving.check.saved_model import SavedModelContents


def contents(
    outputs: dict[str, dict[str, str]],
    inputs: dict[str, dict[str, str]] | None = None,
    folder: str = "/nowhere",
) -> SavedModelContents:
    return SavedModelContents(folder, "the model", inputs or {}, outputs, "2.16.2")


BOTH = {"transform_features": {"a": "float32"}, "serving_default": {"y": "float32"}}


def messages(check_findings: Iterable[CheckFinding]) -> list[tuple[str, str, str]]:
    return [(finding.kind, finding.severity, finding.message) for finding in check_findings]


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


def report(compared: dict[str, int], *severities: Severity, lint: tuple[str, ...] = ()) -> Report:
    made = [CheckFinding("kind", severity, "m") for severity in severities]
    lints = tuple({"severity": severity} for severity in lint)
    return Report("b", "m", None, 5, 1, compared, None, tuple(made), (), lints)


@pytest.mark.parametrize(
    ("made", "result", "code", "errors"),
    [
        (report({"a": 5}), "ok", 0, 0),
        (report({"a": 5}, "warning", "info"), "ok", 0, 0),
        (report({"a": 5}, "error", "warning"), "errors", 1, 1),
        (report({"a": 5}, lint=("error", "info")), "errors", 1, 1),
        (report({"a": 0, "b": 0}), "not_examined", 4, 0),
        (report({"a": 0, "b": 1}), "ok", 0, 0),
        (report({}), "not_examined", 4, 0),
        (report({}, "error", lint=("error",)), "errors", 1, 2),
    ],
)
def test_results(made: Report, result: str, code: int, errors: int) -> None:
    assert (made.result, made.exit_code, made.errors) == (result, code, errors)
    assert (made.to_json()["result"], made.to_json()["exit_code"]) == (result, code)


def test_synthetic_probes_are_made_up_in_the_published_document() -> None:
    finding = of_answer({"kind": "fails", "differing": 1, "of": 1, "examples": [example(synthetic="zero")]})
    document = dataclasses.replace(report({"a": 5}), findings=(finding,)).to_json()
    [published] = document["findings"][0]["examples"]
    assert (document["made_up"], published["made_up"]) == (1, "zero")
    assert "synthetic" not in json.dumps(document)


def test_the_worst_come_first() -> None:
    severities: tuple[Severity, ...] = ("info", "warning", "error", "error")
    mixed = [CheckFinding(str(i), severity, "") for i, severity in enumerate(severities)]
    assert [finding.kind for finding in worst_first(mixed)] == ["2", "3", "1", "0"]


@pytest.mark.parametrize(
    ("left", "right", "differs"),
    [("1", "2", True), ("1", "1", False), (None, "1", False), ("1", None, False)],
)
def test_versions_differ_where_both_are_known(left: str | None, right: str | None, differs: bool) -> None:
    assert Version("n", left, right).differs is differs


def signature(**outputs: str) -> dict[str, Any]:
    import tensorflow as tf

    return {name: {"dtype": tf.dtypes.as_dtype(kind).as_datatype_enum} for name, kind in outputs.items()}


def saved(folder: Path, tags: list[str], signatures: dict[str, Any], version: str = "2.16.2") -> Path:
    model = saved_model_pb2.SavedModel()
    graph = model.meta_graphs.add()
    graph.meta_info_def.tags.extend(tags)
    graph.meta_info_def.tensorflow_version = version
    for name, tensors in signatures.items():
        for key, info in tensors.items():
            graph.signature_def[name].outputs[key].dtype = info["dtype"]
            graph.signature_def[name].inputs["x"].dtype = info["dtype"]
    folder.mkdir(parents=True, exist_ok=True)
    assert isinstance(model, Message)
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder


def test_what_a_saved_model_says_of_itself(tmp_path: Path) -> None:
    outputs = signature(
        **{
            "a": "float32",
            "s/values": "int64",
            "s/indices": "int64",
            "s/shape": "int64",
            "t/values": "string",
            "u/shape": "int64",
        }
    )
    saved(
        tmp_path,
        ["other", "serve"],
        {"serving_default": outputs, "__saved_model_init_op": signature(z="int64")},
    )
    model = saved_model.read(str(tmp_path), "mine")
    assert model.outputs == {
        "serving_default": {"a": "float32", "s": "int64", "t/values": "string", "u/shape": "int64"}
    }
    assert model.inputs["serving_default"].keys() == {"x"}
    assert (model.name, model.tensorflow_version, model.contract, model.probes) == (
        "mine",
        "2.16.2",
        None,
        None,
    )
    saved(tmp_path, ["serve"], {}, version="")
    assert saved_model.read(str(tmp_path), "mine").tensorflow_version is None


def test_what_a_saved_model_carries(tmp_path: Path) -> None:
    saved(tmp_path, ["serve"], {})
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "contract.json").write_bytes(b"{}")
    (tmp_path / "assets.extra" / "probes.tfrecord").write_bytes(b"")
    model = saved_model.read(str(tmp_path), "mine")
    assert model.contract == b"{}"
    assert model.probes == str(tmp_path / "assets.extra" / "probes.tfrecord")


def test_folders_that_hold_no_saved_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UsageError, match=r"no SavedModel in mine: it has no saved_model\.pb; name its folder"
    ):
        saved_model.read(str(tmp_path), "mine")
    for version in ("9", "10"):
        saved(tmp_path / version, ["serve"], {})
    with pytest.raises(UsageError, match=r"it has versions: name one, such as its 10$"):
        saved_model.read(str(tmp_path), "mine")
    saved(tmp_path, ["train"], {})
    with pytest.raises(InputError, match="of mine holds no graph that is tagged `serve`"):
        saved_model.read(str(tmp_path), "mine")
    (tmp_path / "saved_model.pb").write_bytes(b"\xff")
    with pytest.raises(InputError, match="of mine cannot be read: DecodeError"):
        saved_model.read(str(tmp_path), "mine")
    monkeypatch.setattr(saved_model, "_LARGEST", 1)
    saved(tmp_path, ["serve"], {})
    with pytest.raises(InputError, match="bytes, more than a SavedModel can have"):
        saved_model.read(str(tmp_path), "mine")
    size = (tmp_path / "saved_model.pb").stat().st_size
    monkeypatch.setattr(saved_model, "_LARGEST", size)
    assert saved_model.read(str(tmp_path), "mine").name == "mine"


def contract(graph: str = "g" * 64, **packages: str) -> Contract:
    digests = Digests("s" * 64, graph, {"words": "w" * 64})
    return Contract("2026-01-01T00:00:00Z", digests, packages, 5, None, ("a",), {"x": ("a",)})


def with_contract(folder: Path, other: Contract | None) -> SavedModelContents:
    if other is not None:
        (folder / "assets.extra").mkdir(exist_ok=True)
        (folder / "assets.extra" / "contract.json").write_text(json.dumps(other.to_json()))
    return contents(BOTH, folder=str(folder))


def test_versions_of_both_are_told_beside_each_other(tmp_path: Path) -> None:
    model = with_contract(tmp_path, contract("h" * 64, tensorflow="2.15", numpy="1.26"))
    compared = versions.compared(contract(tensorflow="2.16.2", keras="3"), model)
    assert [(v.name, v.baseline, v.model) for v in compared] == [
        ("preprocessing_source", "s" * 64, "s" * 64),
        ("graph", "g" * 64, "h" * 64),
        ("assets/words", "w" * 64, "w" * 64),
        ("packages/keras", "3", None),
        ("packages/numpy", None, "1.26"),
        ("packages/tensorflow", "2.16.2", "2.15"),
        ("saved_model/tensorflow", "2.16.2", "2.16.2"),
    ]
    assert messages(versions.findings(compared, model, agree=True)) == [
        (
            "version",
            "info",
            f"graph: {'h' * 12}… in the model, {'g' * 12}… in the baseline; the probes agree all the same",
        ),
        (
            "version",
            "info",
            "packages/tensorflow: 2.15 in the model, 2.16.2 in the baseline; the probes agree all the same",
        ),
    ]
    [first, _] = versions.findings(compared, model, agree=False)
    assert first.message.endswith("; see the errors for what that does")


def test_a_model_without_a_contract(tmp_path: Path) -> None:
    model = with_contract(tmp_path, None)
    compared = versions.compared(contract(tensorflow="2.16.2"), model)
    assert [version.name for version in compared if version.model is not None] == ["saved_model/tensorflow"]
    [finding] = versions.findings(compared, model, agree=True)
    assert (finding.kind, finding.severity) == ("no_contract", "info")


@pytest.mark.parametrize("content", ["{", "[]", "{}", "null"])
def test_a_contract_that_is_none_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "contract.json").write_text(content)
    with pytest.raises(InputError, match=r"contract.json of the model is no contract"):
        versions.compared(contract(), contents(BOTH, folder=str(tmp_path)))
