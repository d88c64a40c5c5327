"""A small tf.Transform output, the probes of its graph and Keras models on it, for the tests of export."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import shutil
from pathlib import Path
from typing import Any

import apache_beam as beam
import keras
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils
from tfx_bsl.coders import example_coder

from trueserve.pipelines import export
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.export import ExportOptions
from trueserve.transforms.baseline import contents, contract, layout, probes
from trueserve.transforms.baseline.write import write_baseline
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.graph.transform_graph import TransformGraph

LABEL = "late"
MODEL_INPUTS = {"distance_z": "float32", "carrier_id": "int64", "hour_plus": "float32"}

RAW_ROWS: list[dict[str, list[Any]]] = [
    {
        "distance": [] if i % 7 == 3 else [0.0 if i % 5 == 0 else 37.5 * i],
        "carrier": [] if i % 6 == 1 else [[b"AA", b"UA", b"B6", b"DL"][i % 4]],
        "hour": [] if i % 9 == 2 else [i % 24],
        "tags": [[b"wet"], [b"wet", b"windy"], []][i % 3],
        "weights": [0.5, float(i)],
        "late": [float(i % 2)],
    }
    for i in range(60)
]


def schema() -> schema_pb2.Schema:
    """The raw schema: `weights` has a fixed shape, the other features may be missing."""
    spec = {
        "distance": tf.io.VarLenFeature(tf.float32),
        "carrier": tf.io.VarLenFeature(tf.string),
        "hour": tf.io.VarLenFeature(tf.int64),
        "tags": tf.io.VarLenFeature(tf.string),
        "weights": tf.io.FixedLenFeature([2], tf.float32),
        "late": tf.io.VarLenFeature(tf.float32),
    }
    result = schema_utils.schema_from_feature_spec(spec)
    result.default_environment.extend(["TRAINING", "SERVING"])
    for feature in result.feature:
        if feature.name == LABEL:
            feature.not_in_environment.append("SERVING")
    return result


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Dense outputs of each type, a sparse one, one that needs the label, and zero told from missing."""
    dense = tft.sparse_tensor_to_dense_with_shape
    distance = dense(inputs["distance"], [None, 1], default_value=-1.0)
    carrier = dense(inputs["carrier"], [None, 1], default_value="none")
    hour = dense(inputs["hour"], [None, 1], default_value=-5)
    return {
        "distance_z": tft.scale_to_z_score(tf.math.log(distance + 2.0)),
        "carrier_id": tft.compute_and_apply_vocabulary(carrier, num_oov_buckets=1, vocab_filename="carriers"),
        "carrier_text": tf.strings.upper(carrier),
        "hour_plus": tf.cast(hour, tf.float32) + inputs["weights"][:, 1:],
        "tag_ids": tft.compute_and_apply_vocabulary(inputs["tags"], num_oov_buckets=1, vocab_filename="tags"),
        "label": dense(inputs["late"], [None, 1], default_value=0.0),
    }


def write_transform_output(folder: Path) -> str:
    """Analyses `RAW_ROWS`; returns the folder of the transform output."""
    metadata = dataset_metadata.DatasetMetadata(schema())
    target = folder / "transform_output"
    rows = [{k: v if k == "weights" else list(v) for k, v in row.items()} for row in RAW_ROWS]
    with beam.Pipeline("DirectRunner") as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        data = (pipeline | beam.Create(rows), metadata)
        _, transform_fn = data | tft_beam.AnalyzeAndTransformDataset(preprocessing_fn)
        transform_fn | tft_beam.WriteTransformFn(str(target))
    (target / "metadata").mkdir()
    (target / "metadata" / "schema.pbtxt").write_text(text_format.MessageToString(schema()))
    return str(target)


def raw_batch() -> pa.RecordBatch:
    """`RAW_ROWS` in the layout of tfx_bsl: missing is null."""
    types = {float: pa.float32(), int: pa.int64(), bytes: pa.large_binary()}
    columns = {}
    for name in RAW_ROWS[0]:
        kind = next(type(value) for row in RAW_ROWS for value in row[name])
        columns[name] = pa.array([row[name] or None for row in RAW_ROWS], pa.large_list(types[kind]))
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def request(row: dict[str, list[Any]]) -> bytes:
    """A row as a serialized tf.Example; a feature without values is absent."""
    example = tf.train.Example()
    for name, values in row.items():
        if values and name != LABEL:
            kinds = {float: "float_list", int: "int64_list", bytes: "bytes_list"}
            getattr(example.features.feature[name], kinds[type(values[0])]).value.extend(values)
    return bytes(example.SerializeToString())


