"""`ai_platform`: rows of AI Platform Prediction's request-response log, a BigQuery table or an export of it.

The table's columns are `model`, `model_version` and `raw_data` (STRING), `time` (TIMESTAMP), and
`raw_prediction` and `groundtruth` (STRING, may be null). `raw_data` is the JSON text of the request's body,
with `instances`; `raw_prediction` that of the response's, with `predictions`. `groundtruth` is what people
or a job add later, for continuous evaluation; it is no part of the request and not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueserve.transforms.logs.bodies.instances import Bodies
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.request import Request
from trueserve.transforms.logs.rows.log_fields import answers_of, first_text, text_of
from trueserve.transforms.logs.rows.parse_time import micros_of


class AiPlatformParser:
    """See `request.RequestParser`. Responses are looked at only where the settings ask for them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bodies = Bodies(settings)

    def parse(self, record: Mapping[str, Any]) -> Request | None:
        """See `request.RequestParser.parse`. Raises BadRecordError as `Bodies.read` does."""
        instances, body = self._bodies.read(record.get("raw_data"))
        wanted = self._settings.responses
        return Request(
            instances=instances,
            time=micros_of(record.get("time")),
            model=text_of(record.get("model")),
            version=text_of(record.get("model_version")),
            signature=first_text(body, ("signature_name",)),
            responses=answers_of(record.get("raw_prediction"), len(instances)) if wanted else None,
        )
