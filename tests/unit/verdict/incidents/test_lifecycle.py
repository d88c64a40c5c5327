"""Incidents over the windows: states, ids that last, and what somebody accepts."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from trueserve.transforms.verdict.incidents import lifecycle
from trueserve.transforms.verdict.incidents.acknowledged import Acknowledged
from trueserve.transforms.verdict.incidents.coverage import Coverage
from trueserve.transforms.verdict.incidents.incident import (
    FeatureOfSpace,
    Incident,
    IncidentKind,
    IncidentState,
)
from trueserve.transforms.verdict.model import Severity, Space

NEW, ONGOING, WORSE = IncidentState.NEW, IncidentState.ONGOING, IncidentState.WORSE
BETTER, RESOLVED, NOT_COMPARED = IncidentState.BETTER, IncidentState.RESOLVED, IncidentState.NOT_COMPARED
FIRST, SECOND = (dt.datetime(2024, 5, day, tzinfo=dt.UTC) for day in (1, 2))


def raw(*names: str) -> tuple[FeatureOfSpace, ...]:
    return tuple(FeatureOfSpace(Space.RAW, name) for name in names)


def incident(name: str = "miles-00000a", *features: str, **more: Any) -> Incident:
    values: dict[str, Any] = {
        "kind": IncidentKind.PIPELINE,
        "key": "scale: x 1.609",
        "title": "miles is training x 1.609",
        "severity": Severity.ERROR,
        "what_to_do": "Look.",
        "features": raw(*(features or ("miles",))),
        "metric": "total_variation",
        "effect": 0.3,
        "least_effect": 0.025,
        "effective_rows": 10_000,
        "first_start": SECOND,
        "findings": 1,
        **more,
    }
    return Incident(id=name, **values)


def old(name: str = "miles-00000b", *features: str, **more: Any) -> Incident:
    return incident(name, *features, first_start=FIRST, **more)


def follow(
    now: list[Incident],
    before: list[Incident],
    *entries: Acknowledged,
    compared: tuple[str, ...] = ("miles", "temp"),
    start: dt.datetime | None = SECOND,
) -> list[Incident]:
    names = frozenset(raw(*compared))
    coverage = Coverage(names, names, spaces=frozenset({Space.RAW}), left_out=frozenset(raw("miles")) - names)
    return list(lifecycle.followed(now, before, coverage, entries, start))


def test_one_that_nobody_has_seen_is_new() -> None:
    assert follow([incident()], []) == [incident()]


def test_one_that_lasts_keeps_its_id_and_its_beginning() -> None:
    [only] = follow([incident()], [old()])
    assert (only.id, only.first_start, only.state) == ("miles-00000b", FIRST, ONGOING)


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        (0.30, 0.35, ONGOING),  # a sixth more
        (0.30, 0.37, WORSE),
        (0.37, 0.30, BETTER),
        (0.026, 0.035, ONGOING),  # a third more, which chance makes of 10,000 rows
        (None, 0.35, ONGOING),
    ],
)
def test_worse_is_more_than_a_fifth_and_more_than_chance(
    before: float | None, after: float, state: IncidentState
) -> None:
    [only] = follow([incident(effect=after)], [old(effect=before)])
    assert only.state is state


def test_effects_of_other_metrics_are_not_compared() -> None:
    [only] = follow([incident(effect=0.9, metric="unseen_share")], [old(effect=0.1)])
    assert only.state is ONGOING


def test_a_severer_one_is_worse() -> None:
    warning, error = Severity.WARNING, Severity.ERROR
    assert follow([incident(severity=error)], [old(severity=warning)])[0].state is WORSE
    assert follow([incident(severity=warning)], [old(severity=error)])[0].state is BETTER


def test_a_diagnosis_may_differ_from_night_to_night() -> None:
    now = incident("temp-000001", "temp", "humid", key="moved", kind=IncidentKind.POPULATION)
    [only] = follow([now], [old("temp-000002", "temp", "humid", key="scale: x 2")])
    assert (only.id, only.state) == ("temp-000002", ONGOING)


def test_another_cause_of_another_feature_is_new() -> None:
    states = {each.id: each.state for each in follow([incident("t-000001", "temp")], [old()])}
    assert states == {"t-000001": NEW, "miles-00000b": RESOLVED}


def test_the_same_cause_goes_before_the_same_features() -> None:
    now = [incident("x-000001", "miles", key="other"), incident("x-000002", "miles", "temp")]
    by_id = {each.id: each for each in follow(now, [old()])}
    assert by_id.keys() == {"x-000001", "miles-00000b"}
    assert by_id["miles-00000b"].features == raw("miles", "temp")


def test_one_is_over_only_if_its_features_were_compared() -> None:
    assert follow([], [old()])[0].state is RESOLVED
    [gone] = follow([], [old()], compared=("temp",))
    assert (gone.state, gone.findings) == (NOT_COMPARED, 0)
    # It lasts until a window shows that it does not.
    assert follow([], [gone])[0].state is RESOLVED
    assert follow([], [dataclasses.replace(old(), state=RESOLVED)]) == []


UNTIL = Acknowledged("miles-00000b", dt.date(2024, 5, 10), "known")


def test_what_is_acknowledged_is_accepted_until_its_day() -> None:
    [only] = follow([incident()], [old()], UNTIL)
    assert only.is_accepted
    assert only.acknowledged is not None
    assert (only.acknowledged.note, only.acknowledged.effect) == ("known", 0.3)
    for day, accepted in ((9, True), (10, False)):
        [only] = follow([incident()], [old()], UNTIL, start=dt.datetime(2024, 5, day, tzinfo=dt.UTC))
        assert only.is_accepted is accepted


def test_what_grows_slowly_is_held_against_what_was_accepted() -> None:
    effects, before = (0.30, 0.34, 0.38, 0.38), [old()]
    accepted = []
    for effect in effects:
        before = follow([incident(effect=effect)], before, UNTIL)
        accepted.append((before[0].is_accepted, before[0].state))
    assert accepted == [(True, ONGOING), (True, ONGOING), (False, WORSE), (False, WORSE)]


def test_what_becomes_an_error_is_no_longer_accepted() -> None:
    before = follow([incident(severity=Severity.WARNING)], [old(severity=Severity.WARNING)], UNTIL)
    for _night in range(2):
        before = follow([incident()], before, UNTIL)
        assert not before[0].is_accepted


def test_ids_that_no_incident_has_are_named() -> None:
    assert lifecycle.unknown([UNTIL], [incident()]) == ["miles-00000b"]
    assert lifecycle.unknown([UNTIL], [old()]) == []