def keras_model() -> Any:
    """A functional model with named inputs and two named outputs; its weights are always the same."""
    keras.utils.set_random_seed(7)
    inputs = {name: keras.Input((1,), name=name, dtype=dtype) for name, dtype in MODEL_INPUTS.items()}
    embedded = keras.layers.Flatten()(keras.layers.Embedding(8, 3)(inputs["carrier_id"]))
    joined = keras.layers.Concatenate()([inputs["distance_z"], inputs["hour_plus"], embedded])
    hidden = keras.layers.Dense(8, activation="tanh")(joined)
    late = keras.layers.Dense(1, activation="sigmoid", name="late")(hidden)
    minutes = keras.layers.Dense(2, name="minutes")(hidden)
    return keras.Model(inputs, {"late": late, "minutes": minutes})


def reference_predictions(transformed: pa.RecordBatch) -> dict[str, np.ndarray[Any, Any]]:
    """What the model says to the graph's output, without any of the code under test."""
    columns = {name: transformed.column(transformed.schema.get_field_index(name)) for name in MODEL_INPUTS}
    features = {name: np.array(column.to_pylist()).reshape(-1, 1) for name, column in columns.items()}
    return dict(keras_model().predict(features, verbose=0))


def write_transformed_examples(folder: Path, graph: TransformGraph) -> None:
    """The rows as `prepare` leaves them for training, in two shards, but for the outputs of the label."""
    examples = list(
        example_coder.RecordBatchToExamplesEncoder(graph.output_schema).encode(graph.apply(raw_batch()))
    )
    folder.mkdir()
    for number, part in enumerate((examples[:41], examples[41:])):
        data = b"".join(map(frame, part))
        (folder / f"examples-{number:05}-of-00002.tfrecord.gz").write_bytes(gzip.compress(data, mtime=0))


def make_baseline(folder: Path) -> str:
    """A complete baseline of `RAW_ROWS`, by the project's own writers; returns its path."""
    path, staged = folder / "baseline", folder / "staged"
    staged.mkdir(parents=True)
    transform_output = write_transform_output(staged)
    shutil.rmtree(staged / "tmp")
    graph = TransformGraph(transform_output)
    probes.write_probes(str(staged / layout.PROBES), raw_batch(), graph.apply(raw_batch()))
    write_transformed_examples(staged / layout.TRANSFORMED_EXAMPLES, graph)
    statistics = statistics_pb2.DatasetFeatureStatisticsList(datasets=[{"num_examples": len(RAW_ROWS)}])
    made = contract.make_contract(
        transform_output,
        preprocessing_source="0" * 64,
        num_examples=len(RAW_ROWS),
        label=LABEL,
        raw_features=list(RAW_ROWS[0]),
        transformed_features=graph.raw_features_of,
    )
    write_baseline(
        str(path),
        str(staged),
        schema=schema(),
        statistics=statistics,
        transformed_schema=graph.output_schema,
        transformed_statistics=statistics,
        contract=made,
    )
    return str(path)


def record_files(baseline: Path) -> None:
    """Makes the files that are there now those that the contract names, whatever they hold."""
    loaded = contract.Contract.from_json(json.loads((baseline / layout.CONTRACT).read_bytes()))
    files = contents.record(str(baseline), loaded.files)
    (baseline / layout.CONTRACT).write_bytes(dataclasses.replace(loaded, files=files).to_bytes())


def run(folder: Path, output: Path, **changes: Any) -> int:
    """Exports the model of a folder that has `baseline/` and `model.keras`; the exit code."""
    options: dict[str, Any] = {
        "baseline": str(folder / "baseline"),
        "model": str(folder / "model.keras"),
        **changes,
    }
    return export.run(ExportOptions(output=str(output), **options), Console(io.StringIO(), io.StringIO()))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
