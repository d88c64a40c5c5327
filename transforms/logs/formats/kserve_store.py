"""What KServe's inference logger writes to a blob store itself: records of a request or an answer.

An object of a store is one array of them as JSON, or a table of CSV or Parquet with a header. Fields are
named as Go has them (`ReqType`), or as the tables do (`reqType`, `req_type`). The body is base64, but bytes
in Parquet. A record has no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from trueserve.transforms.logs.bodies import json_text
from trueserve.transforms.logs.bodies.encodings import from_base64
from trueserve.transforms.logs.request import BadRecordError

# Attributes of CloudEvents, by the fields that say the same.
_ATTRIBUTES = {
    "type": "reqtype",
    "id": "id",
    "inferenceservicename": "inferenceservice",
    "namespace": "namespace",
    "component": "component",
    "endpoint": "endpoint",
}
_SERVICE = frozenset({"InferenceService", "inferenceService", "inferenceservice", "inference_service"})


class Event(NamedTuple):
    """A logged request or answer.

    Attributes:
      attributes: those of a CloudEvent, their names in lower case without prefix.
      body: as it stands in the log; None where it has none.
      headers: of the request, as far as they were logged.
      is_stored: whether it is of a blob store.
    """

    attributes: Mapping[str, Any]
    body: Any
    headers: Mapping[str, Any]
    is_stored: bool = False


def is_stored(record: Mapping[str, Any]) -> bool:
    """Whether a record is one of a blob store."""
    # Asked of every event: a loop over the names takes as long as all else.
    if not ("ReqType" in record or "reqType" in record or "req_type" in record):
        return False
    # A web server's table may have columns like the other two.
    has_body = "Bytes" in record or "bytes" in record
    return has_body and not _SERVICE.isdisjoint(record)


def stored_event(record: Mapping[str, Any]) -> Event:
    """The event that a record of a blob store is. Raises BadRecordError: `bad_base64`."""
    fields = {name.lower().replace("_", ""): value for name, value in record.items()}
    headers = _mapping(fields.get("metadata"))
    by_name = {str(name).lower(): value for name, value in headers.items()}
    attributes = {name: fields.get(field) for name, field in _ATTRIBUTES.items()}
    time = by_name.get("ce-time") or fields.get("time")
    attributes |= {"source": _url(fields.get("sourceuri")), "time": _first_of_list(time)}
    return Event(attributes, _bytes(fields.get("bytes")), headers, is_stored=True)


def _bytes(value: Any) -> Any:
    """The body of base64; what is bytes, or JSON as it is, stays."""
    if not isinstance(value, str) or value.lstrip()[:1] in ("{", "["):
        return value
    text = value.strip().strip('"')
    return from_base64(text, "expected base64 in the record's bytes") if text else None


def _mapping(value: Any) -> Mapping[str, Any]:
    """Headers as an object, its JSON text, or pairs, as Parquet's maps come."""
    if isinstance(value, str):
        try:
            value = json_text.load(value)
        except BadRecordError:
            return {}
    if isinstance(value, list) and all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in value):
        return {str(name): item for name, item in value}
    return value if isinstance(value, Mapping) else {}


def _url(value: Any) -> Any:
    """A URL as text, or as Go's struct of its parts."""
    if not isinstance(value, Mapping):
        return value
    scheme, host, path = (value.get(name) or "" for name in ("Scheme", "Host", "Path"))
    return f"{scheme}://{host}{path}" if scheme or host else None


def _first_of_list(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value
