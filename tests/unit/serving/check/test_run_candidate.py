"""A candidate's answers to probes are compared with what was recorded, or with a reference."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support.candidates import PROBES, of_examples, of_tensors, picky, probe

from trueserve.transforms.serving import parity, tolerance
from trueserve.transforms.serving.check import run_candidate
from trueserve.transforms.serving.check.run_candidate import Question, _CandidateComparison, _ProbeSet


def compared(function: Any, probes: list[Any] = PROBES, **fields: Any) -> _CandidateComparison:
    expected = parity.rows_of(probes, "transformed/")
    probe_set = _ProbeSet(
        "serving_default",
        range(len(probes)),
        probes,
        expected,
        tolerance.FEATURES,
        fields.pop("known", {*expected}),
    )
    comparison = _CandidateComparison({} if function is None else {"serving_default": function}, fields)
    comparison.compare(probe_set)
    return comparison


def kinds(comparison: _CandidateComparison) -> list[tuple[str, str, str | None]]:
    return [(finding["kind"], finding["signature"], finding["feature"]) for finding in comparison.findings]


def test_a_signature_that_gives_what_it_must() -> None:
    comparison = compared(of_examples(lambda n: {"x": n * 2}))
    assert (comparison.findings, comparison.compared) == ([], {"serving_default": 4})


def test_a_signature_that_the_model_lacks_is_not_compared() -> None:
    assert (compared(None).findings, compared(None).compared) == ([], {})


def test_outputs_that_differ() -> None:
    comparison = compared(of_examples(lambda n: {"x": n * 2 + tf.cast(n > 1, tf.float32)}), x=["n", "gone"])
    [finding] = comparison.findings
    assert {key: finding[key] for key in ("kind", "signature", "feature", "differing", "of")} == {
        "kind": "difference",
        "signature": "serving_default",
        "feature": "x",
        "differing": 2,
        "of": 4,
    }
    assert finding["detail"] == "off by up to 1"
    assert finding["examples"] == [
        {"probe": 2, "synthetic": None, "raw": {"n": [2.0], "gone": None}, "expected": [4.0], "got": [5.0]},
        {"probe": 3, "synthetic": None, "raw": {"n": [3.0], "gone": None}, "expected": [6.0], "got": [7.0]},
    ]


def test_outputs_of_another_type_or_name() -> None:
    comparison = compared(of_examples(lambda n: {"x": tf.cast(n * 2, tf.int64)}))
    assert kinds(comparison) == [("other_type", "serving_default", "x")]
    other = compared(of_examples(lambda n: {"z": n}))
    assert kinds(other) == [
        ("absent_output", "serving_default", "x"),
        ("other_output", "serving_default", "z"),
    ]
    assert other.compared == {"serving_default": 0}
    # Known to the baseline, though no probe has a value.
    empty = compared(of_examples(lambda n: {"x": n * 2, "z": n}), known={"x", "z"})
    assert kinds(empty) == [("difference", "serving_default", "z")]


def test_what_is_right_in_a_batch_and_wrong_alone() -> None:
    def batched(n: Any) -> dict[str, Any]:
        return {"x": n * 2 - tf.cast(tf.shape(n)[0] == 1, tf.float32), "y": n}

    probes = [probe(n=[float(i)], x=[2.0 * i]) for i in range(20)]
    comparison = compared(of_examples(batched), probes, known={"x"})
    assert kinds(comparison) == [
        ("other_output", "serving_default", "y"),
        ("difference", "serving_default, one at a time", "x"),
    ]
    assert (comparison.findings[1]["differing"], comparison.findings[1]["of"]) == (16, 16)


def test_an_output_that_is_wrong_in_a_batch_is_not_told_twice() -> None:
    assert kinds(compared(of_examples(lambda n: {"x": n}))) == [("difference", "serving_default", "x")]


def test_probes_that_are_refused() -> None:
    probes = [probe(n=[float(i)], x=[2.0 * i], edge_case="extreme" if i == 2 else "") for i in range(7)]
    comparison = compared(of_examples(picky), probes)
    [finding] = comparison.findings
    assert (finding["kind"], finding["differing"], finding["of"], comparison.compared) == (
        "fails", 5, 7, {"serving_default": 2},
    )  # fmt: skip
    assert [example["probe"] for example in finding["examples"]] == [2, 3, 4]
    assert finding["examples"][0] == {
        "probe": 2, "synthetic": "extreme", "raw": {"n": [2.0]}, "expected": None, "got": None,
    }  # fmt: skip


def test_numbers_of_probes_are_those_in_their_file() -> None:
    probes = [probe(n=[float(i)], x=[2.0 * i + (i == 3)]) for i in (0, 5, 1, 3)]
    comparison = compared(of_examples(lambda n: {"x": n * 2}), probes)
    assert [example["probe"] for example in comparison.findings[0]["examples"]] == [3]
    refusing = compared(of_examples(lambda n: {"x": picky(n / 2)["x"] * 2}), probes)
    assert [example["probe"] for finding in refusing.findings for example in finding["examples"]] == [1, 3]


def test_inputs_that_do_not_fit() -> None:
    comparison = compared(of_tensors(lambda z: {"y": z}, z=tf.TensorSpec([None], tf.float32)))
    [finding] = comparison.findings
    assert (finding["kind"], finding["feature"], finding["detail"]) == (
        "inputs", None, "it takes z, which are no raw features",
    )  # fmt: skip
    assert comparison.compared == {}


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (None, None),
        ([], []),
        ([1, 2.5], [1, 2.5]),
        ([float("inf"), float("nan")], ["inf", "nan"]),
        ([b"zw\xc3\xb6lf", b"\xff"], ["zwölf", "\\xff"]),
        ([b"a" * 201], ["a" * 200]),
        (list(range(21)), list(range(20))),
    ],
)
def test_values_as_json(values: Any, shown: Any) -> None:
    assert run_candidate._shown(values) == shown


def saved(folder: Path, **signatures: Any) -> str:
    module = tf.Module()
    module.functions = [*signatures.values()]
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return str(folder)


def written(path: Path, probes: list[Any]) -> str:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in probes:
            writer.write(example.SerializeToString())
    return str(path)


def named(probes: list[Any], *names: str) -> list[Any]:
    """The probes, of which the first names all columns of the baseline."""
    first = tf.train.Example.FromString(probes[0].SerializeToString())
    first.features.feature["columns"].bytes_list.value.append(json.dumps(names).encode())
    return [first, *probes[1:]]


def test_a_candidate_is_compared_with_what_was_recorded(tmp_path: Path) -> None:
    model = saved(
        tmp_path / "m",
        transform_features=of_examples(lambda n: {"x": n * 2}),
        serving_default=of_examples(lambda n: {"y": n + 1}),
        raw_tensors=of_tensors(lambda n: {"y": n + 2}, n=tf.TensorSpec([None], tf.float32)),
    )
    probes = written(
        tmp_path / "probes", named([*PROBES, probe(n=[9.0], x=[18.0], edge_case="extreme")], "transformed/x")
    )
    recorded = [probe(n=[float(i)]) for i in range(3)]
    for i, example in enumerate(recorded):
        example.features.feature["prediction/y"].float_list.value.append(i + 1.0)
    question = Question(model, probes, written(tmp_path / "recorded", recorded), None, {"x": ["n"]})
    answer = run_candidate.examine(question)
    assert (answer.probes, answer.synthetic) == (5, 1)
    assert answer.compared == {"transform_features": 5, "serving_default": 3, "raw_tensors": 3}
    assert [(finding["signature"], finding["feature"]) for finding in answer.findings] == [
        ("raw_tensors", "y")
    ]
    assert run_candidate.answer(json.dumps(dataclasses.asdict(question))) == dataclasses.asdict(answer)


def test_a_candidate_is_compared_with_a_reference(tmp_path: Path) -> None:
    right = saved(tmp_path / "right", serving_default=of_examples(lambda n: {"y": picky(n)["x"]}))
    wrong = saved(tmp_path / "wrong", serving_default=of_examples(lambda n: {"y": n * 2 - n}))
    probes = written(tmp_path / "probes", PROBES)
    answer = run_candidate.examine(Question(wrong, probes, None, right, {}))
    # The reference has an answer to two of the four.
    assert answer.compared == {"serving_default": 2}
    assert [(finding["feature"], finding["differing"]) for finding in answer.findings] == [("y", 1)]
    nothing = run_candidate.examine(Question(wrong, probes, None, None, {}))
    assert (nothing.compared, nothing.findings) == ({}, [])


def test_columns_without_a_value_are_known(tmp_path: Path) -> None:
    model = saved(
        tmp_path / "m", transform_features=of_examples(lambda n: {"x": n * 2, "v": n[:, None][:, :0]})
    )
    probes = named(PROBES, "transformed/x", "transformed/v", "raw/n")
    answer = run_candidate.examine(Question(model, written(tmp_path / "p", probes), None, None, {}))
    assert answer.findings == []
    unknown = run_candidate.examine(Question(model, written(tmp_path / "q", PROBES), None, None, {}))
    assert [(finding["kind"], finding["feature"]) for finding in unknown.findings][:1] == [
        ("other_output", "v")
    ]
