"""The lint of SavedModels: for each rule a graph that breaks it and one that does not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from conftest import Home
from support import lint as support
from support.lint import EXAMPLES, FLOATS, WORD_INPUT, grave, rules, save
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import schema_pb2

from transforms.baseline.contract import Contract, Digests
from transforms.core.errors import UsageError
from transforms.graph.preprocessing import load_preprocessing
from transforms.serving.lint.lint import lint_saved_model
from transforms.serving.lint.locate import with_sources


@pytest.fixture(autouse=True)
def no_global_seed() -> None:
    """Other tests train models with TensorFlow's global seed, which would seed the graphs made here, too."""
    tf.random.set_seed(None)


@pytest.fixture(scope="module")
def transform_output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The flights' graph with tf.Transform's other usual analysers; the only analysis of these tests."""
    return support.write_transform_output(tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="module")
def served(transform_output: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    return support.write_served(transform_output, tmp_path_factory.mktemp("served") / "1")


def _contract(**assets: str) -> Contract:
    return Contract("", Digests("", "", assets), {}, 1, None, (), {})


def _digests(path: str) -> dict[str, str]:
    files = Path(path, "assets").iterdir()
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_usual_graphs_are_silent(transform_output: str, served: str) -> None:
    contract = _contract(**_digests(f"{transform_output}/transform_fn"))
    for path in (transform_output, f"{transform_output}/transform_fn", served):
        assert grave(path, support.flights_schema(), contract) == []


def test_loads_no_model(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading takes seconds, and fails where an op is not known: the lint reads the protos alone."""
    for module in (tf.saved_model, tf.compat.v1.saved_model):
        monkeypatch.setattr(module, "load", None)
    monkeypatch.setattr(keras.models, "load_model", None)
    assert grave(served, support.flights_schema()) == []


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


