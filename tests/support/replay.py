"""Rides that were answered: Keras models on the rides' baseline, and logs with what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from support import e2e, logs

Array = np.ndarray[Any, Any]
# One answer of a row: float32 [width] by output.
Answers = Mapping[str, Array]
INPUTS = {"distance_z": "float32", "carrier_id": "int64", "stops_filled": "int64"}


def model(seed: int) -> Any:
    """Takes three of the rides' transformed features; gives a probability and two numbers."""
    keras.utils.set_random_seed(seed)
    inputs = {name: keras.Input((), name=name, dtype=dtype) for name, dtype in INPUTS.items()}
    embedded = keras.layers.Embedding(8, 3)(inputs["carrier_id"])
    columns = [keras.layers.Reshape((1,))(inputs["distance_z"]), embedded]
    hidden = keras.layers.Dense(8, activation="tanh")(keras.layers.Concatenate()(columns))
    late = keras.layers.Dense(1, activation="sigmoid", name="late")(hidden)
    minutes = keras.layers.Dense(2, name="minutes")(hidden)
    return keras.Model(inputs, {"late": late, "minutes": minutes})


def answers(of: Any, baseline: str, rows: Sequence[e2e.Row]) -> dict[str, Array]:
    """What a Keras model says to rows, by the baseline's graph and Keras alone: float32 [rows, width]."""
    transformed = e2e.transformed(baseline, [{**row, e2e.LABEL: [0]} for row in rows])
    features = {
        name: np.array([row[name][0] for row in transformed], dtype) for name, dtype in INPUTS.items()
    }
    return {name: np.asarray(array) for name, array in of.predict(features, verbose=0).items()}


def part(of: Mapping[str, Array], start: int, end: int) -> dict[str, Array]:
    return {name: array[start:end] for name, array in of.items()}


def write_logs(
    folder: Path,
    rows: Sequence[e2e.Row],
    answered: Mapping[str, Array],
    *,
    cuts: Sequence[int] = (),
    each: int = 7,
    versions: Sequence[int] | None = None,
) -> str:
    """PredictionLogs with their responses; `versions` is that of each row's request, 3 without."""
    folder.mkdir(parents=True)
    for number, places in enumerate(e2e.cut(range(len(rows)), cuts)):
        groups = [places[first : first + each] for first in range(0, len(places), each)]
        records = [
            _record([rows[i] for i in group], part(answered, group[0], group[-1] + 1), group[0], versions)
            for group in groups
        ]
        logs.write_records(folder / f"log-{number}.tfrecord", records)
    return str(folder / "log-*")


def _record(
    rows: Sequence[e2e.Row], answered: Mapping[str, Array], first: int, versions: Sequence[int] | None
) -> bytes:
    version = 3 if versions is None else versions[first]
    examples = [logs.example(**row) for row in rows]
    log = PredictionLog.FromString(logs.examples_log(examples, e2e.seconds(first), version))
    for name, array in reversed(list(answered.items())):
        log.predict_log.response.outputs[name].CopyFrom(tensor(array))
    data: bytes = log.SerializeToString(deterministic=True)
    return data


def tensor(array: Array) -> TensorProto:
    return logs.tensor(logs.DT_FLOAT, array.shape, float_val=array.ravel().tolist())


def write_rest(folder: Path, rows: Sequence[e2e.Row], answers_of_rows: Sequence[Any], each: int = 4) -> str:
    """JSON lines of REST bodies, with `predictions` as they are given: one a row, or None for no response."""
    folder.mkdir(parents=True)
    with (folder / "log.jsonl").open("w") as stream:
        for first in range(0, len(rows), each):
            given = list(answers_of_rows[first : first + each])
            line: dict[str, Any] = {
                "request": {"instances": [_instance(row) for row in rows[first : first + each]]},
                "time": e2e.seconds(first),
            }
            if None not in given:
                line["response"] = {"predictions": given}
            stream.write(json.dumps(line) + "\n")
    return str(folder / "log.jsonl")


def _instance(row: e2e.Row) -> dict[str, Any]:
    return {
        name: [value.decode() if isinstance(value, bytes) else value for value in values]
        for name, values in row.items()
    }


def as_predictions(answered: Mapping[str, Array]) -> list[dict[str, Any]]:
    """The answers as TF Serving's REST API gives them, a row each."""
    names = list(answered)
    rows = zip(*(answered[name].tolist() for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]
