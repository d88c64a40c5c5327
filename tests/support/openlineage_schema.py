"""What OpenLineage asks of an event, written down from its specification 2-0-2 as a JSON schema of ours.

It is stricter than the published schemas: each facet that this product sends is listed with its version, and
no other key may stand in an event.
"""

from __future__ import annotations

from typing import Any

import jsonschema  # type: ignore[import-untyped]

_TEXT = {"type": "string", "minLength": 1}
_TIME = {"type": "string", "format": "date-time", "pattern": r"(Z|[+-]\d\d:\d\d)$"}
_SEVERITY = {"enum": ["error", "warn"]}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def _facet(
    name: str, version: str, required: dict[str, Any], optional: dict[str, Any] | None = None
) -> dict[str, Any]:
    url = f"https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}"
    base = {"_producer": {"type": "string", "format": "uri"}, "_schemaURL": {"const": url}}
    return _object({**base, **required}, optional)


_NUMBERS = {"expected": _TEXT, "actual": _TEXT}
_ASSERTION = _object(
    {"assertion": _TEXT, "success": {"type": "boolean"}},
    {"column": _TEXT, "severity": _SEVERITY, **_NUMBERS},
)
_TEST = _object(
    {"name": _TEXT, "status": {"enum": ["pass", "fail", "skip"]}},
    {"severity": _SEVERITY, "type": _TEXT, **_NUMBERS},
)
_RUN_FACETS = _object(
    {},
    {
        "nominalTime": _facet(
            "NominalTimeRunFacet", "1-0-1", {"nominalStartTime": _TIME}, {"nominalEndTime": _TIME}
        ),
        "test": _facet("TestRunFacet", "1-0-1", {"tests": {"type": "array", "items": _TEST}}),
        "errorMessage": _facet(
            "ErrorMessageRunFacet", "1-0-1", {"message": _TEXT, "programmingLanguage": _TEXT}
        ),
    },
)
_JOB_FACETS = _object(
    {},
    {
        "jobType": _facet(
            "JobTypeJobFacet",
            "2-0-4",
            {"processingType": {"enum": ["BATCH", "STREAMING", "SERVICE"]}, "integration": _TEXT},
            {"jobType": _TEXT},
        )
    },
)
_INPUT_FACETS = _object(
    {},
    {
        "dataQualityAssertions": _facet(
            "DataQualityAssertionsDatasetFacet",
            "1-1-0",
            {"assertions": {"type": "array", "items": _ASSERTION}},
        ),
        "inputStatistics": _facet(
            "InputStatisticsInputDatasetFacet", "1-0-0", {"rowCount": {"type": "integer", "minimum": 0}}
        ),
    },
)
_DATASET = {"namespace": _TEXT, "name": _TEXT}
_EVENT = _object(
    {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": _TIME,
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"const": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"},
        "run": _object({"runId": {"type": "string", "format": "uuid"}}, {"facets": _RUN_FACETS}),
        "job": _object({"namespace": _TEXT, "name": _TEXT}, {"facets": _JOB_FACETS}),
    },
    {
        "inputs": {"type": "array", "items": _object(_DATASET, {"inputFacets": _INPUT_FACETS})},
        "outputs": {"type": "array", "items": _object(_DATASET)},
    },
)
RUN_EVENT = jsonschema.Draft202012Validator(_EVENT, format_checker=jsonschema.FormatChecker())
