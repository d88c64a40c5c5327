"""Logs of a served model: asked over gRPC by the official stubs, with what it answers, read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from support.logs import decode_logs, example, plain_row, rows_of
from tensorflow_serving.apis import prediction_service_pb2_grpc as service
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest, ClassificationResponse
from tensorflow_serving.apis.inference_pb2 import MultiInferenceRequest, MultiInferenceResponse
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
from tensorflow_serving.apis.regression_pb2 import RegressionRequest, RegressionResponse

VERSION = 12
ROWS = [example(age=[i], fare=[i / 4], word=[b"w%d" % i]) for i in range(1, 6)]
CONTEXT = example(fare=[0.5], word=[b"context"])
OF_CONTEXT = [example(age=[7]), example(age=[8], fare=[0.25]), example(word=[b"own"])]


class Model(tf.Module):
    """Scores rows so that a score tells the age and fare that the model was given."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])  # type: ignore[untyped-decorator]
    def score(self, examples: Any) -> dict[str, Any]:
        spec = {
            "age": tf.io.FixedLenFeature([], tf.int64, 0),
            "fare": tf.io.FixedLenFeature([], tf.float32, 0.0),
        }
        features = tf.io.parse_example(examples, spec)
        return {"score": tf.cast(features["age"], tf.float32) * 10.0 + features["fare"]}


def score_of(row: dict[str, list[Any]]) -> float:
    return float(row.get("age", [0])[0] * 10 + row.get("fare", [0.0])[0])


class Server(service.PredictionServiceServicer):
    """Answers by a SavedModel, and logs every request with its response."""

    def __init__(self, folder: str) -> None:
        self._loaded = tf.saved_model.load(folder)
        self.logs: list[PredictionLog] = []

    def _scores(self, examples: Sequence[bytes]) -> list[float]:
        scores = self._loaded.signatures["serving_default"](examples=tf.constant(np.array(examples, object)))
        return [float(score) for score in scores["score"].numpy()]

    def _of_input(self, proto: Any) -> list[float]:
        """As TF Serving does: the bytes of the example after those of the context."""
        given = getattr(proto, proto.WhichOneof("kind"))
        context = given.context.SerializeToString() if hasattr(given, "context") else b""
        return self._scores([context + example.SerializeToString() for example in given.examples])

    def _logged(self, kind: str, request: Any, response: Any) -> Any:
        log = PredictionLog()
        log.log_metadata.timestamp_secs = 1373760000 + len(self.logs)
        log.log_metadata.sampling_config.sampling_rate = 0.5
        getattr(log, kind).request.CopyFrom(request)
        getattr(log, kind).response.CopyFrom(response)
        self.logs.append(log)
        return response

    def Predict(self, request: PredictRequest, context: Any) -> Any:
        scores = self._scores(list(tf.make_ndarray(request.inputs["examples"])))
        response = PredictResponse(outputs={"score": tf.make_tensor_proto(np.array(scores, np.float32))})
        response.model_spec.version.value = VERSION
        return self._logged("predict_log", request, response)

    def Classify(self, request: ClassificationRequest, context: Any) -> Any:
        response = ClassificationResponse()
        response.model_spec.version.value = VERSION
        for score in self._of_input(request.input):
            response.result.classifications.add().classes.add(label="old", score=score)
        return self._logged("classify_log", request, response)

    def Regress(self, request: RegressionRequest, context: Any) -> Any:
        response = RegressionResponse()
        response.model_spec.version.value = VERSION
        for score in self._of_input(request.input):
            response.result.regressions.add(value=score)
        return self._logged("regress_log", request, response)

    def MultiInference(self, request: MultiInferenceRequest, context: Any) -> Any:
        response = MultiInferenceResponse()
        for task in request.tasks:
            result = response.results.add(model_spec=task.model_spec)
            result.model_spec.version.value = VERSION
            for score in self._of_input(request.input):
                result.regression_result.regressions.add(value=score)
        return self._logged("multi_inference_log", request, response)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One request of each kind with a list of examples, and of all but the first with a context."""
    folder = str(Path(tmp_path_factory.mktemp("model"), str(VERSION)))
    model = Model()
    tf.saved_model.save(model, folder, signatures={"serving_default": model.score})
    servicer = Server(folder)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    service.add_PredictionServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            _ask(service.PredictionServiceStub(channel))
    finally:
        server.stop(None).wait()
    return [log.SerializeToString() for log in servicer.logs]


def _ask(stub: Any) -> None:
    predict = PredictRequest(inputs={"examples": tf.make_tensor_proto(ROWS)})
    stub.Predict(_specified(predict))
    for with_context in (False, True):
        for method, request in (
            (stub.Classify, ClassificationRequest()),
            (stub.Regress, RegressionRequest()),
        ):
            _give(request.input, with_context)
            method(_specified(request))
        several = MultiInferenceRequest()
        _give(several.input, with_context)
        for signature in ("scores", "others"):
            several.tasks.add(method_name="tensorflow/serving/regress").model_spec.signature_name = signature
        stub.MultiInference(several)


def _specified(request: Any) -> Any:
    request.model_spec.name = "ages"
    request.model_spec.signature_name = "serving_default"
    return request


def _give(proto: Any, with_context: bool) -> None:
    if with_context:
        proto.example_list_with_context.context.MergeFromString(CONTEXT)
    given = proto.example_list_with_context if with_context else proto.example_list
    for row in OF_CONTEXT if with_context else ROWS:
        given.examples.add().MergeFromString(row)


def test_the_features_are_those_that_were_sent(logs: list[bytes]) -> None:
    lists = [[plain_row(row) for row in ROWS]] * 4
    merged = [[plain_row(CONTEXT) | plain_row(row) for row in OF_CONTEXT]] * 3
    assert rows_of(decode_logs(logs)) == [row for rows in lists + merged for row in rows]


def test_the_rows_are_what_the_model_has_answered_to(logs: list[bytes]) -> None:
    parts = decode_logs(logs, responses=True)
    scores = [score_of(row) for row in rows_of(parts)]
    answers: dict[int, list[Any]] = {}
    for part in parts:
        assert part.batch is not None
        for row in part.batch.metadata.to_pylist():
            answers.setdefault(row["record"], []).append(json.loads(row["response"]))
    logged = [answer for record in sorted(answers) for answer in answers[record]]
    assert [set(map(str, _numbers(answer))) for answer in logged] == [{str(score)} for score in scores]


def _numbers(answer: Any) -> list[float]:
    """All numbers of an answer, however it is laid out."""
    if isinstance(answer, float):
        return [answer]
    inside = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else []
    return [number for part in inside for number in _numbers(part)]


def test_every_row_knows_what_answered_it(logs: list[bytes]) -> None:
    rows = [row for part in decode_logs(logs) if part.batch for row in part.batch.metadata.to_pylist()]
    assert {row["version"] for row in rows} == {str(VERSION)}
    assert {row["sampling_rate"] for row in rows} == {0.5}
    assert {row["time"].timestamp() - row["record"] for row in rows} == {1373760000.0}
    assert {row["signature"] for row in rows} == {"serving_default", "scores"}
