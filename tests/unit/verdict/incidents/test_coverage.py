"""What a window could have shown: nothing that it did not look for is said to be over."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.page import make_verdict

from trueserve.transforms.verdict.incidents import coverage
from trueserve.transforms.verdict.incidents.causes import MISSING, MOVED, NEW_COLUMNS, PERFORMANCE
from trueserve.transforms.verdict.incidents.incident import FeatureOfSpace, Incident, IncidentKind
from trueserve.transforms.verdict.model import FeatureNumbers, NotCompared, Severity, Space
from trueserve.transforms.verdict.result import SliceVerdict, VerdictOutcome


def incident(key: str, *names: str, kind: IncidentKind = IncidentKind.PIPELINE, **more: Any) -> Incident:
    features = tuple(FeatureOfSpace(Space.RAW, name) for name in names)
    return Incident("a-000001", kind, key, "title", Severity.ERROR, "Look.", features, **more)


VERDICT = dataclasses.replace(
    make_verdict("ok", (), (NotCompared("few", Space.RAW, "too few values"),)),
    features=(
        FeatureNumbers("miles", Space.RAW, 990, 0.0, 0.0, metric="kolmogorov_smirnov"),
        FeatureNumbers("few", Space.RAW, 990, 0.9, 0.9),
    ),
    slices=(
        SliceVerdict("version=2", 500, VerdictOutcome.OK),
        SliceVerdict("hour=3", 50, VerdictOutcome.NOT_EXAMINED),
    ),
    dependence={"compared": ["miles"]},
)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (incident(MOVED, "miles"), True),
        (incident(MOVED, "few"), False),
        (incident(MOVED, "miles", "few"), False),
        # Of what is not compared the missing rows are counted all the same.
        (incident(MISSING, "few"), True),
        (incident(MISSING, "gone"), False),
        # A new column that came no more is nowhere.
        (incident(NEW_COLUMNS, "gone", kind=IncidentKind.VALUES), True),
        (incident("dependence", "miles"), True),
        (incident("dependence", "few"), False),
        (incident(MOVED, "miles", sliced_by="version"), True),
        (incident(MOVED, "miles", sliced_by="hour"), False),
        (incident(MOVED, "miles", sliced_by="version,hour"), False),
        (incident("replay", kind=IncidentKind.MODEL), False),
        (incident("contract", kind=IncidentKind.MODEL), False),
        (incident(PERFORMANCE, kind=IncidentKind.PREDICTIONS), False),
        (incident("drift", "miles", kind=IncidentKind.DRIFT), False),
        (incident("repeated_rows", kind=IncidentKind.OTHER), True),
    ],
)
def test_what_the_window_would_show(of: Incident, expected: bool) -> None:
    assert coverage.of_verdict(VERDICT).shows(of) is expected


@pytest.mark.parametrize(
    ("block", "of"),
    [
        ({"replay": {}}, incident("replay", kind=IncidentKind.MODEL)),
        ({"versions": []}, incident("contract", kind=IncidentKind.MODEL)),
        ({"performance": {"metrics": {"auc": {}}}}, incident(PERFORMANCE, kind=IncidentKind.PREDICTIONS)),
        ({"previous": {"run": "r"}}, incident("drift", "miles", kind=IncidentKind.DRIFT)),
    ],
)
def test_a_check_that_was_made_shows_its_incidents(block: dict[str, Any], of: Incident) -> None:
    assert coverage.of_verdict(dataclasses.replace(VERDICT, **block)).shows(of)


def test_a_window_that_looked_at_nothing_shows_nothing() -> None:
    looked = coverage.of_verdict(make_verdict("ok"))
    for key in (MOVED, MISSING, NEW_COLUMNS, "dependence"):
        assert not looked.shows(incident(key, "miles"))
