"""Records that a log service carries: CloudWatch's and Cloud Logging's lines, and arrays of records.

- CloudWatch: `logEvents` of a subscription, several such objects on a line as Firehose puts them; lines with
  `message` and `timestamp` (`@message` and `@timestamp` of a query); lines of an export, a time before text.
- Cloud Logging: entries with `jsonPayload` or `textPayload`, and `timestamp`; those without are other lines.
- Container runtimes: lines with `log` and `stream`.
- One array of records on a line, as KServe's logger stores them.

What is carried is read as if it stood alone. A message that is no object of JSON is another line of the
program that wrote it, and excluded as `other_line`. Nothing is an envelope for a name that the schema has.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from transforms.logs.bodies import json_text
from transforms.logs.bodies.row_checks import MAX_INSTANCES
from transforms.logs.carriers.records import RECORD_TOO_LARGE, payload_of
from transforms.logs.request import BadRecordError, Carried, Envelope, Request
from transforms.logs.rows.log_fields import text_of
from transforms.logs.rows.parse_time import micros_of
from transforms.logs.rows.path_time import micros_of_path

OTHER_LINE = "other_line"
_EVENTS = ("logEvents", "events")
_PAYLOADS = ("jsonPayload", "textPayload")
_MESSAGES = ("message", "@message", "log")
_TIMES = ("timestamp", "@timestamp", "receiveTimestamp", "time")
_KEYS = ("id", "eventId", "insertId", "@ptr")
# What stands beside a message in these services; an object with other fields is no envelope.
_OF_MESSAGE = frozenset({*_MESSAGES, *_TIMES, *_KEYS, "severity", "level", "logger", "stream"}) | frozenset(
    {"@log", "@logStream", "@ingestionTime", "ingestionTime", "logGroup", "logGroupName", "logStream"}
    | {"logStreamName"}
)
_OF_ENTRY = ("timestamp", "receiveTimestamp", "insertId", "logName")
_OF_EVERY_ENTRY = ("insertId", "logName")
_MARKS = frozenset({*_EVENTS, *_PAYLOADS, *_MESSAGES, "insertId"})
# More than any of these services has in an object.
_MOST_FIELDS = 24
# Why a line holds no object.
_NO_OBJECTS = ("not_json", "not_an_object")
_EXPORTED = re.compile(rb"(\d{4}-\d\d-\d\dT[\d:.]{5,18}Z?) +(?=\S)", re.ASCII)
# A container's line in a message of a service, in an array, with a logger's own message in it.
_MAX_DEPTH = 4


def opened(records: Iterable[Carried], features: Container[str] = ()) -> Iterator[Carried]:
    """The records, and in place of each envelope those that it carries.

    Args:
      records: as a carrier gives them.
      features: names of the schema, which are no fields of envelopes.
    """
    for carried in records:
        value = carried.value
        if isinstance(value, BadRecordError):
            may_be_envelope = value.reason in _NO_OBJECTS
        else:
            may_be_envelope = len(value) <= _MOST_FIELDS and not _MARKS.isdisjoint(value)
        if may_be_envelope:
            yield from _opened(carried, features, 0)
        else:
            yield carried


def completed(request: Request, envelope: Envelope | None, path: str) -> Request:
    """A request with the time and id that its envelope, or its file's path, tells where it has none."""
    service = envelope or Envelope()
    time = micros_of(service.time) if request.time is None else request.time
    if time is None and request.dated_by_path:
        time = micros_of_path(path)
    key = text_of(service.key) if request.request_id is None else request.request_id
    return dataclasses.replace(request, time=time, request_id=key)


def _opened(carried: Carried, features: Container[str], depth: int) -> Iterator[Carried]:
    parts = _of_text(carried) if isinstance(carried.value, BadRecordError) else _of_object(carried, features)
    if not parts or depth >= _MAX_DEPTH:
        yield carried
        return
    for part in parts:
        if part.envelope is not None and part.envelope.excluded:
            yield part
        else:
            yield from _opened(part, features, depth + 1)


