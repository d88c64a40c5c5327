"""`rest`: JSON lines of TF Serving's REST bodies.

TF Serving writes no such log itself; a proxy or a client does. A line is a request's body, or an envelope
around one:

- the body under `request` or `body`, as an object or as JSON text, or its `instances`, `inputs` or
  `examples` among the envelope's own fields;
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

from transforms.logs.bodies.instances import BODY_KEYS, Bodies, body_of
from transforms.logs.features import Settings
from transforms.logs.request import Request
from transforms.logs.rows.log_fields import answers_of, first_text, first_time, rate_of


class RestParser:
    """See `request.RequestParser`. Responses are looked at only where the settings ask for them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bodies = Bodies(settings)

    def parse(self, record: Mapping[str, Any]) -> Request | None:
        """See `request.RequestParser.parse`. Raises BadRecordError as `Bodies.instances` does."""
        body = _body(record)
        instances = self._bodies.instances(body)
        wanted = self._settings.responses
        return Request(
            instances=instances,
            time=first_time(record, ("time", "timestamp")),
            model=first_text(record, ("model", "model_name")),
            version=first_text(record, ("version", "model_version")),
            signature=first_text(body, ("signature_name",)) or first_text(record, ("signature_name",)),
            request_id=first_text(record, ("request_id", "id")),
            sampling_rate=rate_of(record.get("sampling_rate")),
            responses=answers_of(record.get("response"), len(instances)) if wanted else None,
        )


def _body(record: Mapping[str, Any]) -> Mapping[str, Any]:
    if any(record.get(key) is not None for key in BODY_KEYS):
        return record
    bodies = (record[key] for key in ("request", "body") if record.get(key) is not None)
    return body_of(next(bodies, None))
