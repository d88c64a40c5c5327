"""Raw features as dense tensors: what a `raw_tensors` request holds, and how it becomes features.

Every feature is one tensor `[batch, k]`, whatever its shape in the schema, with k the most values that a
row of the request has (or the size of the fixed shape). A cell without a value holds NaN (float), empty
bytes (string) or, for an integer, anything: its cell in a second input `NAME/present` is false. Zero is a
value. A feature that the schema gives a fixed shape and no default cannot be missing, and has no
`NAME/present`. The decoder of prediction logs reads requests by the same rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from trueserve.transforms.core.errors import UsageError

PRESENT = "/present"

# A signature's input is a node of the graph, and nodes are named by this rule, whatever their case.
_INPUT_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def input_specs(features: Mapping[str, Any]) -> dict[str, tf.TensorSpec]:
    """The inputs of `raw_tensors` by name, for a feature spec as `tf.io.parse_example` takes it."""
    specs = {}
    for name, feature in features.items():
        specs[name] = tf.TensorSpec([None, _width(feature)], feature.dtype, name=name)
        if needs_present(feature):
            specs[name + PRESENT] = tf.TensorSpec([None, _width(feature)], tf.bool, name=name + PRESENT)
    return specs


def unnamable(features: Mapping[str, Any]) -> list[str]:
    """Features for which TensorFlow can make no input of that name: odd characters, or used twice."""
    names = [n for name, f in features.items() for n in [name, *([name + PRESENT] * needs_present(f))]]
    folded = [name.casefold() for name in names]
    return sorted(n for n in names if not _INPUT_NAME.fullmatch(n) or folded.count(n.casefold()) > 1)


def needs_present(feature: Any) -> bool:
    """Whether this feature has a second input that says which of its cells hold a value."""
    return bool(feature.dtype == tf.int64) and not _required(feature)


def to_features(features: Mapping[str, Any], tensors: Mapping[str, tf.Tensor]) -> dict[str, Any]:
    """What `tf.io.parse_example` would have given, from the tensors named by `input_specs`."""
    return {
        name: _to_feature(feature, tensors[name], tensors.get(name + PRESENT))
        for name, feature in features.items()
    }


def check_supported(features: Mapping[str, Any]) -> None:
    """Raises UsageError for a feature that has no dense form [batch, k]."""
    for name, feature in features.items():
        ragged = isinstance(feature, tf.io.RaggedFeature)
        simple = ragged and feature.value_key in (None, name) and not feature.partitions
        if not simple and not isinstance(feature, tf.io.FixedLenFeature | tf.io.VarLenFeature):
            kind = type(feature).__name__
            raise UsageError(
                f"feature {name!r} is a {kind} in the schema, for which no served form is defined; "
                "describe it without a tensor representation, or with a dense one"
            )


def _required(feature: Any) -> bool:
    return isinstance(feature, tf.io.FixedLenFeature) and feature.default_value is None


def _width(feature: Any) -> int | None:
    if not isinstance(feature, tf.io.FixedLenFeature):
        return None
    return int(tf.TensorShape(feature.shape).num_elements())


def _to_feature(feature: Any, dense: tf.Tensor, present: tf.Tensor | None) -> Any:
    if _required(feature):
        return tf.reshape(dense, [-1, *feature.shape])
    if present is None:
        present = _has_value(dense)
    if isinstance(feature, tf.io.FixedLenFeature):
        return _with_default(feature, dense, present)
    ragged = tf.ragged.boolean_mask(dense, present)
    if isinstance(feature, tf.io.RaggedFeature):
        return ragged.with_row_splits_dtype(feature.row_splits_dtype)
    # Not tf.sparse.from_dense, which takes every zero and every empty string for missing.
    return ragged.to_sparse()


def _has_value(dense: tf.Tensor) -> tf.Tensor:
    if dense.dtype.is_floating:
        return tf.logical_not(tf.math.is_nan(dense))
    return tf.not_equal(dense, tf.constant(b""))


def _with_default(feature: Any, dense: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
    default = tf.constant(feature.default_value, feature.dtype)
    default = tf.reshape(tf.broadcast_to(default, feature.shape), [1, -1])
    return tf.reshape(tf.where(present, dense, default), [-1, *feature.shape])
