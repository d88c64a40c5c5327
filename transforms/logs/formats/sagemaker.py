"""`sagemaker`: JSON lines of SageMaker's data capture, and of its batch transforms.

A line is one invocation of an endpoint: `captureData.endpointInput` with `observedContentType`, `encoding`
and `data`, `endpointOutput` likewise where outputs are captured, and `eventMetadata`. Bodies are JSON, JSON
lines or CSV; `encoding` only says how the body was put into the line: as text (CSV, JSON) or as BASE64, which
SageMaker falls back to where the content type is in none of the lists of its capture configuration.

Values of CSV are named by `Settings.columns`, or by a first line that has those names.

A line of a batch transform is its input, or its output where input is joined: the input object with
`SageMakerOutput`, or `SageMakerInput` and `SageMakerOutput`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from trueserve.transforms.logs.bodies.encodings import decompressed, from_base64, load_body
from trueserve.transforms.logs.bodies.instances import Bodies
from trueserve.transforms.logs.bodies.json_text import load
from trueserve.transforms.logs.bodies.row_checks import NOT_A_REQUEST
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.request import BadRecordError, Request
from trueserve.transforms.logs.rows.log_fields import answers_of, text_of
from trueserve.transforms.logs.rows.parse_time import micros_of

_JSON = frozenset({"application/json", "text/json", "application/x-json"})
_JSON_LINES = frozenset({"application/jsonlines", "application/x-jsonlines", "application/jsonl"})
_CSV = frozenset({"text/csv", "application/csv"})
_JSON_SIZE = re.compile(r";\s*json-header-size=([0-9]{1,18})\b", re.ASCII)
_OF_CAPTURE = ("captureData", "eventMetadata")
# What a batch transform joins: it adds its output to an object, or makes an object of both.
_INPUT, _OUTPUT = "SageMakerInput", "SageMakerOutput"
_ENCODED = {"CSV": "text/csv", "JSON": "application/json"}
# How SageMaker's TensorFlow container is told the model, and what teams write themselves.
_MODEL = ("tfs-model-name",)
_VERSION = ("tfs-model-version", "model_version", "model-version", "version")


class SageMakerParser:
    """See `request.RequestParser`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bodies = Bodies(settings)

    def parse(self, record: Mapping[str, Any]) -> Request:
        """The request of a captured invocation, or of a line of a batch transform.

        Raises BadRecordError: `not_a_capture`, `no_body` (the input was not captured), `bad_base64`,
        `unknown_content_type`, and what `load_body` and `Bodies` raise.
        """
        if not any(name in record for name in _OF_CAPTURE):
            return self._of_batch(record)
        captured = _mapping(record, "captureData")
        event = _mapping(record, "eventMetadata")
        attributes = _attributes(event.get("customAttributes"))
        signature, instances = self._instances(captured.get("endpointInput"))
        return Request(
            instances=instances,
            time=micros_of(event.get("inferenceTime")),
            model=_first(attributes, _MODEL),
            version=_first(attributes, _VERSION),
            signature=signature,
            request_id=text_of(event.get("eventId")) or text_of(event.get("inferenceId")),
            responses=self._responses(captured.get("endpointOutput"), len(instances)),
        )

    def _of_batch(self, record: Mapping[str, Any]) -> Request:
        """The request that a line of a batch transform's input is, or of its output where that is joined."""
        joined = {name: value for name, value in record.items() if name != _OUTPUT}
        try:
            body = self._bodies.read(joined.get(_INPUT, joined))
        except BadRecordError as error:
            if error.reason == NOT_A_REQUEST and _OUTPUT not in record:
                raise BadRecordError(
                    "not_a_capture", "expected a capture, or an input with features"
                ) from None
            raise
        responses = None
        if self._settings.responses and _OUTPUT in record:
            responses = _in_rows(record[_OUTPUT], len(body.rows))
            # The answer to a single row may have any form.
            responses = [record[_OUTPUT]] if responses is None and len(body.rows) == 1 else responses
        return Request(body.rows, responses=responses, dated_by_path=True)

    def _instances(self, part: Any) -> tuple[str | None, Sequence[Mapping[str, Any]]]:
        """The signature, where the body names one, and the rows."""
        captured = _body(part)
        if captured.kind in _CSV:
            return None, self._bodies.csv(_decoded(captured.data))
        if captured.kind in _JSON_LINES:
            return None, self._bodies.instances({"instances": _lines(captured.data)})
        body = self._bodies.read(captured.data, captured.headers)
        return text_of(body.fields.get("signature_name")), body.rows

    def _responses(self, part: Any, num_rows: int) -> Sequence[Any] | None:
        """One answer a row; None where they are not wanted, not captured, or not as many as the rows."""
        if not self._settings.responses or part is None:
            return None
        try:
            return _answers(_body(part), num_rows)
        except BadRecordError:
            return None  # The request is what is examined; it does not fail for its answer.


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    if not isinstance(value, dict):
        raise BadRecordError("not_a_capture", f"expected an object {name!r}; the record has none")
    return value


