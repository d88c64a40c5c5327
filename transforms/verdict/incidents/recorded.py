"""Incidents of an earlier verdict.json, read back.

Anybody may have written it: what makes no sense is left out.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.verdict.incidents.incident import (
    Acknowledgement,
    FeatureOfSpace,
    Incident,
    IncidentKind,
    IncidentState,
)
from trueserve.transforms.verdict.model import Severity, Space

_MOST, _LONGEST = 10_000, 2_000


def parsed(document: Mapping[str, Any]) -> tuple[Incident, ...]:
    """The incidents of a verdict; none of a verdict of format 1, which has none."""
    values = document.get("incidents")
    return tuple(_all(values[:_MOST])) if isinstance(values, list) else ()


def _all(values: list[Any]) -> Iterator[Incident]:
    for value in values:
        try:
            yield _incident(value)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            continue


def _incident(value: Mapping[str, Any]) -> Incident:
    features = tuple(
        FeatureOfSpace(Space(each["space"]), _text(each["feature"])) for each in value["features"]
    )
    return Incident(
        id=_text(value["id"]),
        kind=IncidentKind(value["kind"]),
        key=_text(value["key"]),
        title=_text(value["title"]),
        severity=Severity(value["severity"]),
        what_to_do=_text(value["what_to_do"]),
        features=features,
        share=_number(value["share"]),
        metric=None if value["metric"] is None else _text(value["metric"]),
        effect=_number(value["effect"]),
        least_effect=_number(value["least_effect"]),
        effective_rows=None if value["effective_rows"] is None else int(value["effective_rows"]),
        state=IncidentState(value["state"]),
        first_start=None if value["since"] is None else dt.datetime.fromisoformat(value["since"]),
        findings=int(value["findings"]),
        acknowledged=_acknowledged(value["acknowledged"]),
        sliced_by=_text(value["sliced_by"]),
    )


def _acknowledged(value: Mapping[str, Any] | None) -> Acknowledgement | None:
    if value is None:
        return None
    return Acknowledgement(
        dt.date.fromisoformat(value["until"]),
        _text(value["note"]),
        None if value["metric"] is None else _text(value["metric"]),
        _number(value["effect"]),
        Severity(value["severity"]),
        bool(value["is_valid"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError("expected a text")
    return value


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("expected a number")
    return number
