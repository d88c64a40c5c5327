"""`kserve`: CloudEvents of KServe's inference logger, one JSON object a line, or its objects in a blob store.

Two modes of events are read, told by `specversion`:

- structured: the CloudEvent as JSON, its attributes beside `data` or `data_base64`;
- binary, as the logger sends it: the headers `ce-id`, `ce-type`, ... (in any case, with `_` for `-` as Kafka
  has them) as keys of the object or under `headers`, the body under `data`, `body` or `data_base64`.

Bodies are JSON of the v1 or the v2 (Open Inference) protocol, whatever `content-type` says: the logger passes
on what the client sent, and curl says `application/x-www-form-urlencoded`. The headers `Content-Encoding` and
`Inference-Header-Content-Length` count where they were written down (`bodies.encodings`). What the logger
itself writes to a blob store is in `kserve_store`.

Request and response are two events with one id, which a client may choose, so that service, namespace,
component and endpoint must be the same as well. They come in either order. They are joined only where answers
are asked for (`Settings.responses`), only within one file, and only as far apart as
`logs.rows.request_response_join` remembers. A request whose response is elsewhere, or was not logged, has
none. A response without a request is counted as decoded and has no rows. Where `model_version` stands in a
response (v2), it is the request's version.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from trueserve.transforms.logs.bodies.encodings import from_base64
from trueserve.transforms.logs.bodies.instances import Bodies, body_of
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.kserve_store import Event, is_stored, stored_event
from trueserve.transforms.logs.request import BadRecordError, Request, RequestEvent, ResponseEvent
from trueserve.transforms.logs.rows.log_fields import text_of
from trueserve.transforms.logs.rows.parse_time import micros_of

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

    def parse(self, record: Mapping[str, Any]) -> Request | RequestEvent | ResponseEvent | None:
        """See `request.RequestParser.parse`; requests and answers to be joined where answers are wanted.

        Raises BadRecordError: `not_a_cloud_event`, `no_body`, `not_json`, `not_a_request`, `bad_base64`, and
        what `Bodies` raises.
        """
        event = stored_event(record) if is_stored(record) else _event(record)
        attributes = event.attributes
        kind = attributes.get("type")
        if not isinstance(kind, str):
            raise BadRecordError("not_a_cloud_event", "expected a CloudEvent; the record has no type")
        if kind.endswith(_RESPONSE):
            return self._answered(event)
        if not kind.endswith(_REQUEST):
            return Request((), excluded=OTHER_EVENT)
        request = self._request(event)
        if self._settings.responses and request.request_id is not None:
            return RequestEvent(_key(attributes), request)
        return request

    def _request(self, event: Event) -> Request:
        attributes, body = event.attributes, self._bodies.read(_body(event), event.headers)
        return Request(
            instances=body.rows,
            time=micros_of(attributes.get("time")),
            model=text_of(attributes.get("inferenceservicename")),
            version=text_of(body.fields.get("model_version")),
            signature=text_of(body.fields.get("signature_name")),
            request_id=text_of(attributes.get("id")),
            origin=text_of(attributes.get("source")),
            dated_by_path=event.is_stored,
        )

    def _answered(self, event: Event) -> ResponseEvent | None:
        if not self._settings.responses or text_of(event.attributes.get("id")) is None:
            return None
        try:
            answer = body_of(_body(event), event.headers)
        except BadRecordError:
            return None  # It has no rows that could be missed; its request goes on without it.
        return ResponseEvent(_key(event.attributes), answer, text_of(answer.get("model_version")))


def _event(record: Mapping[str, Any]) -> Event:
    structured = {name.lower(): value for name, value in record.items()}
    body = next((structured[name] for name in ("data", "body") if structured.get(name) is not None), None)
    if body is None and (encoded := structured.get("data_base64")) is not None:
        body = from_base64(encoded, "expected base64 in 'data_base64'")
    headers = structured.get("headers")
    if "specversion" in structured:
        return Event(structured, body, headers if isinstance(headers, dict) else structured)
    fields = {**structured, **(headers if isinstance(headers, dict) else {})}
    attributes = {name[3:].lower(): _first_of_list(v) for name, v in fields.items() if _is_attribute(name)}
    return Event(attributes, body, fields)


def _is_attribute(name: str) -> bool:
    return name[:3].lower() in _PREFIXES


def _first_of_list(value: Any) -> Any:
    """A header's value; several servers write headers as lists."""
    return value[0] if isinstance(value, list) and value else value


def _body(event: Event) -> Any:
    if event.body is None:
        raise BadRecordError("no_body", "the event has no data")
    return event.body


def _key(attributes: Mapping[str, Any]) -> Hashable:
    return tuple(text_of(attributes.get(name)) for name in _KEY)
