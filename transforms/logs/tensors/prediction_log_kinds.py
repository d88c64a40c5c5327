"""The kinds of tensorflow_serving.apis.PredictionLog: where each has its inputs, model specs and answers.

A request to predict, streamed or not, and a run of a session have tensors: one a feature, or one of
serialized tf.Examples. Requests to classify, to regress, and for several such inferences have tf.Examples.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from trueserve.transforms.core import tensorflow_messages
from trueserve.transforms.logs.bodies import responses
from trueserve.transforms.logs.bodies.responses import Answers
from trueserve.transforms.logs.features import FeatureType, Settings
from trueserve.transforms.logs.request import BadRecordError
from trueserve.transforms.logs.rows.warm_ups import WARM_UP, fingerprint
from trueserve.transforms.logs.tensors.example_lists import examples_of
from trueserve.transforms.logs.tensors.tensor_columns import PRESENT, batch_size
from trueserve.transforms.logs.tensors.tensor_limits import decode_tensors
from trueserve.transforms.logs.tensors.tensor_protos import Tensor

NOT_A_LOG = "not_a_prediction_log"
#: Without a schema, the names that exporters give to an input of serialized examples.
EXAMPLE_INPUTS = frozenset({"examples", "inputs", "input_example_tensor", "serialized_examples"})


@dataclasses.dataclass(frozen=True, slots=True)
class LoggedRequest:
    """What one record says.

    Attributes:
      seconds: its time since 1970; 0 or less, or past the year 9999, is none.
      sampling_rate: the fraction of traffic that was logged; None where it is not above 0 and at most 1.
      inputs: the tensors of each request of a stream, of one request otherwise; or
      examples: the serialized tf.Examples of all of them, one a row.
      answers: one for each row, where they are wanted and there.
      excluded: why the request is no traffic.
    """

    seconds: int
    model: str | None
    version: str | None
    signature: str | None
    sampling_rate: float | None
    origin: str | None
    inputs: Sequence[Mapping[str, Tensor]]
    examples: list[bytes] | None
    answers: Answers
    excluded: str | None


@dataclasses.dataclass(frozen=True)
class _LogKind:
    """Of a log of one kind: the specs, first those of the response, which say what answered; and the rest.

    Attributes:
      tensors: the TensorProtos of each request; None for a kind that has examples.
      answers: of the log, and the rows of each of its requests.
    """

    specs: Callable[[Any], Sequence[Any]]
    answers: Callable[[Any, list[int]], Answers]
    tensors: Callable[[Any], Sequence[Mapping[str, Any]]] | None = None


class LogReader:
    """Reads serialized PredictionLogs by the protobuf classes."""

    def __init__(self, settings: Settings) -> None:
        self._from_string = tensorflow_messages.prediction_log().FromString
        self._settings = settings
        self._features = frozenset(settings.expected.types) if settings.expected else frozenset()
        masks = {name + PRESENT for name in self._features}
        self._read = self._features | masks if settings.expected else None

    def read(self, record: bytes) -> LoggedRequest:
        """What a record says. Raises BadRecordError."""
        log = self._parsed(record)
        kind = _KINDS.get(log.WhichOneof("log_type"))
        if kind is None:
            name = log.WhichOneof("log_type")
            raise BadRecordError("unsupported_log_type", f"the record is a {name}, which has no known inputs")
        part, metadata = getattr(log, log.WhichOneof("log_type")), log.log_metadata
        inputs, examples, sizes = self._inputs(kind, part)
        specs = (*kind.specs(part), metadata.model_spec)
        rate = metadata.sampling_config.sampling_rate
        return LoggedRequest(
            seconds=metadata.timestamp_secs,
            model=next((spec.name for spec in specs if spec.name), None),
            version=next(filter(None, map(_version, specs)), None),
            signature=next((spec.signature_name for spec in specs if spec.signature_name), None),
            sampling_rate=rate if 0 < rate <= 1 else None,
            origin=metadata.request_origin or None,
            inputs=inputs,
            examples=examples,
            answers=kind.answers(part, sizes) if self._settings.responses else None,
            excluded=WARM_UP if self._is_warm_up(log, examples) else None,
        )

    def _parsed(self, record: bytes) -> Any:
        try:
            log = self._from_string(record)
        except DecodeError:
            detail = "expected a PredictionLog; the record does not parse as one"
            raise BadRecordError(NOT_A_LOG, detail) from None
        if log.WhichOneof("log_type") is None:
            detail = "expected a PredictionLog; the record holds no request of any kind"
            raise BadRecordError(NOT_A_LOG, detail)
        return log

    def _inputs(
        self, kind: _LogKind, part: Any
    ) -> tuple[Sequence[Mapping[str, Tensor]], list[bytes] | None, list[int]]:
        """The tensors, or the examples, of a log's requests, and how many rows each request has."""
        if kind.tensors is None:
            examples = examples_of(part.request.input)
            return (), examples, [len(examples)]
        requests = decode_tensors(kind.tensors(part), self._read)
        if not requests or not all(requests):
            raise BadRecordError("no_inputs", "the request has no inputs")
        carried = [self._carried(inputs) for inputs in requests]
        example_lists = [examples for examples in carried if examples is not None]
        if example_lists and len(example_lists) < len(carried):
            raise BadRecordError("mixed_inputs", "some requests of the stream have examples, some have not")
        if example_lists:
            return (), list(itertools.chain(*example_lists)), [len(examples) for examples in example_lists]
        return requests, None, [batch_size(inputs) for inputs in requests]

    def _carried(self, inputs: Mapping[str, Tensor]) -> list[bytes] | None:
        """The serialized examples that a request's one input holds; None where it holds none."""
        if len(inputs) != 1:
            return None
        [(name, tensor)] = inputs.items()
        named_so = name not in self._features if self._features else name in EXAMPLE_INPUTS
        return tensor.values if named_so and tensor.kind is FeatureType.BYTES else None

    def _is_warm_up(self, log: Any, examples: Sequence[bytes] | None) -> bool:
        if not self._settings.warm_ups or examples is None or not log.HasField("predict_log"):
            return False
        if log.log_metadata.timestamp_secs > 0 or log.predict_log.HasField("response"):
            return False
        return fingerprint(examples) in self._settings.warm_ups


