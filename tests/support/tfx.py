"""A TFX pipeline's artifacts, made by the libraries that TFX calls, in the folders that its components write.

CsvExampleGen/examples/1/Split-train/data_tfrecord-00000-of-00001.gz      also Split-eval
StatisticsGen/statistics/2/Split-train/FeatureStats.pb                    also Split-eval
SchemaGen/schema/3/schema.pbtxt
Transform/transform_graph/4/{transform_fn,transformed_metadata,metadata}
Transform/post_transform_stats/4/FeatureStats.pb
Trainer/model/5/Format-Serving                                            by `push`
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import tf_example_record

from support import e2e, logs

# What a graph of plain tf.Transform takes: scalars and a vector, dense, and lists of any length.
SPEC = {
    "fare": tf.io.FixedLenFeature([], tf.float32),
    "place": tf.io.FixedLenFeature([2], tf.float32),
    "tips": tf.io.FixedLenFeature([1], tf.int64),
    "words": tf.io.VarLenFeature(tf.string),
}
PLAIN_ROWS: list[dict[str, Any]] = [
    {"fare": float(n), "place": [float(n), -float(n)], "tips": [n % 2], "words": [b"a", b"b"][: n % 3]}
    for n in range(60)
]


class Artifacts(NamedTuple):
    """Folders, as an orchestrator would name them to the components behind."""

    root: Path

    @property
    def examples(self) -> Path:
        return self.root / "CsvExampleGen/examples/1"

    @property
    def statistics(self) -> Path:
        return self.root / "StatisticsGen/statistics/2"

    @property
    def schema(self) -> Path:
        return self.root / "SchemaGen/schema/3"

    @property
    def transform_graph(self) -> Path:
        return self.root / "Transform/transform_graph/4"

    @property
    def post_transform_stats(self) -> Path:
        return self.root / "Transform/post_transform_stats/4"

    @property
    def model(self) -> Path:
        return self.root / "Trainer/model/5/Format-Serving"

    def flags(self, *, examples: bool) -> list[str]:
        """Those of `trueserve adopt`."""
        given = [
            f"--schema={self.schema}",
            f"--statistics={self.statistics}",
            f"--transform_output={self.transform_graph}",
        ]
        return [*given, f"--examples={self.examples}"] if examples else given


def make(root: Path, training: Sequence[e2e.Row], evaluation: Sequence[e2e.Row]) -> Artifacts:
    """All artifacts but the statistics of the transformed features and the model."""
    artifacts = Artifacts(root)
    for split, rows in (("train", training), ("eval", evaluation)):
        folder = artifacts.examples / f"Split-{split}"
        folder.mkdir(parents=True)
        records = [logs.example(**row) for row in rows]
        logs.write_records(folder / "data_tfrecord-00000-of-00001.gz", records)
        statistics(records, artifacts.statistics / f"Split-{split}" / "FeatureStats.pb", None)
    loaded = tfdv.load_stats_binary(str(artifacts.statistics / "Split-train/FeatureStats.pb"))
    schema = tfdv.infer_schema(loaded, infer_feature_shape=False)
    artifacts.schema.mkdir(parents=True)
    tfdv.write_schema_text(schema, str(artifacts.schema / "schema.pbtxt"))
    module = root / "features.py"
    module.write_text(e2e.PREPROCESSING)
    transform(artifacts.transform_graph, module, training, schema)
    return artifacts


def statistics(records: Sequence[bytes], path: Path, schema: schema_pb2.Schema | None) -> None:
    """As StatisticsGen does: TFDV's own generators, its defaults, one binary message."""
    path.parent.mkdir(parents=True, exist_ok=True)
    reading = tf_example_record.TFExampleBeamRecord(["test"], schema=schema)
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(list(records))
            | reading.BeamSource()
            | tfdv.GenerateStatistics(tfdv.StatsOptions(schema=schema))
            | tfdv.WriteStatisticsToBinaryFile(str(path))
        )


def transform(folder: Path, module: Path, rows: Sequence[e2e.Row], schema: schema_pb2.Schema) -> None:
    """As the component Transform does: analysis, graph and both metadata."""
    spec = importlib.util.spec_from_file_location("features", module)
    assert spec is not None
    assert spec.loader is not None
    features: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(features)
    reading = tf_example_record.TFExampleBeamRecord(["test"], schema=schema)
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=str(folder.parents[2] / "temp")):
        batches = (
            pipeline
            | beam.Create([logs.example(**row) for row in rows])
            | reading.BeamSource(batch_size=1000)
        )
        _, transform_fn = (batches, reading.TensorAdapterConfig()) | tft_beam.AnalyzeAndTransformDataset(
            features.preprocessing_fn, output_record_batches=True
        )
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder))
        raw = tft.DatasetMetadata(schema)
        _ = raw | tft_beam.WriteMetadata(str(folder / "metadata"), pipeline)


def post_transform(artifacts: Artifacts, transformed: pa.RecordBatch) -> None:
    """As Transform writes them beside its graph, of transformed rows."""
    schema = tft.TFTransformOutput(str(artifacts.transform_graph)).transformed_metadata.schema
    records = example_coder.RecordBatchToExamplesEncoder(schema).encode(transformed)
    statistics(records, artifacts.post_transform_stats / "FeatureStats.pb", schema)


def push(artifacts: Artifacts) -> None:
    """A model as TFX's templates save it: the graph in both of its signatures, which take tf.Examples."""
    output = tft.TFTransformOutput(str(artifacts.transform_graph))
    spec = {name: each for name, each in output.raw_feature_spec().items() if name != e2e.LABEL}
    model = tf.Module()
    model.layer = output.transform_features_layer()

    def features(examples: Any) -> dict[str, Any]:
        return dict(model.layer(tf.io.parse_example(examples, spec)))

    signature = [tf.TensorSpec([None], tf.string, name="examples")]
    served = tf.function(lambda examples: {"score": features(examples)["distance_z"]}, signature)
    transformed = tf.function(features, signature)
    signatures = {"serving_default": served, "transform_features": transformed}
    tf.saved_model.save(model, str(artifacts.model), signatures)


def plain_graph(folder: Path) -> None:
    """`folder/output` as a script without TFX writes it: no schema of what the graph takes."""
    metadata = tft.DatasetMetadata.from_feature_spec(SPEC)
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=str(folder / "temp")):
        rows = (pipeline | beam.Create(PLAIN_ROWS), metadata)
        _, transform_fn = rows | tft_beam.AnalyzeAndTransformDataset(_plain_preprocessing)
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "output"))


def _plain_preprocessing(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "fare_01": tft.scale_to_0_1(inputs["fare"]),
        "north": inputs["place"][:, 0],
        "label": inputs["tips"],
        "word_ids": tft.compute_and_apply_vocabulary(inputs["words"]),
    }
