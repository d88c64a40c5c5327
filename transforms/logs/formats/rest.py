"""`rest`: JSON lines of TF Serving's REST bodies.

TF Serving writes no such log itself; a proxy or a client does. A line is a request's body, or an envelope
around one:

- the body under `request` or `body`, as an object, as JSON text or as it was sent, in gzip and base64; or its
  fields (`instances`, `inputs`, ...) among the envelope's own;
- `headers` of the request, of which `Content-Encoding` counts;
- `time` or `timestamp`: ISO 8601, or a number since 1970;
- `model` or `model_name`; `version` or `model_version`; `request_id` or `id`;
- `signature_name`, where the body has none;
- `sampling_rate`: the fraction of requests that are logged, from 0 (unset) to 1;
- `response`: the response's body, with `predictions`, `outputs`, `results` or `error`. A request that was
  answered with an error is a request.

See `bodies` for what bodies hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueserve.transforms.logs.bodies.instances import BODY_KEYS, Bodies, Body
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.request import Request
from trueserve.transforms.logs.rows.log_fields import answers_of, first_text, first_time, rate_of

_ENVELOPES = ("request", "body")
_TIME = ("time", "timestamp")
_MODEL = ("model", "model_name")
_VERSION = ("version", "model_version")
_ID = ("request_id", "id")
# What may stand beside a body in one object with it.
_FIELDS = frozenset(
    {*_ENVELOPES, *_TIME, *_MODEL, *_VERSION, *_ID, "signature_name", "sampling_rate", "headers", "response"}
)


class RestParser:
    """See `request.RequestParser`. Responses are looked at only where the settings ask for them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bodies = Bodies(settings)

    def parse(self, record: Mapping[str, Any]) -> Request | None:
        """See `request.RequestParser.parse`. Raises BadRecordError as `Bodies.read` does."""
        instances, body = self._body(record)
        wanted = self._settings.responses
        return Request(
            instances=instances,
            time=first_time(record, _TIME),
            model=first_text(record, _MODEL),
            version=first_text(record, _VERSION),
            signature=first_text(body, ("signature_name",)) or first_text(record, ("signature_name",)),
            request_id=first_text(record, _ID),
            sampling_rate=rate_of(record.get("sampling_rate")),
            responses=answers_of(record.get("response"), len(instances)) if wanted else None,
        )

    def _body(self, record: Mapping[str, Any]) -> Body:
        if any(record.get(key) is not None for key in BODY_KEYS):
            return Body(self._bodies.instances(record), record)
        for key in _ENVELOPES:
            if (body := record.get(key)) is not None:
                return self._bodies.read(body, record.get("headers"))
        return Body(self._bodies.instances(self._bodies.without(_FIELDS, record)), record)
