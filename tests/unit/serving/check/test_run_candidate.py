"""A candidate's signatures asked with probes: which form they take, what is compared, what is said of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from transforms.serving import parity, tolerance
from transforms.serving.check import run_candidate
from transforms.serving.check.run_candidate import Question, _CandidateComparison, _ProbeSet
from transforms.serving.check.signature import Signature, UnfitError


def probe(edge_case: str = "", **features: Any) -> Any:
    """A probe whose raw features are these; `x` is what the graph makes of them."""
    example = tf.train.Example()
    for name, values in features.items():
        key = f"transformed/{name}" if name == "x" else f"raw/{name}"
        kind = {bytes: "bytes_list", float: "float_list", int: "int64_list"}
        if values:
            getattr(example.features.feature[key], kind[type(values[0])]).value.extend(values)
        else:
            example.features.feature[key].SetInParent()
    if edge_case:
        example.features.feature["made_up"].bytes_list.value.append(edge_case.encode())
    return example


def of_examples(function: Callable[[Any], dict[str, Any]], name: str = "examples") -> Any:
    """A signature of serialized tf.Examples that hold a float `n`."""
    spec = {"n": tf.io.FixedLenFeature([], tf.float32)}

    def call(**tensors: Any) -> dict[str, Any]:
        return function(tf.io.parse_example(tensors[name], spec)["n"])

    return tf.function(call).get_concrete_function(**{name: tf.TensorSpec([None], tf.string, name=name)})


# TensorFlow writes a slash in the name of a tensor as an underscore where it is an argument.
def of_tensors(function: Callable[..., dict[str, Any]], **specs: tf.TensorSpec) -> Any:
    names = {name.replace("__", "/"): spec for name, spec in specs.items()}

    named = {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in names.items()}

    def call(**tensors: Any) -> dict[str, Any]:
        return function(**tensors)

    return tf.function(call).get_concrete_function(**named)


def lists(answers: Any) -> dict[str, list[Any]]:
    return {name: rows.values.tolist() for name, rows in answers.columns.items()}


PROBES = [probe(n=[float(i)], x=[2.0 * i]) for i in range(4)]


def test_serialized_examples_are_taken_whole() -> None:
    answers = Signature(of_examples(lambda n: {"x": n * 2})).ask(PROBES, {})
    assert (answers.rows, lists(answers), answers.refused_rows, answers.complaint) == (
        [0, 1, 2, 3],
        {"x": [0, 2, 4, 6]},
        [],
        "",
    )


def test_any_name_will_do_for_serialized_examples_but_that_of_a_raw_feature() -> None:
    assert Signature(of_examples(lambda n: {"x": n}, "requests")).ask(PROBES, {}).rows == [0, 1, 2, 3]
    model = of_tensors(lambda s: {"y": tf.strings.length(s)}, s=tf.TensorSpec([None], tf.string))
    answers = Signature(model).ask([probe(s=[b"abc"]), probe(s=[b"x"])], {})
    assert lists(answers) == {"y": [3, 1]}


@pytest.mark.parametrize("spec", [tf.TensorSpec([None], tf.float32), tf.TensorSpec([None, 1], tf.string)])
def test_tensors_that_are_no_raw_features(spec: tf.TensorSpec) -> None:
    signature = Signature(of_tensors(lambda z: {"y": z}, z=spec))
    with pytest.raises(UnfitError, match="it takes z, which are no raw features"):
        signature.ask(PROBES, {})


def test_the_first_five_names_that_do_not_fit_are_told() -> None:
    specs = {name: tf.TensorSpec([None], tf.float32) for name in "zyxwvun"}
    signature = Signature(of_tensors(lambda **tensors: {"y": tensors["n"]}, **specs))
    with pytest.raises(UnfitError, match="it takes u, v, w, x, y, which"):
        signature.ask(PROBES, {})


def test_probes_that_fit_no_tensor_are_left_out() -> None:
    probes = [
        probe(n=[1.0], i=[1]),
        probe(n=[float("nan")], i=[2]),
        probe(n=[1.0, 2.0], i=[3]),
        probe(i=[4]),
        probe(n=[5.0]),
        probe(n=[6.0], i=[6, 7]),
    ]

    def summed(n: Any, i: Any) -> dict[str, Any]:
        return {"y": tf.reshape(n, [-1]) + tf.reduce_sum(tf.cast(i, tf.float32), 1)}

    signature = Signature(
        of_tensors(summed, n=tf.TensorSpec([None], tf.float32), i=tf.TensorSpec([None, 2], tf.int64))
    )
    # Of rank 1 there is one value; an integer that is missing cannot be said; nor can a float, but it is NaN.
    answers = signature.ask(probes, {})
    assert answers.rows == [0, 3, 5]
    assert answers.columns["y"].values.tolist()[::2] == [2.0, 19.0]


def test_a_missing_integer_is_said_by_a_second_input() -> None:
    signature = Signature(
        of_tensors(
            lambda i, i_present: {"y": tf.where(i_present, i, -1)},
            i=tf.TensorSpec([None, 1], tf.int64),
            i__present=tf.TensorSpec([None, 1], tf.bool),
        )
    )
    answers = signature.ask([probe(i=[5]), probe(i=[])], {})
    assert (answers.rows, lists(answers)) == ([0, 1], {"y": [5, -1]})


def test_any_number_of_values_fits_where_the_width_is_open() -> None:
    signature = Signature(
        of_tensors(lambda n: {"y": tf.reduce_sum(n, 1)}, n=tf.TensorSpec([None, None], tf.float32))
    )
    answers = signature.ask([probe(n=[1.0, 2.0, 3.0]), probe(n=[4.0, 5.0, 6.0])], {})
    assert lists(answers) == {"y": [6.0, 15.0]}


def picky(n: Any) -> dict[str, Any]:
    check = tf.debugging.assert_less(n, 2.0, message="too large")
    with tf.control_dependencies([check]):
        return {"x": n * 2}


def test_probes_that_a_signature_refuses_are_found_one_by_one() -> None:
    answers = Signature(of_examples(picky)).ask(PROBES, {})
    assert (answers.rows, answers.refused_rows, lists(answers)) == ([0, 1], [2, 3], {"x": [0, 2]})
    assert "too large" in answers.complaint
    all_of_them = Signature(of_examples(picky)).ask(PROBES[2:], {})
    assert (all_of_them.rows, all_of_them.refused_rows, all_of_them.columns) == ([], [0, 1], {})


def test_a_batch_that_fails_though_no_row_does() -> None:
    def alone(n: Any) -> dict[str, Any]:
        check = tf.debugging.assert_equal(tf.shape(n)[0], 1)
        with tf.control_dependencies([check]):
            return {"x": n}

    answers = Signature(of_examples(alone)).ask(PROBES, {})
    assert (answers.rows, answers.refused_rows, answers.columns) == ([], [0, 1, 2, 3], {})


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
    probes = [probe(n=[float(i)], x=[2.0 * i], made_up="extreme" if i == 2 else "") for i in range(7)]
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
        tmp_path / "probes", named([*PROBES, probe(n=[9.0], x=[18.0], made_up="extreme")], "transformed/x")
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
