"""What a model answers, as statistics; rows that it refuses; and which outputs can be recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from support.logs import example

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.predictions.outputs import OutputType
from trueserve.transforms.serving.predicted import PredictionRecorder, outputs_of


def function(answer: Callable[[Any], dict[str, Any]]) -> Any:
    spec = {"n": tf.io.FixedLenFeature([], tf.int64)}
    return tf.function(
        lambda examples: answer(tf.io.parse_example(examples, spec)["n"])
    ).get_concrete_function(tf.TensorSpec([None], tf.string, name="examples"))


def rows(*values: int) -> list[bytes]:
    return [example(n=[value]) for value in values]


def even(n: Any) -> dict[str, Any]:
    check = tf.debugging.assert_equal(n % 2, tf.zeros_like(n))
    with tf.control_dependencies([check]):
        return {"y": tf.cast(n, tf.float32) * 10}


def test_answers_are_summed() -> None:
    recorder = PredictionRecorder(
        function(
            lambda n: {"y": tf.cast(n, tf.float32) / 2, "pair": tf.stack([tf.cast(n, tf.float32)] * 2, 1)}
        ),
        may_refuse=False,
    )
    recorder.add(rows(1, 2, 3))
    recorder.add(rows(4))
    assert (recorder.rows, recorder.num_refused) == (4, 0)
    [dataset] = recorder.statistics().datasets
    assert dataset.num_examples == 4
    means = {feature.path.step[0]: feature.num_stats.mean for feature in dataset.features}
    assert means == pytest.approx({"y": 1.25, "pair[0]": 2.5, "pair[1]": 2.5, "pair[argmax]": 0.0})
    assert {feature.name for feature in recorder.schema("").feature} == means.keys()


def test_rows_that_are_refused_are_counted() -> None:
    recorder = PredictionRecorder(function(even), may_refuse=True)
    recorder.add(rows(2, 3, 4, 5))
    recorder.add(rows(7))
    recorder.add(rows(8))
    assert (recorder.rows, recorder.num_refused) == (3, 3)
    [feature] = recorder.statistics().datasets[0].features
    assert feature.num_stats.mean == pytest.approx((20 + 40 + 80) / 3)


def test_rows_that_may_not_be_refused() -> None:
    recorder = PredictionRecorder(function(even), may_refuse=False)
    with pytest.raises(
        UsageError, match=r"cannot answer the training rows in the baseline: InvalidArgumentError$"
    ):
        recorder.add(rows(2, 3))


@pytest.mark.parametrize(
    ("spec", "kind", "width"),
    [
        (tf.TensorSpec([None], tf.float32), OutputType.FLOAT, 1),
        (tf.TensorSpec([None, 3, 2], tf.float64), OutputType.FLOAT, 6),
        (tf.TensorSpec([None, 1], tf.int32), OutputType.INT, 1),
        (tf.TensorSpec([None], tf.bool), OutputType.INT, 1),
        (tf.TensorSpec([None, 2], tf.string), OutputType.TEXT, 2),
        (tf.TensorSpec([None, None], tf.float32), OutputType.FLOAT, None),
        (tf.TensorSpec(None, tf.float32), OutputType.FLOAT, None),
        (tf.TensorSpec([], tf.float32), OutputType.FLOAT, None),
        (tf.TensorSpec([5], tf.float32), OutputType.FLOAT, None),
        (tf.TensorSpec([None], tf.complex64), OutputType.FLOAT, None),
    ],
)
def test_outputs_by_their_specs(spec: tf.TensorSpec, kind: OutputType, width: int | None) -> None:
    [output] = outputs_of({"y": spec})
    assert (output.name, output.kind, output.width) == ("y", kind, width)


def test_outputs_are_sorted() -> None:
    spec = tf.TensorSpec([None], tf.float32)
    assert [output.name for output in outputs_of({"b": spec, "a": spec})] == ["a", "b"]