def _version(spec: Any) -> str | None:
    return str(spec.version.value) if spec.HasField("version") else spec.version_label or None


def _model_specs(part: Any) -> Sequence[Any]:
    return part.response.model_spec, part.request.model_spec


def _stream_model_specs(part: Any) -> Sequence[Any]:
    return [message.model_spec for message in (*part.response, *part.request)]


def _inference_model_specs(part: Any) -> Sequence[Any]:
    return [message.model_spec for message in (*part.response.results, *part.request.tasks)]


def _stream_inputs(part: Any) -> Sequence[Mapping[str, Any]]:
    for request in part.request:
        # 0 is whole. Parts would have to be put together along dimensions that the request names.
        if request.predict_streamed_options.request_state:
            raise BadRecordError("split_request", "a request of the stream is split into several")
    return [dict(request.inputs) for request in part.request]


def _protos_by_name(protos: Sequence[Any]) -> dict[str, Any]:
    """NamedTensorProtos by name; the output of an operation that `:0` says is the usual one."""
    named = {proto.name.removesuffix(":0"): proto.tensor for proto in protos}
    if len(named) < len(protos):
        raise BadRecordError("bad_feed", "a tensor is fed more than once")
    return named


def _session_answers(part: Any, sizes: list[int]) -> Answers:
    try:
        return responses.outputs(_protos_by_name(part.response.tensor), sizes[0])
    except BadRecordError:
        return None


_KINDS: Mapping[Any, _LogKind] = {
    "predict_log": _LogKind(
        _model_specs,
        lambda part, sizes: responses.outputs(dict(part.response.outputs), sizes[0]),
        lambda part: [dict(part.request.inputs)],
    ),
    "predict_streamed_log": _LogKind(
        _stream_model_specs,
        lambda part, sizes: responses.streamed([dict(r.outputs) for r in part.response], sizes),
        _stream_inputs,
    ),
    "session_run_log": _LogKind(
        _model_specs, _session_answers, lambda part: [_protos_by_name(part.request.feed)]
    ),
    "classify_log": _LogKind(
        _model_specs, lambda part, sizes: responses.classes(part.response.result, sizes[0])
    ),
    "regress_log": _LogKind(
        _model_specs, lambda part, sizes: responses.values(part.response.result, sizes[0])
    ),
    "multi_inference_log": _LogKind(
        _inference_model_specs, lambda part, sizes: responses.inferences(part.response.results, sizes[0])
    ),
}
