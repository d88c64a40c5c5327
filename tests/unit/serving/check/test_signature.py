"""A candidate's signatures asked with probes: which form they take, and which probes fit."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf
from support.candidates import PROBES, of_examples, of_tensors, picky, probe

from trueserve.transforms.serving.check.signature import Signature, UnfitError


def lists(answers: Any) -> dict[str, list[Any]]:
    return {name: rows.values.tolist() for name, rows in answers.columns.items()}


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


def test_probes_that_a_signature_refuses_are_found_one_by_one() -> None:
    answers = Signature(of_examples(picky)).ask(PROBES, {})
    assert (answers.rows, answers.refused_rows, lists(answers)) == ([0, 1], [2, 3], {"x": [0, 2]})
    assert "too large" in answers.complaint
    all_of_them = Signature(of_examples(picky)).ask(PROBES[2:], {})
    assert (all_of_them.rows, all_of_them.refused_rows, all_of_them.columns) == ([], [0, 1], {})


def test_one_call_says_that_a_block_has_no_refused_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    answer = Signature.answer

    def counted(signature: Signature, probes: Any, expected: Any) -> Any:
        calls.append(len(probes))
        return answer(signature, probes, expected)

    monkeypatch.setattr(Signature, "answer", counted)
    probes = [probe(n=[3.0 if i in (40, 41, 190) else 1.0]) for i in range(200)]
    answers = Signature(of_examples(picky)).ask(probes, {})
    assert answers.refused_rows == [40, 41, 190]
    assert answers.rows == [i for i in range(200) if i not in (40, 41, 190)]
    # All, 13 blocks, the rows of two of them (the last is of 8 rows, but 190 is in the one before), the rest.
    assert calls == [200, *[16] * 12, 8, *[1] * 32, 197]


def test_a_batch_that_fails_though_no_row_does() -> None:
    def alone(n: Any) -> dict[str, Any]:
        check = tf.debugging.assert_equal(tf.shape(n)[0], 1)
        with tf.control_dependencies([check]):
            return {"x": n}

    answers = Signature(of_examples(alone)).ask(PROBES, {})
    assert (answers.rows, answers.refused_rows, answers.columns) == ([], [0, 1, 2, 3], {})
