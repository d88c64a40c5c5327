"""Findings name the user's line, from the model or from a new trace."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf
from support.lint import FLOATS, nested, save, schema_of
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.graph.preprocessing import load_preprocessing
from trueserve.transforms.serving.lint.lint import lint_saved_model
from trueserve.transforms.serving.lint.locate import with_sources


def test_the_users_line_where_the_model_has_it(tmp_path: Path) -> None:
    def serve(x: Any) -> Any:
        return x + tf.random.uniform([1])  # this line

    [finding] = lint_saved_model(save(tmp_path / "m", nested(serve), FLOATS, debug=True))
    lines = Path(__file__).read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.endswith("# this line"))
    assert finding.source == f"{Path(__file__).name}:{line}"
    [without] = lint_saved_model(save(tmp_path / "n", nested(serve), FLOATS))
    assert without == dataclasses.replace(finding, source=None, function=without.function)


NOISY = """
import tensorflow as tf


def noise(x):
    return x + tf.random.normal([1])


def preprocessing_fn(inputs):
    x = tf.sparse.to_dense(inputs["x"])
    return {"x": tf.cond(tf.size(x) > 0, lambda: tf.random.uniform([1]), lambda: noise(x[0]))}


def broken(inputs):
    raise RuntimeError("on purpose")
"""


def test_the_users_line_from_a_new_trace(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    function = load_preprocessing(str(tmp_path / "noisy.py"))
    serve = partial(_of_sparse, function)
    findings = [
        finding
        for finding in lint_saved_model(save(tmp_path / "m", serve, FLOATS))
        if finding.severity == "error"
    ]
    assert [finding.source for finding in findings] == [None, None]
    located = with_sources(findings, function, schema_of(x=schema_pb2.FLOAT))
    assert {finding.source for finding in located} == {"noisy.py:6", "noisy.py:11"}
    assert [dataclasses.replace(finding, source=None) for finding in located] == findings
    broken = load_preprocessing(str(tmp_path / "noisy.py") + ":broken")
    assert with_sources(findings, broken, schema_of(x=schema_pb2.FLOAT)) == findings


def _of_sparse(function: Any, x: Any) -> Any:
    return function({"x": tf.sparse.from_dense(x[:, tf.newaxis])})
