"""PredictionLogs of every kind, and what is decoded of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from support.logs import DT_FLOAT, decode_logs, example, tensor

ROWS = [example(age=[1], word=[b"a"]), example(fare=[0.5]), example(age=[3], fare=[1.0])]
JULY_14 = 1373760000


def log_of(
    kind: str, examples: Sequence[bytes], context: bytes | None = None, version: int = 7
) -> PredictionLog:
    """A log of a kind that has examples, with the version that answered."""
    log = PredictionLog()
    part = getattr(log, kind)
    fill_input(part.request.input, examples, context)
    spec = part.request.tasks.add().model_spec if kind == "multi_inference_log" else part.request.model_spec
    spec.name, spec.signature_name = "flights", "labels"
    answered = part.response.results.add() if kind == "multi_inference_log" else part.response
    answered.model_spec.version.value = version
    return log


def fill_input(proto: Any, examples: Sequence[bytes], context: bytes | None) -> None:
    proto.example_list.SetInParent()
    messages = proto.example_list
    if context is not None:
        messages = proto.example_list_with_context
        messages.context.MergeFromString(context)
    messages.examples.extend(Example.FromString(example) for example in examples)


def one_batch(log: PredictionLog, **changes: Any) -> Any:
    [decoded] = decode_logs([log.SerializeToString()], **changes)
    assert not decoded.rejects
    assert decoded.batch is not None
    return decoded.batch


LABELLING = ["classify_log", "regress_log", "multi_inference_log"]


def answered_log(log: PredictionLog, kind: str) -> PredictionLog:
    if kind == "classify_log":
        for score in (0.25, 0.5, 1.0):
            classes = log.classify_log.response.result.classifications.add().classes
            classes.add(label="late", score=score)
            classes.add(label="in time", score=0.0)
    else:
        for value in (0.25, 0.5, 1.0):
            log.regress_log.response.result.regressions.add(value=value)
    return log


def session_log(feeds: dict[str, TensorProto]) -> PredictionLog:
    log = PredictionLog()
    log.session_run_log.request.model_spec.name = "flights"
    for name, proto in feeds.items():
        log.session_run_log.request.feed.add(name=name, tensor=proto)
    log.session_run_log.response.model_spec.version.value = 4
    return log


def stream_log(requests: Sequence[dict[str, TensorProto]], responses: int = 1) -> PredictionLog:
    log = PredictionLog()
    for inputs in requests:
        request = log.predict_streamed_log.request.add()
        for name, proto in inputs.items():
            request.inputs[name].CopyFrom(proto)
    for number in range(responses):
        response = log.predict_streamed_log.response.add()
        response.model_spec.version.value = 5
        response.outputs["y"].CopyFrom(tensor(DT_FLOAT, [2], float_val=[number, number + 0.5]))
    return log
