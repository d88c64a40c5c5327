"""Records that a log service carries: CloudWatch's and Cloud Logging's lines, and arrays of records.

- CloudWatch: `logEvents` of a subscription, several such objects on a line as Firehose puts them; lines with
  `message` and `timestamp` (`@message` and `@timestamp` of a query); lines of an export, a time before text.
- Cloud Logging: entries with `jsonPayload` or `textPayload`, and `timestamp`; those without are other lines.
- Container runtimes: lines with `log` and `stream`.
- One array of records on a line, as KServe's logger stores them.

What is carried is read as if it stood alone. A message that is no object of JSON is another line of the
program that wrote it, and excluded as `other_line`. Nothing is an envelope for a name that the schema has. An
object with a feature beside such names is a row.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.logs.bodies import json_text
from trueserve.transforms.logs.bodies.row_checks import MAX_INSTANCES
from trueserve.transforms.logs.carriers.lines import EXPORTED
from trueserve.transforms.logs.carriers.records import RECORD_TOO_LARGE, payload_of
from trueserve.transforms.logs.request import BadRecordError, Carried, Envelope, Request
from trueserve.transforms.logs.rows.log_fields import text_of
from trueserve.transforms.logs.rows.parse_time import micros_of
from trueserve.transforms.logs.rows.path_time import micros_of_path

OTHER_LINE = "other_line"
_OTHER = Carried(
    BadRecordError(OTHER_LINE, "a line of a log that is no JSON"), b"", Envelope(excluded=OTHER_LINE)
)
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
# What stands beside events in subscriptions, and in answers of the service.
_OF_SUBSCRIPTION = frozenset({"messageType", "owner", "logGroup", "logStream", "subscriptionFilters"})
_OF_EVENTS = (
    frozenset({*_EVENTS, "searchedLogStreams", "nextToken"})
    | _OF_SUBSCRIPTION
    | frozenset({"nextForwardToken", "nextBackwardToken"})
)
_OF_ENTRY = ("timestamp", "receiveTimestamp", "insertId", "logName")
_OF_EVERY_ENTRY = ("insertId", "logName")
# What stands beside a payload.
_BESIDE_PAYLOAD = frozenset({*_OF_ENTRY, "protoPayload", "severity", "resource", "labels"}) | (
    frozenset({"trace", "spanId", "traceSampled", "httpRequest", "operation", "sourceLocation", "split"})
)
_OWN = frozenset({*_TIMES, *_KEYS})
_MARKS = frozenset({*_EVENTS, *_PAYLOADS, *_MESSAGES, "insertId"})
# More than any of these services has in an object.
_MOST_FIELDS = 24
# Why a line holds no object.
_NO_OBJECTS = ("not_json", "not_an_object")
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
    if parts is None or depth >= _MAX_DEPTH:
        yield carried
        return
    for part in parts:
        if part.envelope is not None and part.envelope.excluded:
            yield part
        else:
            yield from _opened(part, features, depth + 1)


def _of_object(carried: Carried, features: Container[str]) -> Iterable[Carried] | None:
    """What an object carries; None for one that is no envelope."""
    value, outer = carried.value, carried.envelope or Envelope()
    assert isinstance(value, Mapping)
    is_entry = all(name in value and name not in features for name in _OF_EVERY_ENTRY)
    if _is_row(value, features, is_entry):
        return None
    envelope = Envelope(_first(value, _TIMES) or outer.time, _first(value, _KEYS) or outer.key)
    for name in (*_EVENTS, *_PAYLOADS, *_MESSAGES):
        inner = value.get(name)
        if not isinstance(inner, list if name in _EVENTS else str | Mapping):
            continue
        if name in _EVENTS and _is_events(name, inner, value):
            return _of_events(inner)
        if name in _PAYLOADS and any(field in value for field in _OF_ENTRY):
            return [_of_payload(inner, envelope)]
        if name in _MESSAGES and envelope.time is not None and value.keys() <= _OF_MESSAGE:
            return [_of_payload(inner, envelope)]
    return [_OTHER] if is_entry else None


def _is_row(value: Mapping[str, Any], features: Container[str], is_entry: bool) -> bool:
    """Whether an object has a feature, other than by a name that envelopes of its kind have, too."""
    own = _OWN | _BESIDE_PAYLOAD if is_entry else _OWN
    if "messageType" in value and _EVENTS[0] in value:
        own = own | _OF_SUBSCRIPTION
    return any(name in features for name in value.keys() - own)


def _is_events(name: str, events: Any, value: Mapping[str, Any]) -> bool:
    """Whether a list is one of events. `logEvents` is nobody else's name; `events` may be."""
    if name != _EVENTS[0] and not (events and value.keys() <= _OF_EVENTS):
        return False
    return all(isinstance(event, Mapping) and "message" in event for event in events)


