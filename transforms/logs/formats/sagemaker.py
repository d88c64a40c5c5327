"""`sagemaker`: JSON lines of SageMaker's data capture.

A line is one invocation of an endpoint: `captureData.endpointInput` with `observedContentType`, `encoding`
and `data`, `endpointOutput` likewise where outputs are captured, and `eventMetadata`. Bodies are JSON, JSON
lines or CSV; `encoding` only says how the body was put into the line: as text (CSV, JSON) or as BASE64, which
SageMaker falls back to where the content type is in none of the lists of its capture configuration.

A body of CSV has no header: its values are named by `Settings.columns`. Whether a first line is one is never
guessed: it is a row as the others are, and its words count as `bytes_for_int` and the like.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from transforms.logs.bodies.instances import NOT_A_REQUEST, Bodies
from transforms.logs.bodies.json_text import load
from transforms.logs.features import Settings
from transforms.logs.request import BadRecordError, Request
from transforms.logs.rows.log_fields import answers_of, text_of
from transforms.logs.rows.parse_time import micros_of

_JSON = frozenset({"application/json", "text/json", "application/x-json"})
_JSON_LINES = frozenset({"application/jsonlines", "application/x-jsonlines", "application/jsonl"})
_CSV = frozenset({"text/csv", "application/csv"})
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
        """The request of a captured invocation.

        Raises BadRecordError: `not_a_capture`, `no_body` (the input was not captured), `bad_base64`,
        `unknown_content_type`, `not_json`, and what `Bodies` raises.
        """
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

    def _instances(self, part: Any) -> tuple[str | None, Sequence[Mapping[str, Any]]]:
        """The signature, where the body names one, and the rows."""
        kind, body = _body(part)
        if kind in _CSV:
            return None, self._bodies.csv(_decoded(body))
        if kind in _JSON_LINES:
            rows = [self._row(value) for value in _lines(body)]
            return None, self._bodies.instances({"instances": rows})
        value = load(body) if isinstance(body, bytes | str) else body
        if self._bodies.is_body(value):
            return text_of(value.get("signature_name")), self._bodies.instances(self._with_named_rows(value))
        return None, self._bodies.instances({"instances": [self._row(row) for row in _rows(value)]})

    def _with_named_rows(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        rows = body.get("instances")
        return {**body, "instances": list(map(self._row, rows))} if isinstance(rows, list) else body

    def _row(self, value: Any) -> Any:
        """An instance of SageMaker's own algorithms holds its values under `features`, without names."""
        expected = self._settings.expected
        if isinstance(value, dict) and value.keys() == {"features"}:
            known = expected is not None and "features" in expected.types
            return value if known else value["features"]
        return value

    def _responses(self, part: Any, num_rows: int) -> Sequence[Any] | None:
        """One answer a row; None where they are not wanted, not captured, or not as many as the rows."""
        if not self._settings.responses or part is None:
            return None
        try:
            return _answers(*_body(part), num_rows)
        except BadRecordError:
            return None  # The request is what is examined; it does not fail for its answer.


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    if not isinstance(value, dict):
        raise BadRecordError("not_a_capture", f"expected an object {name!r}; the record has none")
    return value


def _body(part: Any) -> tuple[str, Any]:
    """The content type of a captured body, without parameters, and the body: bytes, text or parsed JSON."""
    data = part.get("data") if isinstance(part, dict) else None
    if data is None:
        raise BadRecordError("no_body", "expected 'endpointInput' with 'data'; the input was not captured")
    encoding = str(part.get("encoding") or "").upper()
    kind = str(part.get("observedContentType") or "").partition(";")[0].strip().lower()
    if kind not in _JSON | _JSON_LINES | _CSV:
        kind = _ENCODED.get(encoding, "")
    if not kind:
        raise BadRecordError("unknown_content_type", "expected a body of JSON, JSON lines or CSV")
    return kind, _from_base64(data) if encoding == "BASE64" else data


def _from_base64(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise BadRecordError("bad_base64", "'encoding' is BASE64, and 'data' is none") from None


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


def _rows(value: Any) -> list[Any]:
    """JSON that is no body of TF Serving's: a list of rows, or one row, as SageMaker's containers take it."""
    if isinstance(value, list) and value and all(isinstance(row, list | dict) for row in value):
        return value
    return [value]


def _answers(kind: str, body: Any, num_rows: int) -> Sequence[Any] | None:
    if kind in _CSV:
        rows = [line.rstrip("\r") for line in _decoded(body).split("\n") if line.strip()]
    elif kind in _JSON_LINES:
        rows = _lines(body)
    else:
        rows = load(body) if isinstance(body, bytes | str) else body
    if not isinstance(rows, list):
        return answers_of(rows, num_rows)
    return rows if len(rows) == num_rows else None


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
