"""Dense tensors to features: what counts as missing, and what is kept as it is."""

from __future__ import annotations

import math

import pytest
import tensorflow as tf

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.serving import raw_tensors


def test_a_missing_cell_does_not_move_its_neighbours() -> None:
    spec = {"n": tf.io.VarLenFeature(tf.int64), "s": tf.io.VarLenFeature(tf.string)}
    tensors = {
        "n": tf.constant([[0, 5, 0], [7, 8, 9]], tf.int64),
        "n/present": tf.constant([[True, False, True], [False, False, False]]),
        "s": tf.constant([[b"", b"a"], [b"0", b"b"]]),
    }
    got = raw_tensors.to_features(spec, tensors)
    assert got["n"].indices.numpy().tolist() == [[0, 0], [0, 1]]
    assert got["n"].values.numpy().tolist() == [0, 0]
    assert got["n"].dense_shape.numpy().tolist() == [2, 2]
    assert got["s"].values.numpy().tolist() == [b"a", b"0", b"b"]
    assert got["s"].indices.numpy().tolist() == [[0, 0], [1, 0], [1, 1]]


def test_a_fixed_shape_with_a_default_is_filled() -> None:
    spec = {
        "f": tf.io.FixedLenFeature([2], tf.float32, default_value=[3.0, 4.0]),
        "n": tf.io.FixedLenFeature([], tf.int64, default_value=-1),
        "due": tf.io.FixedLenFeature([], tf.int64),
    }
    specs = raw_tensors.input_specs(spec)
    assert sorted(specs) == ["due", "f", "n", "n/present"]
    got = raw_tensors.to_features(
        spec,
        {
            "f": tf.constant([[0.0, math.nan]]),
            "n": tf.constant([[0]], tf.int64),
            "n/present": tf.constant([[False]]),
            "due": tf.constant([[0]], tf.int64),
        },
    )
    assert got["f"].numpy().tolist() == [[0.0, 4.0]]
    assert got["n"].numpy().tolist() == [-1]
    assert got["due"].numpy().tolist() == [0]


def test_names_that_no_input_can_have_are_told() -> None:
    integer, text = tf.io.VarLenFeature(tf.int64), tf.io.VarLenFeature(tf.string)
    assert raw_tensors.unnamable({"a.b/c-d": integer, "ok": text}) == []
    assert raw_tensors.unnamable({"dep time": text, "café": text, "_x": text}) == [
        "_x",
        "café",
        "dep time",
    ]
    assert raw_tensors.unnamable({"Hour": text, "hour": text}) == ["Hour", "hour"]
    assert raw_tensors.unnamable({"n": integer, "n/present": text}) == ["n/present", "n/present"]


def test_a_feature_without_a_dense_form_is_refused() -> None:
    sparse = tf.io.SparseFeature("i", "v", tf.float32, 10)
    with pytest.raises(UsageError, match="feature 'vector' is a SparseFeature"):
        raw_tensors.check_supported({"vector": sparse})
