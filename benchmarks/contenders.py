"""One contender over one file, in this process: `python benchmarks/contenders.py NAME FILE`.

Prints how many rows it saw. Each is the plain use of its library, as its documentation shows it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BATCH = 8192


def tfdv(path: str) -> int:
    """TFDV's own way from TFRecords of tf.Example to statistics."""
    import tensorflow_data_validation as tfdv

    return int(tfdv.generate_statistics_from_tfrecord(path).datasets[0].num_examples)


def handwritten(path: str) -> int:
    """What a user of TFDV writes for request logs: records, protos, their examples, batches, statistics."""
    import tempfile

    import apache_beam as beam
    import tensorflow_data_validation as tfdv
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
    from tfx_bsl.public import tfxio

    def examples_of(log: Any) -> Any:
        return log.predict_log.request.inputs["examples"].string_val

    source = tfxio.TFExampleBeamRecord(physical_format="tfrecord", telemetry_descriptors=["benchmark"])
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "stats.binpb")
        with beam.Pipeline() as pipeline:
            _ = (
                pipeline
                | beam.io.ReadFromTFRecord(path)
                | beam.Map(PredictionLog.FromString)
                | beam.FlatMap(examples_of).with_output_types(bytes)
                | source.BeamSource()
                | tfdv.GenerateStatistics()
                | tfdv.WriteStatisticsToBinaryFile(output)
            )
        return int(tfdv.load_stats_binary(output).datasets[0].num_examples)


def transform(path: str) -> int:
    """tf.Transform as its guide has it: analyse, transform, write the graph and the examples."""
    import tempfile

    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_transform.beam as tft_beam
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
    from tfx_bsl.public import tfxio

    from benchmarks.preprocessing import preprocessing_fn

    source = tfxio.TFExampleRecord(path, schema=_schema_of(path), telemetry_descriptors=["benchmark"])
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=folder):
            examples = pipeline | source.BeamSource()
            (rows, metadata), graph = (
                examples,
                source.TensorAdapterConfig(),
            ) | tft_beam.AnalyzeAndTransformDataset(preprocessing_fn, output_record_batches=True)
            _ = graph | tft_beam.WriteTransformFn(f"{folder}/graph")
            encoder = RecordBatchToExamplesEncoder(metadata.schema)
            _ = (
                rows
                | beam.FlatMapTuple(lambda batch, _: encoder.encode(batch))
                | beam.io.WriteToTFRecord(f"{folder}/transformed", file_name_suffix=".gz")
            )
        written = tf.data.TFRecordDataset(tf.io.gfile.glob(f"{folder}/transformed*"), "GZIP")
        return int(written.reduce(0, lambda count, _: count + 1).numpy())


def _schema_of(path: str) -> Any:
    """A schema of the features of the first row, as that of any data has to be known to tf.Transform."""
    import tensorflow as tf
    from tensorflow_metadata.proto.v0 import schema_pb2

    types = {"float_list": schema_pb2.FLOAT, "int64_list": schema_pb2.INT, "bytes_list": schema_pb2.BYTES}
    first = tf.train.Example.FromString(next(iter(tf.data.TFRecordDataset(path).take(1))).numpy())
    schema = schema_pb2.Schema()
    for name, feature in sorted(first.features.feature.items()):
        schema.feature.add(name=name, type=types[feature.WhichOneof("kind")])
    return schema


def limit(path: str) -> int:
    """TensorFlow reads and parses, with all of the machine's cores, and nothing is done with it."""
    import tensorflow as tf

    first = tf.train.Example.FromString(next(iter(tf.data.TFRecordDataset(path).take(1))).numpy())
    types = {"float_list": tf.float32, "int64_list": tf.int64, "bytes_list": tf.string}
    spec = {
        name: tf.io.RaggedFeature(types[feature.WhichOneof("kind")])
        for name, feature in first.features.feature.items()
    }
    rows = 0
    for records in tf.data.TFRecordDataset(path, buffer_size=8 << 20).batch(BATCH).prefetch(2):
        tf.io.parse_example(records, spec)
        rows += len(records)
    return rows


CONTENDERS: dict[str, Callable[[str], int]] = {
    "tfdv": tfdv,
    "handwritten": handwritten,
    "transform": transform,
    "limit": limit,
}


if __name__ == "__main__":
    print(CONTENDERS[sys.argv[1]](sys.argv[2]), flush=True)
    # TensorFlow's finalisers can fail in an interpreter that is shutting down; that is no part of the figure.
    os._exit(0)