class _Captured(NamedTuple):
    """A captured body: its content type without parameters, and bytes, text or parsed JSON."""

    kind: str
    data: Any
    headers: Mapping[str, str]


def _body(part: Any) -> _Captured:
    data = part.get("data") if isinstance(part, dict) else None
    if data is None:
        raise BadRecordError("no_body", "expected 'endpointInput' with 'data'; the input was not captured")
    encoding = str(part.get("encoding") or "").upper()
    content_type = str(part.get("observedContentType") or "")
    kind = content_type.partition(";")[0].strip().lower()
    if not (kind in _JSON | _JSON_LINES | _CSV or kind.endswith("+json")):
        kind = _ENCODED.get(encoding, "")
    if not kind:
        raise BadRecordError("unknown_content_type", "expected a body of JSON, JSON lines or CSV")
    if encoding == "BASE64":
        data = decompressed(from_base64(data, "'encoding' is BASE64, and 'data' is to be that"))
    return _Captured(kind, data, _headers(content_type))


def _headers(content_type: str) -> dict[str, str]:
    """The headers that a content type of Triton's stands for."""
    size = _JSON_SIZE.search(content_type)
    return {"Inference-Header-Content-Length": size[1]} if size else {}


def _decoded(body: Any) -> str:
    if isinstance(body, bytes):
        # What is no UTF-8 stays visible as such: it is counted where the value is converted.
        return body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if not isinstance(body, str):
        raise BadRecordError(NOT_A_REQUEST, "expected 'data' to be a text")
    return body


def _lines(body: Any) -> list[Any]:
    """The values of JSON lines; empty lines are none."""
    return [load(line) for line in _decoded(body).split("\n") if line.strip()]


def _answers(captured: _Captured, num_rows: int) -> Sequence[Any] | None:
    if captured.kind in _CSV:
        rows = [line.rstrip("\r") for line in _decoded(captured.data).split("\n") if line.strip()]
    elif captured.kind in _JSON_LINES:
        rows = _lines(captured.data)
    else:
        rows = load_body(captured.data, captured.headers)
    return _in_rows(rows, num_rows)


def _in_rows(answers: Any, num_rows: int) -> Sequence[Any] | None:
    if not isinstance(answers, list):
        return answers_of(answers, num_rows)
    return answers if len(answers) == num_rows else None


def _attributes(value: Any) -> dict[str, str]:
    """The custom attributes of an invocation: `name=value`, with commas or semicolons, or in a list."""
    if isinstance(value, dict):
        return {
            str(name): str(attribute) for name, attribute in value.items() if isinstance(attribute, str | int)
        }
    texts = value if isinstance(value, list) else [value]
    pairs = [
        pair.split("=", 1)
        for text in texts
        if isinstance(text, str)
        for pair in text.replace(";", ",").split(",")
        if "=" in pair
    ]
    return {name.strip(): attribute.strip() for name, attribute in pairs}


def _first(attributes: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((attributes[name] for name in names if attributes.get(name)), None)
