"""The lint of SavedModels: for each rule a graph that breaks it and one that does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from support import lint as support
from support.lint import FLOATS, WORD_INPUT, nested, rules, save
from tensorflow.core.protobuf import saved_model_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.serving.lint.lint import lint_saved_model


def _on_gpu(x: Any) -> Any:
    with tf.device("/GPU:0"):
        return x * 2.0


# Each of these is served as a function of `x`, [batch] floats.
RULES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], str]] = {
    "random-without-seed": (
        lambda x: x + tf.random.uniform(tf.shape(x)),
        lambda x: x + tf.random.stateless_uniform(tf.shape(x), seed=[1, 2]),
        "error",
    ),
    "random-seeded": (
        lambda x: x + tf.random.normal(tf.shape(x), seed=5),
        lambda x: x + tf.random.stateless_normal(tf.shape(x), seed=[5, 0]),
        "info",
    ),
    "python-op": (
        lambda x: tf.reshape(tf.numpy_function(lambda a: a + 1, [x], tf.float32), [-1]),
        lambda x: x + 1,
        "error",
    ),
    "file-access": (
        lambda x: x + tf.strings.to_number(tf.io.read_file("/etc/offset")),
        lambda x: x + 1.5,
        "error",
    ),
    "state-kept": (
        lambda x: x + tf.data.Dataset.range(3).reduce(0.0, lambda a, b: a + tf.cast(b, tf.float32)),
        lambda x: x + tf.reduce_sum(tf.range(3.0)),
        "warning",
    ),
    "time": (lambda x: x + tf.cast(tf.timestamp(), tf.float32), lambda x: x, "error"),
    "device": (_on_gpu, lambda x: x * 2.0, "info"),
}


def _printing(x: Any) -> Any:
    with tf.control_dependencies([tf.print("served", tf.shape(x))]):
        return x + 1


RULES["prints"] = (_printing, lambda x: x + 1, "info")


@pytest.mark.parametrize("rule", RULES)
def test_rule_and_its_twin(tmp_path: Path, rule: str) -> None:
    wrong, right, severity = RULES[rule]
    findings = lint_saved_model(save(tmp_path / "wrong", wrong, FLOATS))
    assert {(finding.rule, finding.severity) for finding in findings} == {(rule, severity)}
    assert rules(save(tmp_path / "right", right, FLOATS)) == {}


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"device"}))
def test_functions_in_functions_are_seen(tmp_path: Path, rule: str) -> None:
    wrong, right, severity = RULES[rule]
    findings = lint_saved_model(save(tmp_path / "wrong", nested(wrong), FLOATS))
    assert {(finding.rule, finding.severity) for finding in findings if finding.rule == rule} == {
        (rule, severity)
    }
    assert all(finding.function for finding in findings)
    assert rules(save(tmp_path / "right", nested(right), FLOATS)) == {}


def test_a_generator_has_no_seed(tmp_path: Path) -> None:
    generator = tf.random.Generator.from_seed(3)
    path = save(tmp_path / "m", lambda x: x + generator.normal([1]), FLOATS, attributes=generator)
    assert rules(path)["random-without-seed"] == "error"


def test_dropout_is_noise_in_serving_alone(tmp_path: Path) -> None:
    """Keras keeps the state of its noise in a variable, which each request moves on."""
    layer = keras.layers.Dropout(0.5)
    noise = layer.seed_generator.state.value
    for training, expected in ((True, {"state-written": "error"}), (False, {})):
        path = save(
            tmp_path / f"{training}", lambda x, t=training: layer(x, training=t), FLOATS, attributes=noise
        )
        assert rules(path) == expected


def test_what_no_signature_runs_is_an_info(tmp_path: Path) -> None:
    module = tf.Module()
    module.train = tf.function(lambda x: x + tf.random.uniform([1])).get_concrete_function(FLOATS)
    path = save(tmp_path / "m", lambda x: x + 1, FLOATS, attributes=module)
    assert rules(path) == {"random-without-seed": "info"}


def test_variables_are_read_and_not_written(tmp_path: Path) -> None:
    count = tf.Variable(0.0)
    assert rules(save(tmp_path / "right", lambda x: x + count, FLOATS, attributes=count)) == {}
    wrong = save(tmp_path / "wrong", lambda x: x + count.assign_add(1.0), FLOATS, attributes=count)
    assert rules(wrong) == {"state-written": "error"}


def test_a_variable_that_no_answer_depends_on(tmp_path: Path) -> None:
    count = tf.Variable(0.0)

    def serve(x: Any) -> Any:
        count.assign_add(1.0)
        return x * 2

    assert rules(save(tmp_path / "m", serve, FLOATS, attributes=count)) == {"state-written": "info"}


def test_a_table_that_is_filled_with_the_same_constants_at_each_request(tmp_path: Path) -> None:
    """What tf.Transform's graph does for a table that the preprocessing_fn makes of lists."""
    lookup_table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, 5)

    def serve(word: Any, keys: Any = ("a", "b")) -> Any:
        raw = tf.raw_ops.LookupTableImportV2(
            table_handle=lookup_table.resource_handle,
            keys=tf.constant(keys),
            values=tf.constant([1, 2], tf.int64),
        )
        with tf.control_dependencies([raw]):
            return lookup_table.lookup(word)

    path = save(tmp_path / "m", serve, WORD_INPUT, attributes=lookup_table)
    assert rules(path)["state-written"] == "info"

    def of_requests(word: Any) -> Any:
        raw = tf.raw_ops.LookupTableImportV2(
            table_handle=lookup_table.resource_handle, keys=word, values=tf.ones_like(word, tf.int64)
        )
        with tf.control_dependencies([raw]):
            return lookup_table.lookup(word)

    path = save(tmp_path / "n", of_requests, WORD_INPUT, attributes=lookup_table)
    assert rules(path)["state-written"] == "error"


