"""SavedModels for the tests of the lint: a function saved as it is, and tf.Transform's usual analysers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import keras
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from examples.flights import preprocessing
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.serving import serving_model
from trueserve.transforms.serving.lint.finding import LintFinding
from trueserve.transforms.serving.lint.lint import lint_saved_model

FLOATS = tf.TensorSpec([None], tf.float32, name="x")
WORD_INPUT = tf.TensorSpec([None], tf.string, name="word")
EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")
RARE = 3

_TEXTS = ("carrier", "dest", "origin", "weekday")


def save(
    folder: Path,
    function: Callable[..., Any],
    *specs: tf.TensorSpec,
    attributes: Any = None,
    debug: bool = False,
) -> str:
    """A SavedModel whose `serving_default` is this function; returns its path."""
    module = tf.Module()
    module.attributes = attributes
    traced = tf.function(function, autograph=False).get_concrete_function(*specs)
    options = tf.saved_model.SaveOptions(save_debug_info=debug)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": traced}, options=options)
    return str(folder)


def rules(path: str, *arguments: Any) -> dict[str, str]:
    """Rule -> severity of what the lint finds."""
    return {finding.rule: finding.severity for finding in lint_saved_model(path, *arguments)}


def grave(path: str, *arguments: Any) -> list[LintFinding]:
    """The errors and warnings that the lint finds."""
    return [finding for finding in lint_saved_model(path, *arguments) if finding.severity != "info"]


def rename_op(path: str, before: str, after: str) -> None:
    """Puts an op in the place of another, as if a package had registered it where the model was saved."""
    file = Path(path, "saved_model.pb")
    proto = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for meta_graph in proto.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            for node in function.node_def:
                node.op = after if node.op == before else node.op
    file.write_bytes(proto.SerializeToString())


def vocabulary(folder: Path, *entries: str) -> str:
    """A file with these words; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words").write_text("".join(f"{word}\n" for word in entries))
    return str(folder / "words")


def table(file: str, default: int) -> tf.lookup.StaticHashTable:
    """Word to line number."""
    lines = tf.lookup.TextFileInitializer(
        file, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
    )
    return tf.lookup.StaticHashTable(lines, default)


def flights_schema() -> schema_pb2.Schema:
    """The flights' raw features, the label among them, as `prepare` describes them."""
    measures = (*preprocessing.MEASURES, "wind_dir")
    spec = {
        **{name: tf.io.VarLenFeature(tf.string) for name in _TEXTS},
        **{name: tf.io.VarLenFeature(tf.float32) for name in measures},
        **{name: tf.io.VarLenFeature(tf.int64) for name in ("departure", preprocessing.LABEL)},
    }
    schema: schema_pb2.Schema = schema_utils.schema_from_feature_spec(spec)
    return schemas.with_environments(schema, preprocessing.LABEL)


def usual_analysers(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The flights' features, and what else tf.Transform is commonly used for."""
    outputs: dict[str, Any] = preprocessing.preprocessing_fn(dict(inputs))
    dense = tft.sparse_tensor_to_dense_with_shape
    text = dense(inputs["carrier"], [None, 1], default_value="")
    number = dense(inputs["distance"], [None, 1], default_value=0.0)
    return {
        **outputs,
        "sparse_ids": tft.compute_and_apply_vocabulary(inputs["dest"], num_oov_buckets=RARE),
        "hashed": tft.hash_strings(text, 10),
        "scaled": tft.scale_to_0_1(number),
        "grams": tft.ngrams(tf.strings.split(text[:, 0]).to_sparse(), (1, 2), " "),
    }


def write_transform_output(folder: Path) -> str:
    """The graph of `usual_analysers` over some flights."""
    rows = [
        {
            **{name: [name.encode() + b"ABCDEFG"[i % 7 :][:1]] for name in _TEXTS},
            **{
                name: [float(i * (k + 2) % 11)]
                for k, name in enumerate((*preprocessing.MEASURES, "wind_dir"))
            },
            "departure": [300 + 50 * i],
            preprocessing.LABEL: [i % 2],
        }
        for i in range(20)
    ]
    target, metadata = folder / "transform_output", dataset_metadata.DatasetMetadata(flights_schema())
    with beam.Pipeline("DirectRunner") as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        data = (pipeline | beam.Create(rows), metadata)
        transform_fn = data | tft_beam.AnalyzeDataset(usual_analysers)
        transform_fn | tft_beam.WriteTransformFn(str(target))
    (target / "metadata").mkdir()
    (target / "metadata" / "schema.pbtxt").write_text(text_format.MessageToString(flights_schema()))
    return str(target)


def write_served(transform_output: str, folder: Path) -> str:
    """A Keras model with embeddings and dropout on that graph, as `export` saves it."""
    ids = {
        f"{name}_id": (size, keras.Input((1,), name=f"{name}_id", dtype="int64"))
        for name, size in preprocessing.VOCABULARIES.items()
    }
    numbers = [keras.Input((1,), name=f"{name}_z") for name in preprocessing.MEASURES]
    embedded = [
        keras.layers.Flatten()(keras.layers.Embedding(n + 1, 2)(word_id)) for n, word_id in ids.values()
    ]
    hidden = keras.layers.Dropout(0.5)(keras.layers.Concatenate()([*numbers, *embedded]))
    model = keras.Model([*numbers, *(word_id for _, word_id in ids.values())], keras.layers.Dense(1)(hidden))
    serving_model.save(serving_model.ServingModel(transform_output, model), str(folder))
    return str(folder)


def nested(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function below two others and a condition."""

    graph = partial(tf.function, autograph=False)
    inner = graph(lambda x: tf.cond(tf.size(x) > 0, lambda: function(x), lambda: x))
    middle = graph(lambda x: inner(x) + 1)
    return lambda x: middle(x) * 2


def schema_of(**types: int) -> schema_pb2.Schema:
    features = [{"name": name, "type": kind} for name, kind in types.items()]
    schema = schema_pb2.Schema(feature=features, default_environment=["TRAINING", "SERVING"])
    for feature in schema.feature:
        if feature.name == "label":
            feature.not_in_environment.append("SERVING")
    return schema