def _of_events(events: Sequence[Any]) -> Iterable[Carried]:
    if len(events) > MAX_INSTANCES:
        return [_too_many("events in an object", len(events))]
    return map(_of_event, events) if events else [_OTHER]


def _of_event(event: Any) -> Carried:
    return _of_payload(event["message"], Envelope(_first(event, _TIMES), _first(event, _KEYS)))


def _of_payload(value: Any, envelope: Envelope) -> Carried:
    """A record of what a service carries: an object, or a text that holds the JSON of one."""
    if isinstance(value, Mapping):
        return Carried(value, payload_of(value), envelope)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return _of_json(value.strip().encode("utf-8", "surrogatepass"), envelope)
    return _OTHER


def _of_json(text: bytes, envelope: Envelope) -> Carried:
    try:
        return Carried(json_text.load_object(text), text, envelope)
    except BadRecordError as error:
        return Carried(error, text, envelope)


def _of_text(carried: Carried) -> Iterable[Carried] | None:
    """What a line carries that is no object of JSON; None for one that is just broken."""
    text, envelope = carried.payload, carried.envelope or Envelope()
    if text.startswith(b"["):
        return _of_array(text, envelope)
    if text.startswith(b"{") and b'"logEvents"' in text:
        return _of_objects(text, envelope)
    if match := EXPORTED.match(text):
        message, timed = text[match.end() :], Envelope(match[1].decode(), envelope.key)
        return [_of_json(message, timed) if message.startswith(b"{") else _OTHER]
    return None


def _of_array(text: bytes, envelope: Envelope) -> Iterable[Carried] | None:
    """The records of an array of objects."""
    try:
        values = json_text.load(text)
    except BadRecordError:
        return None
    if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
        return None
    if len(values) > MAX_INSTANCES:
        return [_too_many("records in an array", len(values))]
    return (Carried(value, payload_of(value), envelope) for value in values) if values else None


def _of_objects(text: bytes, envelope: Envelope) -> Iterable[Carried] | None:
    """The objects of JSON that stand on one line without anything between them."""
    line, decoder, ends = text.decode("utf-8", "surrogateescape"), json.JSONDecoder(), [0]
    try:
        while ends[-1] < len(line):
            ends.append(decoder.raw_decode(line, ends[-1])[1])
            if len(ends) > MAX_INSTANCES + 1:
                return [_too_many("objects on a line")]
    except (ValueError, RecursionError):
        return None
    # Each is read again when its turn comes: all of them at once would take too much memory.
    parts = (line[start:end].encode("utf-8", "surrogateescape") for start, end in itertools.pairwise(ends))
    return (_of_json(part, envelope) for part in parts) if len(ends) > 2 else None


def _too_many(what: str, count: int | None = None) -> Carried:
    got = "more" if count is None else f"{count:,}"
    detail = f"expected at most {MAX_INSTANCES:,} {what}; got {got}"
    return Carried(BadRecordError(RECORD_TOO_LARGE, detail), b"")


def _first(value: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)
