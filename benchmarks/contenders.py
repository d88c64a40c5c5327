"""One contender over one file, in this process: `python benchmarks/contenders.py NAME FILE`.

Prints how many rows it saw. Each is the plain use of its library, as its documentation shows it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


CONTENDERS: dict[str, Callable[[str], int]] = {"tfdv": tfdv, "handwritten": handwritten, "limit": limit}


if __name__ == "__main__":
    print(CONTENDERS[sys.argv[1]](sys.argv[2]), flush=True)
    # TensorFlow's finalisers can fail in an interpreter that is shutting down; that is no part of the figure.
    os._exit(0)
