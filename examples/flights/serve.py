"""Serves flights through the exported model and logs every request, as TF Serving does.

A request holds the departures of one hour. It is logged as a PredictionLog with its response, the model's
name and version, and its time. This stands for a client and a server: what is logged here is what a
server's request log holds, in the same protos.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from examples.flights.data import CATEGORIES, COUNTS, FEATURES, LABEL, TIME, serialized_examples

MODEL_NAME = "flights"
_KILOMETRES = 1.609344
# Some clients send serialized tf.Examples, the others one tensor a feature; the log has both.
_EVERY_NTH_SERIALIZED = 4
_REQUESTS_A_FILE = 500


class Server:
    """The newest version in a folder of numbered SavedModels."""

    def __init__(self, folder: Path) -> None:
        self.version = max(int(path.name) for path in folder.iterdir() if path.name.isdigit())
        self._model = tf.saved_model.load(str(folder / str(self.version)))

    def predict(self, request: PredictRequest) -> PredictResponse:
        """Answers a request by the signature that it names."""
        signature = self._model.signatures[request.model_spec.signature_name]
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        response = PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        response.model_spec.version.value = self.version
        for name, output in signature(**inputs).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(output.numpy()))
        return response


def in_kilometres(flights: pa.Table) -> pa.Table:
    """The fault of a client that was moved to the metric system."""
    return _replaced(flights, "distance", pc.multiply(flights["distance"], np.float32(_KILOMETRES)))


def in_lower_case(flights: pa.Table) -> pa.Table:
    """The fault of a client that normalizes its airline codes."""
    return _replaced(flights, "carrier", pc.utf8_lower(flights["carrier"]))


def log_requests(server: Server, flights: pa.Table, folder: Path) -> int:
    """Serves all flights and writes `requests-*.tfrecord.gz` of PredictionLog; returns how many requests."""
    folder.mkdir(parents=True, exist_ok=True)
    logs = [_logged(server, request, hour) for request, hour in requests(flights)]
    for first in range(0, len(logs), _REQUESTS_A_FILE):
        path = folder / f"requests-{first // _REQUESTS_A_FILE:05d}.tfrecord.gz"
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for log in logs[first : first + _REQUESTS_A_FILE]:
                writer.write(log.SerializeToString())
    return len(logs)


def requests(flights: pa.Table) -> Iterator[tuple[PredictRequest, int]]:
    """A request for each hour with departures, in order of time, and that hour in seconds since 1970."""
    for number, (seconds, rows) in enumerate(_by_hour(flights.drop([LABEL]))):
        serialized = number % _EVERY_NTH_SERIALIZED == 0
        request = PredictRequest()
        request.model_spec.name = MODEL_NAME
        request.model_spec.signature_name = "serving_default" if serialized else "raw_tensors"
        # A list: an array of numpy's own bytes would lose the zeros at their end.
        inputs = {"examples": list(serialized_examples(rows))} if serialized else _tensors(rows)
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
        yield request, seconds


def _logged(server: Server, request: PredictRequest, seconds: int) -> PredictionLog:
    log = PredictionLog()
    log.predict_log.request.CopyFrom(request)
    log.predict_log.response.CopyFrom(server.predict(request))
    log.log_metadata.model_spec.CopyFrom(log.predict_log.response.model_spec)
    log.log_metadata.timestamp_secs = seconds
    return log


def _by_hour(flights: pa.Table) -> Iterable[tuple[int, pa.Table]]:
    by_time = flights.sort_by(TIME)
    # `time_hour` is an instant; as seconds since 1970 it needs no time zone.
    seconds = pc.cast(pc.cast(by_time[TIME], pa.timestamp("s")), pa.int64()).to_numpy()
    starts = np.flatnonzero(np.diff(seconds, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(seconds)], strict=True):
        yield int(seconds[start]), by_time.slice(start, stop - start)


def _tensors(rows: pa.Table) -> dict[str, Any]:
    """One tensor [batch, 1] a feature: NaN for a missing float, and `NAME/present` beside an integer."""
    tensors = {}
    for name in FEATURES:
        values = rows[name].to_numpy()  # nulls of floats become NaN
        if name in CATEGORIES:
            values = np.array([value.encode() for value in values])
        tensors[name] = values.reshape(-1, 1)
    for name in COUNTS:
        tensors[f"{name}/present"] = np.ones((len(rows), 1), bool)
    return tensors


def _replaced(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)
