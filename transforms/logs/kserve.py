"""`kserve`: CloudEvents of KServe's inference logger, one JSON object a line.

Two modes are read, told by `specversion`:

- structured: the CloudEvent as JSON, its attributes beside `data` or `data_base64`;
- binary, as the logger sends it: the headers `ce-id`, `ce-type`, ... (in any case, with `_` for `-` as Kafka
  has them) as keys of the object or under `headers`, the body under `data`, `body` or `data_base64`.

Bodies are JSON of the v1 or the v2 (Open Inference) protocol, whatever `content-type` says: the logger passes
on what the client sent, and curl says `application/x-www-form-urlencoded`.

Request and response are two events with one id, which a client may choose, so that service, namespace,
component and endpoint must be the same as well. They come in either order. They are joined only where answers
are asked for (`Settings.responses`), only within one file, and only as far apart as `logs.joining` remembers.
A request whose response is elsewhere, or was not logged, has none. A response without a request is counted as
decoded and has no rows. Where `model_version` stands in a response (v2), it is the request's version.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from transforms.logs.bodies import Bodies
from transforms.logs.features import Settings
from transforms.logs.json_text import load_object
from transforms.logs.moments import micros_of
from transforms.logs.request import Answered, Asked, BadRecordError, Request

_PREFIXES = ("ce-", "ce_")
_REQUEST = ".inference.request"
_RESPONSE = ".inference.response"
_KEY = ("id", "inferenceservicename", "namespace", "component", "endpoint")
#: Events that are neither request nor response (of outlier detectors, feedback) are excluded by this name.
OTHER_EVENT = "other_event"


class KServeParser:
    """See `request.RequestParser`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bodies = Bodies(settings)

    def parse(self, record: Mapping[str, Any]) -> Request | Asked | Answered | None:
        """See `request.RequestParser.parse`; requests and answers to be joined where answers are wanted.

        Raises BadRecordError: `not_a_cloud_event`, `no_body`, `not_json`, `not_an_object`, `bad_base64`, and
        what `Bodies` raises.
        """
        attributes, body = _event(record)
        kind = _text(attributes.get("type"))
        if kind is None:
            raise BadRecordError("not_a_cloud_event", "expected a CloudEvent; the record has no type")
        if kind.endswith(_RESPONSE):
            return self._answered(attributes, body)
        if not kind.endswith(_REQUEST):
            return Request((), excluded=OTHER_EVENT)
        request = self._request(attributes, _parsed(body))
        if self._settings.responses and request.request_id is not None:
            return Asked(_key(attributes), request)
        return request

    def _request(self, attributes: Mapping[str, Any], body: Mapping[str, Any]) -> Request:
        return Request(
            instances=self._instances(body),
            time=micros_of(attributes.get("time")),
            model=_text(attributes.get("inferenceservicename")),
            version=_text(body.get("model_version")),
            signature=_text(body.get("signature_name")),
            request_id=_text(attributes.get("id")),
            origin=_text(attributes.get("source")),
        )

    def _instances(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        if _is_open_inference(body.get("inputs")):
            return self._bodies.open_inference(body)
        return self._bodies.instances(body)

    def _answered(self, attributes: Mapping[str, Any], body: Any) -> Answered | None:
        if not self._settings.responses or _text(attributes.get("id")) is None:
            return None
        try:
            answer = _parsed(body)
        except BadRecordError:
            return None  # It has no rows that could be missed; its request goes on without it.
        return Answered(_key(attributes), _answers(answer), _text(answer.get("model_version")))


def _event(record: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """The attributes of an event, their names in lower case without prefix, and its body as it stands."""
    structured = {name.lower(): value for name, value in record.items()}
    body = next((structured[name] for name in ("data", "body") if structured.get(name) is not None), None)
    if body is None and (encoded := structured.get("data_base64")) is not None:
        body = _from_base64(encoded)
    if "specversion" in structured:
        return structured, body
    headers = structured.get("headers")
    fields = {**structured, **(headers if isinstance(headers, dict) else {})}
    return {name[3:].lower(): _one(v) for name, v in fields.items() if _is_attribute(name)}, body


def _is_attribute(name: str) -> bool:
    return name[:3].lower() in _PREFIXES


def _one(value: Any) -> Any:
    """A header's value; several servers write headers as lists."""
    return value[0] if isinstance(value, list) and value else value


def _from_base64(encoded: Any) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise BadRecordError("bad_base64", "expected base64 in 'data_base64'") from None


def _parsed(body: Any) -> Mapping[str, Any]:
    if body is None:
        raise BadRecordError("no_body", "the event has no data")
    if isinstance(body, dict):
        return body
    if isinstance(body, bytes | str):
        return load_object(body)
    raise BadRecordError("not_an_object", "expected the event's data to be a JSON object")


def _is_open_inference(inputs: Any) -> bool:
    """Whether these are the tensors of v2: v1 has values under `inputs`, or columns by name."""
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    return isinstance(first, dict) and "name" in first and "datatype" in first


def _answers(body: Mapping[str, Any]) -> list[Any] | None:
    """One answer a row: `predictions` of v1, or the rows of v2's `outputs`."""
    predictions = body.get("predictions")
    if isinstance(predictions, list):
        return predictions
    outputs = body.get("outputs")
    if not _is_open_inference(outputs):
        return None
    columns = {str(output.get("name")): _rows(output) for output in outputs if isinstance(output, dict)}
    if len(set(map(len, columns.values()))) != 1:
        return None
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _rows(output: Mapping[str, Any]) -> list[Any]:
    """The values of an output by row, [] where they are not as many as its shape says."""
    shape, data = output.get("shape"), output.get("data")
    num_rows = shape[0] if isinstance(shape, list) and shape else None
    if not isinstance(num_rows, int) or num_rows <= 0 or not isinstance(data, list):
        return []
    if len(data) == num_rows:
        return data
    size, beyond = divmod(len(data), num_rows)
    return [] if beyond or not size else [data[at : at + size] for at in range(0, len(data), size)]


def _key(attributes: Mapping[str, Any]) -> Hashable:
    return tuple(_text(attributes.get(name)) for name in _KEY)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
