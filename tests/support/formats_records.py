"""Logs of TFRecords, written by TensorFlow's own writer: PredictionLogs and tf.Examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from examples.flights import data
from support import formats
from support.formats import MODEL, VERSION, Log, Request, Row, Traffic

TIME_FEATURE, VERSION_FEATURE = "requested", "served_by"
_BROKEN = b"\xff\xff no proto"


def example(row: Row, **more: Any) -> bytes:
    """A serialized tf.Example; a feature that the row lacks is absent."""
    result = tf.train.Example()
    for name, value in {**row, **more}.items():
        feature = result.features.feature[name]
        if isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        elif name in (*data.COUNTS, *more):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    serialized: bytes = result.SerializeToString()
    return serialized


def _write(path: Path, traffic: Traffic, record: Callable[[Request], bytes]) -> None:
    options = tf.io.TFRecordOptions("GZIP", compression_level=1)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for request in traffic:
            writer.write(_BROKEN if request is None else record(request))


def _logged(request: Request, signature: str, inputs: dict[str, Any]) -> bytes:
    """The version stands in the response alone: a client seldom asks for one."""
    log = PredictionLog()
    log.log_metadata.timestamp_secs = request.seconds or 0
    log.log_metadata.sampling_config.sampling_rate = 1.0
    log.predict_log.request.model_spec.name = MODEL
    log.predict_log.request.model_spec.signature_name = signature
    for name, values in inputs.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    log.predict_log.response.model_spec.name = MODEL
    log.predict_log.response.model_spec.version.value = int(VERSION)
    log.predict_log.response.outputs["late"].CopyFrom(tf.make_tensor_proto([0.25] * len(request.rows)))
    serialized: bytes = log.SerializeToString()
    return serialized


def _serialized(request: Request) -> bytes:
    return _logged(request, "serving_default", {"examples": [example(row) for row in request.rows]})


def _tensors(request: Request) -> bytes:
    columns = formats.columns_of(request.rows)
    return _logged(request, "raw_tensors", {n: _tensor(n, values) for n, values in columns.items()})


def _tensor(name: str, values: Sequence[Any]) -> Any:
    kind = tf.string if name in data.CATEGORIES else tf.int64 if name in data.COUNTS else tf.float32
    return tf.reshape(tf.constant(values, kind), [-1, 1]).numpy()


def _example_of(request: Request) -> bytes:
    time = {} if request.seconds is None else {TIME_FEATURE: request.seconds}
    return example(request.rows[0], **time, **{VERSION_FEATURE: int(VERSION)})


_SPEC = frozenset({"model", "version"})
_FEATURES = {"time_feature": TIME_FEATURE, "version_feature": VERSION_FEATURE}

LOGS = (
    Log("prediction_log/serialized", "gz", lambda p, t: _write(p, t, _serialized), knows=_SPEC),
    Log("prediction_log/tensors", "gz", lambda p, t: _write(p, t, _tensors), knows=_SPEC),
    Log(
        "tf_example/gzip",
        "tfrecord.gz",
        lambda p, t: _write(p, t, _example_of),
        single=True,
        settings=_FEATURES,
        knows=frozenset({"version"}),
    ),
)
