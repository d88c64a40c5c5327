"""Signatures of serialized examples and of tensors, and probes for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


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


PROBES = [probe(n=[float(i)], x=[2.0 * i]) for i in range(4)]


def picky(n: Any) -> dict[str, Any]:
    check = tf.debugging.assert_less(n, 2.0, message="too large")
    with tf.control_dependencies([check]):
        return {"x": n * 2}
