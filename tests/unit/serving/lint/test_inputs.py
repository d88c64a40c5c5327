"""Inputs that a graph parses or takes are those of the schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support.lint import EXAMPLES, grave, save, schema_of
from tensorflow_metadata.proto.v0 import schema_pb2

RAW = schema_of(x=schema_pb2.FLOAT, word=schema_pb2.BYTES, label=schema_pb2.INT)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"x": tf.io.VarLenFeature(tf.float32), "word": tf.io.VarLenFeature(tf.string)}, set()),
        ({"x": tf.io.RaggedFeature(tf.float32), "word": tf.io.FixedLenFeature([], tf.string)}, set()),
        (
            {"x": tf.io.FixedLenFeature([], tf.int64), "word": tf.io.VarLenFeature(tf.string)},
            {("input-type", "error", "x")},
        ),
        ({"x": tf.io.VarLenFeature(tf.float32)}, {("input-lacking", "warning", "word")}),
        (
            {
                "x": tf.io.VarLenFeature(tf.float32),
                "word": tf.io.VarLenFeature(tf.string),
                "label": tf.io.FixedLenFeature([], tf.int64),
                "new": tf.io.VarLenFeature(tf.string),
            },
            {("input-not-served", "warning", "label"), ("input-unknown", "warning", "new")},
        ),
        ({"x_scaled": tf.io.VarLenFeature(tf.float32)}, {("inputs-not-raw", "warning", "serving_default")}),
    ],
)
def test_parsed_features_are_those_of_the_schema(
    tmp_path: Path, spec: dict[str, Any], expected: set[tuple[str, str, str]]
) -> None:
    def serve(examples: Any) -> Any:
        parsed = tf.nest.flatten(tf.io.parse_example(examples, spec), expand_composites=True)
        return {str(index): tensor for index, tensor in enumerate(parsed)}

    path = save(tmp_path / "m", serve, EXAMPLES)
    assert {(finding.rule, finding.severity, finding.node) for finding in grave(path, RAW)} == expected


@pytest.mark.parametrize(
    ("x", "word", "expected"),
    [
        (tf.float32, tf.string, set()),
        (tf.float64, tf.string, {("input-type", "warning", "x")}),
        (tf.string, tf.string, {("input-type", "error", "x")}),
        (tf.int64, tf.int64, {("input-type", "error", "x"), ("input-type", "error", "word")}),
    ],
)
def test_tensors_have_the_types_of_the_schema(
    tmp_path: Path, x: Any, word: Any, expected: set[tuple[str, str, str]]
) -> None:
    specs = [tf.TensorSpec([None], x, name="x"), tf.TensorSpec([None], word, name="word")]
    path = save(tmp_path / "m", lambda x, word: {"a": tf.identity(x), "b": tf.identity(word)}, *specs)
    assert {(finding.rule, finding.severity, finding.node) for finding in grave(path, RAW)} == expected
