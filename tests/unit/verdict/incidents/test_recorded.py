"""Incidents of verdict.json read back: the same, or left out where anybody broke them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from trueserve.transforms.verdict.incidents import recorded
from trueserve.transforms.verdict.incidents.incident import (
    Acknowledgement,
    FeatureOfSpace,
    Incident,
    IncidentKind,
    IncidentState,
)
from trueserve.transforms.verdict.model import Severity, Space

LASTING = Incident(
    "miles-00000a",
    IncidentKind.PIPELINE,
    "scale",
    "a title",
    Severity.ERROR,
    "Look.",
    (FeatureOfSpace(Space.RAW, "miles"),),
    0.5,
    "total_variation",
    0.3,
    0.025,
    1_000,
    IncidentState.WORSE,
    dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
    4,
    Acknowledgement(dt.date(2024, 6, 1), "known", "total_variation", 0.2, Severity.ERROR, False),
)
BARE = Incident("replay-00000b", IncidentKind.MODEL, "replay", "t", Severity.WARNING, "Look.")


def document(*values: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps({"incidents": list(values)}))
    return made


def test_what_was_written_is_read() -> None:
    assert recorded.parsed(document(LASTING.to_json(), BARE.to_json())) == (LASTING, BARE)


@pytest.mark.parametrize("value", [None, {}, "text", 7])
def test_a_verdict_without_incidents_has_none(value: object) -> None:
    assert recorded.parsed({"incidents": value}) == ()
    assert recorded.parsed({}) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", 7),
        ("kind", "magic"),
        ("title", "x" * 100_000),
        ("severity", []),
        ("features", [{"feature": "a"}]),
        ("features", None),
        ("effect", "much"),
        ("effect", float("nan")),
        ("since", "yesterday"),
        ("acknowledged", {"until": "soon"}),
        ("findings", float("inf")),
    ],
)
def test_a_broken_one_is_left_out(key: str, value: object) -> None:
    broken = {**LASTING.to_json(), key: value}
    assert recorded.parsed({"incidents": [broken, None, BARE.to_json()]}) == (BARE,)
