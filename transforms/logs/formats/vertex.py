"""`vertex`: rows of a Vertex AI endpoint's request-response log, a BigQuery table or an export of it.

The table's columns are `endpoint` and `deployed_model_id` (STRING), `logging_time` (TIMESTAMP), `request_id`
(NUMERIC), and `request_payload` and `response_payload` (STRING, repeated). An element of `request_payload`
is the JSON text of one instance, an element of `response_payload` that of its prediction; what was sent with
`rawPredict` stands as one element that is the whole body. Both are read, in one row too. CSV has no repeated
fields: there the cell is the JSON text of a list, as TO_JSON_STRING gives it.

The endpoint stands for the model, and the deployed model for its version: a model that is deployed again
gets another id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trueserve.transforms.logs.bodies import json_text
from trueserve.transforms.logs.bodies.instances import Bodies
from trueserve.transforms.logs.bodies.row_checks import NOT_A_REQUEST, all_rows
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.request import BadRecordError, Request
from trueserve.transforms.logs.rows.log_fields import answers_of, first_text, text_of
from trueserve.transforms.logs.rows.parse_time import micros_of


class VertexParser:
    """See `request.RequestParser`. Responses are looked at only where the settings ask for them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bodies = Bodies(settings)

    def parse(self, record: Mapping[str, Any]) -> Request | None:
        """See `request.RequestParser.parse`. Raises BadRecordError as `Bodies.instances` does."""
        elements = _elements(record.get("request_payload"))
        bodies = self._bodies_of(elements)
        instances = self._instances(elements, any_body=bool(bodies))
        wanted = self._settings.responses
        return Request(
            instances=instances,
            time=micros_of(record.get("logging_time")),
            model=text_of(record.get("endpoint")),
            version=text_of(record.get("deployed_model_id")),
            signature=first_text(bodies[0], ("signature_name",)) if bodies else None,
            request_id=text_of(record.get("request_id")),
            responses=_answers(record.get("response_payload"), len(instances)) if wanted else None,
        )

    def _bodies_of(self, elements: Sequence[Any]) -> Sequence[Any]:
        """The elements that are no instances. An object of columns may be all that was sent."""
        if len(elements) == 1 and self._bodies.is_columns(elements[0]):
            return elements
        return [element for element in elements if self._bodies.is_body(element)]

    def _instances(self, elements: Sequence[Any], *, any_body: bool) -> Sequence[Mapping[str, Any]]:
        if not any_body:
            return self._bodies.instances({"instances": elements})
        if len(elements) == 1:
            return self._bodies.instances(elements[0])
        of_one = (e if self._bodies.is_body(e) else {"instances": [e]} for e in elements)
        return all_rows(self._bodies.instances(body) for body in of_one)


def _elements(payload: Any) -> list[Any]:
    """The JSON values of a repeated field. Raises BadRecordError."""
    values = json_text.load(payload) if isinstance(payload, str | bytes) else payload
    if values is None:
        raise BadRecordError(NOT_A_REQUEST, "expected instances in request_payload; there is nothing")
    if not isinstance(values, list):
        return [values]
    return [json_text.load(element) if isinstance(element, str | bytes) else element for element in values]


def _answers(payload: Any, rows: int) -> Sequence[Any] | None:
    try:
        elements = _elements(payload)
    except BadRecordError:
        return None
    row_answers = answers_of(elements[0], rows) if len(elements) == 1 else None
    return row_answers if row_answers is not None else elements if len(elements) == rows else None
