"""Requests whose values have another type than training's: what the command says of type and values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from support import e2e, logs
from support.homes import Home
from tensorflow_serving.apis import prediction_log_pb2

ROWS = 2000


def as_integers(row: e2e.Row) -> e2e.Row:
    """Thousandths, as integers; and hours as text."""
    return row | {"distance": [int(row["distance"][0] * 1000)], "hour": [str(row["hour"][0]).encode()]}


def prediction_log(row: e2e.Row) -> bytes:
    """A request of tensors: a feature in unsigned integers, the others as they are."""
    log = prediction_log_pb2.PredictionLog()
    inputs = log.predict_log.request.inputs
    for name, values in row.items():
        array = np.array(values, np.uint32) if name == "distance" else np.array(values)
        inputs[name].CopyFrom(tf.make_tensor_proto(array[None]))
    data: bytes = log.SerializeToString()
    return data


def findings(folder: Path, feature: str, space: str = "raw") -> list[dict[str, Any]]:
    both = (feature, space)
    return [f for f in e2e.verdict(folder)["findings"] if (f["feature"], f["space"]) == both]


def test_values_of_another_type_are_compared(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [as_integers(row) for row in e2e.requests(e2e.rides(ROWS, 7))]
    of_examples = e2e.write_examples(tmp_path / "log", rows, [900, 1300])
    ran = e2e.validate(capsys, home.baseline, of_examples, tmp_path / "examples")
    assert ran.code == 1, ran.err
    [distance] = findings(tmp_path / "examples", "distance")
    assert (distance["kind"], distance["metric"]) == ("type", "int_for_float")
    assert distance["diagnosis"]["cause"] == "scale or unit"
    assert distance["diagnosis"]["confidence"] > 0.9
    start = "integers, and serving is training x 1000: thousandths of the unit? (fit "
    assert distance["message"].startswith(start)
    assert distance["diagnosis"]["evidence"].startswith(start)
    assert "integers came where the schema has floats in 100.0 % of rows (2,000), left" in distance["message"]
    [hour] = findings(tmp_path / "examples", "hour")
    assert (hour["metric"], hour["diagnosis"]["cause"]) == ("bytes_for_int", "type changed")
    assert hour["message"].startswith("strings of numbers, with training's values; strings came where the ")
    # Rows do not have such values: what is computed from them is as if they were missing.
    assert [f["kind"] for f in findings(tmp_path / "examples", "distance_z", "transformed")] == [
        "distribution"
    ]


def test_unsigned_integers_in_tensors(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usual = e2e.requests(e2e.rides(ROWS // 4, 8))
    rows = [{"distance": [row["distance"][0] * 1000], "hour": row["hour"]} for row in usual]
    logs.write_records(tmp_path / "log.tfrecord", map(prediction_log, rows))
    ran = e2e.validate(capsys, home.baseline, str(tmp_path / "log.tfrecord"), tmp_path / "out")
    assert ran.code == 1, ran.err
    [distance] = findings(tmp_path / "out", "distance")
    assert (distance["metric"], distance["diagnosis"]["cause"]) == ("int_for_float", "scale or unit")
    assert "integers, and serving is training x 1000" in (tmp_path / "out" / "report.html").read_text()