def _nested(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function below two others and a condition."""

    graph = partial(tf.function, autograph=False)
    inner = graph(lambda x: tf.cond(tf.size(x) > 0, lambda: function(x), lambda: x))
    middle = graph(lambda x: inner(x) + 1)
    return lambda x: middle(x) * 2


@pytest.mark.parametrize("rule", RULES)
def test_rule_and_its_twin(tmp_path: Path, rule: str) -> None:
    wrong, right, severity = RULES[rule]
    findings = lint_saved_model(save(tmp_path / "wrong", wrong, FLOATS))
    assert {(finding.rule, finding.severity) for finding in findings} == {(rule, severity)}
    assert rules(save(tmp_path / "right", right, FLOATS)) == {}


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"device"}))
def test_functions_in_functions_are_seen(tmp_path: Path, rule: str) -> None:
    wrong, right, severity = RULES[rule]
    findings = lint_saved_model(save(tmp_path / "wrong", _nested(wrong), FLOATS))
    assert {(finding.rule, finding.severity) for finding in findings if finding.rule == rule} == {
        (rule, severity)
    }
    assert all(finding.function for finding in findings)
    assert rules(save(tmp_path / "right", _nested(right), FLOATS)) == {}


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
    path = save(tmp_path / "m", _nested(tf.math.erf), FLOATS)
    support.rename_op(path, "Erf", op)
    assert rules(path) == expected


def test_assets_must_be_there(tmp_path: Path, served: str) -> None:
    copy = shutil.copytree(served, tmp_path / "copy")
    assert grave(str(copy)) == []
    Path(copy, "assets", "dest").unlink()
    assert [(finding.rule, finding.severity, finding.node) for finding in grave(str(copy))] == [
        ("asset-absent", "error", "dest")
    ]


def test_assets_are_those_of_the_contract(tmp_path: Path, served: str) -> None:
    contract = _contract(**_digests(served))
    copy = shutil.copytree(served, tmp_path / "copy")
    assert grave(str(copy), None, contract) == []
    with Path(copy, "assets", "dest").open("a") as file:
        file.write("XYZ\n")
    assert [(finding.rule, finding.node) for finding in grave(str(copy), None, contract)] == [
        ("asset-changed", "dest")
    ]


def test_a_vocabulary_that_the_model_lacks(served: str) -> None:
    digests = _digests(served)
    contract = _contract(other_name=digests["dest"], gone="0" * 64)
    assert [(finding.rule, finding.severity, finding.node) for finding in grave(served, None, contract)] == [
        ("asset-absent", "warning", "gone")
    ]


ROOMS: dict[str, tuple[int, Callable[[Any, Any], Any], dict[str, str]]] = {
    "no room": (-1, lambda ids, rows: ids, {"vocabulary-without-room": "warning"}),
    "embedded": (-1, lambda ids, rows: tf.gather(rows, ids), {"vocabulary-without-room": "error"}),
    "counted from the end, as Keras does": (
        -1,
        lambda ids, rows: keras.ops.take(rows, keras.ops.cast(ids, "int32"), axis=0),
        {"vocabulary-without-room": "error"},
    ),
    "in a branch": (
        -1,
        lambda ids, rows: tf.cond(tf.size(ids) > 0, lambda: tf.gather(rows, ids), lambda: tf.identity(rows)),
        {"vocabulary-without-room": "error"},
    ),
    "one-hot": (-1, lambda ids, rows: tf.one_hot(ids, 3), {"vocabulary-without-room": "info"}),
    "of a known word": (0, lambda ids, rows: ids, {"vocabulary-without-room": "warning"}),
    "own id": (3, lambda ids, rows: ids, {}),
    "replaced": (-1, lambda ids, rows: tf.gather(rows, tf.where(ids < 0, tf.ones_like(ids) * 2, ids)), {}),
    "replaced where equal": (-1, lambda ids, rows: tf.where(tf.equal(ids, -1), tf.ones_like(ids), ids), {}),
    "shifted": (-1, lambda ids, rows: tf.gather(rows, ids + 1), {}),
    "compared with another id": (
        -1,
        lambda ids, rows: tf.where(tf.equal(ids, 2), tf.ones_like(ids), ids),
        {"vocabulary-without-room": "warning"},
    ),
}


@pytest.mark.parametrize("name", ROOMS)
@pytest.mark.parametrize("nested", [False, True])
def test_room_for_unknown_words(tmp_path: Path, name: str, nested: bool) -> None:
    default, use, expected = ROOMS[name]
    lookup_table = support.table(support.vocabulary(tmp_path, "a", "b", "c"), default)
    rows = tf.Variable(tf.ones([4, 2]))
    wrap = tf.function if nested else lambda function, **_: function
    look_up = wrap(lookup_table.lookup, autograph=False)
    after = wrap(lambda ids: use(ids, rows), autograph=False)
    path = save(
        tmp_path / "m", lambda word: after(look_up(word)), WORD_INPUT, attributes=[lookup_table, rows]
    )
    assert rules(path) == expected


def test_a_line_that_is_kept_for_unknown_words(tmp_path: Path) -> None:
    lookup_table = support.table(support.vocabulary(tmp_path, "[UNK]", "b", "c"), 0)
    assert rules(save(tmp_path / "m", lookup_table.lookup, WORD_INPUT, attributes=lookup_table)) == {}


def test_tables_of_values_in_the_graph(tmp_path: Path) -> None:
    for default, expected in ((1, {"vocabulary-without-room": "warning"}), (2, {})):
        pairs = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64))
        lookup_table = tf.lookup.StaticHashTable(pairs, default)
        assert (
            rules(save(tmp_path / f"{default}", lookup_table.lookup, WORD_INPUT, attributes=lookup_table))
            == expected
        )


def test_a_table_that_is_no_vocabulary(tmp_path: Path) -> None:
    pairs = tf.lookup.KeyValueTensorInitializer(["a", "b"], [0.5, 1.5])
    prices = tf.lookup.StaticHashTable(pairs, -1.0)
    assert rules(save(tmp_path / "m", prices.lookup, WORD_INPUT, attributes=prices)) == {}


@pytest.mark.parametrize("buckets", [1, 3])
def test_keras_look_ups_have_room(tmp_path: Path, buckets: int) -> None:
    layer = keras.layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=buckets)
    path = save(tmp_path / "m", layer.__call__, WORD_INPUT, attributes=layer)
    assert grave(path) == []


def test_tf_transforms_vocabulary_without_buckets(home: Home) -> None:
    """The rides' `tags` have no bucket, their `carrier` has one."""
    findings = grave(f"{home.baseline}/transform_output")
    assert [(finding.rule, finding.severity) for finding in findings] == [
        ("vocabulary-without-room", "warning")
    ]
    assert "tags" in findings[0].message


def _schema(**types: int) -> schema_pb2.Schema:
    features = [{"name": name, "type": kind} for name, kind in types.items()]
    schema = schema_pb2.Schema(feature=features, default_environment=["TRAINING", "SERVING"])
    for feature in schema.feature:
        if feature.name == "label":
            feature.not_in_environment.append("SERVING")
    return schema


RAW = _schema(x=schema_pb2.FLOAT, word=schema_pb2.BYTES, label=schema_pb2.INT)


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


def test_a_transform_graph_of_another_schema(transform_output: str) -> None:
    schema = support.flights_schema()
    by_name = {feature.name: feature for feature in schema.feature}
    by_name["temp"].type = schema_pb2.BYTES
    by_name["humid"].name = "humidity"
    assert [(finding.rule, finding.node) for finding in grave(transform_output, schema)] == [
        ("input-type", "temp"),
        ("input-lacking", "humidity"),
        ("input-unknown", "humid"),
    ]


def test_the_users_line_where_the_model_has_it(tmp_path: Path) -> None:
    def serve(x: Any) -> Any:
        return x + tf.random.uniform([1])  # this line

    [finding] = lint_saved_model(save(tmp_path / "m", _nested(serve), FLOATS, debug=True))
    lines = Path(__file__).read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.endswith("# this line"))
    assert finding.source == f"{Path(__file__).name}:{line}"
    [without] = lint_saved_model(save(tmp_path / "n", _nested(serve), FLOATS))
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
    located = with_sources(findings, function, _schema(x=schema_pb2.FLOAT))
    assert {finding.source for finding in located} == {"noisy.py:6", "noisy.py:11"}
    assert [dataclasses.replace(finding, source=None) for finding in located] == findings
    broken = load_preprocessing(str(tmp_path / "noisy.py") + ":broken")
    assert with_sources(findings, broken, _schema(x=schema_pb2.FLOAT)) == findings


def _of_sparse(function: Any, x: Any) -> Any:
    return function({"x": tf.sparse.from_dense(x[:, tf.newaxis])})


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