def _of_object(carried: Carried, features: Container[str]) -> list[Carried]:
    """What an object carries; nothing for one that is no envelope."""
    value, outer = carried.value, carried.envelope or Envelope()
    assert isinstance(value, Mapping)
    fields = {name: value[name] for name in (*_EVENTS, *_PAYLOADS, *_MESSAGES) if name in value}
    if any(name in features for name in fields):
        return []
    envelope = Envelope(_first(value, _TIMES) or outer.time, _first(value, _KEYS) or outer.key)
    for name, inner in fields.items():
        if not isinstance(inner, list if name in _EVENTS else str | Mapping):
            continue
        if name in _EVENTS and _is_events(inner) and (inner or name == _EVENTS[0]):
            return [_of_event(event) for event in inner] or [_other_line(carried)]
        if name in _PAYLOADS and any(field in value for field in _OF_ENTRY):
            return [_of_payload(inner, envelope)]
        if name in _MESSAGES and envelope.time is not None and value.keys() <= _OF_MESSAGE:
            return [_of_payload(inner, envelope)]
    is_entry = all(name in value and name not in features for name in _OF_EVERY_ENTRY)
    return [_other_line(carried)] if is_entry else []


def _is_events(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(event, Mapping) and "message" in event for event in value
    )


def _of_event(event: Any) -> Carried:
    return _of_payload(event["message"], Envelope(_first(event, _TIMES), _first(event, _KEYS)))


def _of_payload(value: Any, envelope: Envelope) -> Carried:
    """A record of what a service carries: an object, or a text that holds the JSON of one."""
    if isinstance(value, Mapping):
        return Carried(value, payload_of(value), envelope)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return _of_json(value.strip().encode("utf-8", "surrogatepass"), envelope)
    return _other_line(Carried({}, payload_of(value)))


def _of_json(text: bytes, envelope: Envelope) -> Carried:
    try:
        return Carried(json_text.load_object(text), text, envelope)
    except BadRecordError as error:
        return Carried(error, text, envelope)


def _of_text(carried: Carried) -> list[Carried]:
    """What a line carries that is no object of JSON; nothing for one that is just broken."""
    text, envelope = carried.payload, carried.envelope or Envelope()
    if text.startswith(b"["):
        return _of_array(text, envelope)
    if text.startswith(b"{") and b'"logEvents"' in text:
        return _of_objects(text, envelope)
    if match := _EXPORTED.match(text):
        message, timed = text[match.end() :], Envelope(match[1].decode(), envelope.key)
        return [_of_json(message, timed) if message.startswith(b"{") else _other_line(carried)]
    return []


def _of_array(text: bytes, envelope: Envelope) -> list[Carried]:
    """The records of an array of objects."""
    try:
        values = json_text.load(text)
    except BadRecordError:
        return []
    if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
        return []
    if len(values) > MAX_INSTANCES:
        detail = f"expected at most {MAX_INSTANCES:,} records in an array; got {len(values):,}"
        return [Carried(BadRecordError(RECORD_TOO_LARGE, detail), b"")]
    return [Carried(value, payload_of(value), envelope) for value in values]


def _of_objects(text: bytes, envelope: Envelope) -> list[Carried]:
    """The objects of JSON that stand on one line without anything between them."""
    rest, decoder, position = text.decode("utf-8", "surrogateescape"), json.JSONDecoder(), 0
    parts: list[Carried] = []
    try:
        while position < len(rest):
            _, end = decoder.raw_decode(rest, position)
            parts.append(_of_json(rest[position:end].encode("utf-8", "surrogateescape"), envelope))
            position = end
    except (ValueError, RecursionError):
        return []
    return parts if len(parts) > 1 else []


def _other_line(carried: Carried) -> Carried:
    error = BadRecordError(OTHER_LINE, "a line of a log that is no JSON")
    return Carried(error, carried.payload, Envelope(excluded=OTHER_LINE))


def _first(value: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)
