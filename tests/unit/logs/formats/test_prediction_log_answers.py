"""The answers in PredictionLogs of every kind, row by row."""

from __future__ import annotations

import json
from typing import Any

from support.logs import DT_FLOAT, DT_INT64, DT_STRING, tensor
from support.prediction_logs import ROWS, answered_log, log_of, one_batch, session_log, stream_log
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog


def answers_of(log: PredictionLog) -> list[Any]:
    texts = one_batch(log, responses=True).metadata["response"].to_pylist()
    return [None if text is None else json.loads(text) for text in texts]


def _predict(outputs: dict[str, TensorProto]) -> PredictionLog:
    log = PredictionLog()
    log.predict_log.request.inputs["age"].CopyFrom(tensor(DT_INT64, [2], int64_val=[1, 2]))
    for name, proto in outputs.items():
        log.predict_log.response.outputs[name].CopyFrom(proto)
    return log


def test_outputs_of_a_prediction_are_answers_row_by_row() -> None:
    outputs = {
        "score": tensor(DT_FLOAT, [2], float_val=[0.5, 0.25]),
        "each": tensor(DT_INT64, [2, 2], int64_val=[1, 2, 3, 4]),
        "name": tensor(DT_STRING, [2], string_val=["später".encode(), b"\xff"]),
        "other": tensor(DT_INT64, [3], int64_val=[1, 2, 3]),
        "scalar": tensor(DT_INT64, [], int64_val=[1]),
    }
    assert answers_of(_predict(outputs)) == [
        {"score": 0.5, "each": [1, 2], "name": "später"},
        {"score": 0.25, "each": [3, 4], "name": {"b64": "/w=="}},
    ]
    assert answers_of(_predict({})) == [None, None]
    bomb = {f"y{i}": tensor(DT_INT64, [2, 1 << 19], int64_val=[1]) for i in range(9)}
    assert answers_of(_predict(bomb)) == [None, None]


def test_answers_are_left_out_unless_they_are_wanted() -> None:
    log = _predict({"score": tensor(DT_FLOAT, [2], float_val=[0.5, 0.25])})
    assert one_batch(log).metadata["response"].to_pylist() == [None, None]


def test_classes_values_and_inferences_are_answers() -> None:
    classified = [
        {"classes": [{"label": "late", "score": s}, {"label": "in time", "score": 0.0}]}
        for s in (0.25, 0.5, 1.0)
    ]
    regressed = [{"value": value} for value in (0.25, 0.5, 1.0)]
    classify = answered_log(log_of("classify_log", ROWS), "classify_log")
    regress = answered_log(log_of("regress_log", ROWS), "regress_log")
    assert answers_of(classify) == classified
    assert answers_of(regress) == regressed
    log = log_of("multi_inference_log", ROWS)
    results = log.multi_inference_log.response.results
    results[0].model_spec.signature_name = "labels"
    results[0].classification_result.CopyFrom(classify.classify_log.response.result)
    results.add().regression_result.CopyFrom(regress.regress_log.response.result)
    assert answers_of(log) == [
        {"labels": classes, "1": value} for classes, value in zip(classified, regressed, strict=True)
    ]
    del regress.regress_log.response.result.regressions[0]
    assert answers_of(regress) == [None] * 3


def test_answers_of_streams_and_sessions() -> None:
    inputs = {"age": tensor(DT_INT64, [2], int64_val=[1, 2])}
    assert answers_of(stream_log([inputs], 2)) == [[{"y": 0.0}, {"y": 1.0}], [{"y": 0.5}, {"y": 1.5}]]
    assert answers_of(stream_log([inputs] * 2, 2)) == [{"y": 0.0}, {"y": 0.5}, {"y": 1.0}, {"y": 1.5}]
    assert answers_of(stream_log([inputs] * 2, 3)) == [None] * 4
    session = session_log(inputs)
    session.session_run_log.response.tensor.add(
        name="y:0", tensor=tensor(DT_FLOAT, [2], float_val=[1.0, 2.0])
    )
    assert answers_of(session) == [{"y": 1.0}, {"y": 2.0}]
