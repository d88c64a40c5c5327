"""What a model answers must be tensors with a row each; what it is fed is described by type and shape."""

from __future__ import annotations

import pytest
import tensorflow as tf

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.serving.serving_model import _checked_outputs, _describe_value, dense_outputs


def test_a_tensor_is_described_by_type_and_shape_and_all_else_by_its_class() -> None:
    assert _describe_value(tf.constant([[1.0]])) == "float32 (1, 1)"
    assert _describe_value(3) == "int"
    assert _describe_value({"a": 1}) == "dict"


@pytest.mark.parametrize(
    ("value", "described"), [(tf.constant(1.0), r"float32 \(\)"), (0.5, "float"), (None, "NoneType")]
)
def test_what_is_no_tensor_of_rows_is_refused_by_name(value: object, described: str) -> None:
    with pytest.raises(UsageError, match=rf"output 'y' is {described}; a tensor \[batch, \.\.\.\] is served"):
        _checked_outputs({"x": tf.constant([1.0]), "y": value})


def test_tensors_with_rows_are_served() -> None:
    outputs = {"x": tf.constant([1.0]), "y": tf.constant([[1], [2]])}
    assert _checked_outputs(outputs) == outputs


def test_sparse_and_ragged_features_become_three_tensors() -> None:
    sparse = tf.SparseTensor([[0, 1]], [5], [2, 3])
    ragged = tf.ragged.constant([[1, 2], [3]])
    outputs = dense_outputs({"a": tf.constant([1]), "s": sparse, "r": ragged})
    assert list(outputs) == ["a", "s/indices", "s/values", "s/shape", "r/indices", "r/values", "r/shape"]
    assert outputs["s/indices"].numpy().tolist() == [[0, 1]]
    assert outputs["s/shape"].numpy().tolist() == [2, 3]
    assert outputs["r/values"].numpy().tolist() == [1, 2, 3]