def test_a_table_that_requests_fill(tmp_path: Path) -> None:
    lookup_table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, 5)

    def serve(word: Any) -> Any:
        with tf.control_dependencies([lookup_table.insert(word, tf.ones_like(word, tf.int64))]):
            return lookup_table.lookup(word)

    path = save(tmp_path / "m", serve, WORD_INPUT, attributes=lookup_table)
    assert rules(path)["state-written"] == "error"


def test_queues_are_state(tmp_path: Path) -> None:
    def serve(x: Any) -> Any:
        queue = tf.raw_ops.FIFOQueueV2(component_types=[tf.float32], capacity=3)
        with tf.control_dependencies([tf.raw_ops.QueueEnqueueV2(handle=queue, components=[x])]):
            return tf.raw_ops.QueueDequeueV2(handle=queue, component_types=[tf.float32])[0] + x

    assert rules(save(tmp_path / "m", serve, FLOATS)) == {"state-kept": "warning"}


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("MyCompanysErf", {"custom-op": "error"}),
        ("TFText>WhitespaceTokenizeWithOffsetsV2", {"packaged-op": "info"}),
        ("SentencepieceOp", {"packaged-op": "info"}),
        ("SimpleMLInferenceOpWithHandle", {"packaged-op": "info"}),
        ("Erf", {}),
    ],
)
def test_ops_that_stock_tensorflow_serving_lacks(tmp_path: Path, op: str, expected: dict[str, str]) -> None:
    path = save(tmp_path / "m", nested(tf.math.erf), FLOATS)
    support.rename_op(path, "Erf", op)
    assert rules(path) == expected


def test_findings_are_plain_and_worst_first(tmp_path: Path) -> None:
    path = save(tmp_path / "m", lambda x: RULES["time"][0](RULES["random-seeded"][0](x)), FLOATS)
    findings = lint_saved_model(path)
    assert [finding.severity for finding in findings] == ["error", "info"]
    assert json.loads(json.dumps([finding.to_json() for finding in findings]))[0]["rule"] == "time"


def test_every_meta_graph_is_looked_at(tmp_path: Path) -> None:
    path = save(tmp_path / "m", RULES["time"][1], FLOATS)
    other = save(tmp_path / "n", RULES["time"][0], FLOATS)
    files = [Path(folder, "saved_model.pb") for folder in (path, other)]
    first, second = (saved_model_pb2.SavedModel.FromString(file.read_bytes()) for file in files)
    first.meta_graphs.extend(second.meta_graphs)
    files[0].write_bytes(first.SerializeToString())
    assert rules(path) == {"time": "error"}


def test_no_saved_model_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no SavedModel in .*saved_model.pb is missing"):
        lint_saved_model(str(tmp_path))
    for content, message in ((b"\xff\xff\xffnothing", "is no SavedModel"), (b"", "holds no graph")):
        (tmp_path / "saved_model.pb").write_bytes(content)
        with pytest.raises(UsageError, match=message):
            lint_saved_model(str(tmp_path))
