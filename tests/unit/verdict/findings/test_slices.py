"""Slices are compared each on its own: which, with what share of false alarms, and over how long a time."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.slicing import SliceStatistics
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.findings import slices
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Slice, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
POLICY = Policy(false_alarms=0.006, natural_alarms=0.012)
MOVED = Finding("x", Space.RAW, FindingKind.DISTRIBUTION, Severity.ERROR, "ks", "it moved")


def reference(space: Space = Space.RAW) -> Reference:
    return Reference(schema_pb2.Schema(), Statistics(), space, trained_on=hand_made.statistics(9))


def of_slices(**rows: int) -> SliceStatistics:
    made = Statistics()
    for name, count in rows.items():
        made.datasets.add(name=name, num_examples=count)
    return SliceStatistics(made, dict(rows))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is compared: reference, data set, policy, forms and span."""
    made: list[Any] = []

    def compare(*arguments: Any) -> ComparisonResult:
        made.append(arguments)
        return ComparisonResult((MOVED,), ())

    monkeypatch.setattr(slices, "compare_space", compare)
    return made


def test_each_slice_is_compared_with_the_whole_baseline(calls: list[Any]) -> None:
    made = slices.compare_slices([reference()], {Space.RAW: of_slices(a=7, b=5, c=3)}, POLICY, DAY)
    moved = [dataclasses.replace(MOVED, slice=name) for name in "abc"]
    assert made == tuple(Slice(f.slice or "", rows, (f,)) for f, rows in zip(moved, (7, 5, 3), strict=True))
    for (against, served, policy, forms, span), name in zip(calls, "abc", strict=True):
        assert [data_set.name for data_set in served.datasets] == [name]
        # What training was augmented with is said once, of all rows.
        assert (against.trained_on, forms, span) == (None, Counter(), DAY)
        # All together may raise as many false alarms as one comparison.
        assert policy.false_alarms == pytest.approx(0.002)
        assert policy.natural_alarms == pytest.approx(0.004)


def test_one_slice_has_all_false_alarms_to_itself(calls: list[Any]) -> None:
    slices.compare_slices([reference()], {Space.RAW: of_slices(a=7)}, POLICY)
    [(_, _, policy, _, span)] = calls
    assert (policy, span) == (POLICY, None)


def test_a_slice_has_statistics_in_every_space_that_is_compared(calls: list[Any]) -> None:
    both = {Space.RAW: of_slices(a=7, b=5), Space.TRANSFORMED: of_slices(b=5, c=3)}
    references = [reference(), reference(Space.TRANSFORMED), reference(Space.PREDICTION)]
    made = slices.compare_slices(references, both, POLICY)
    assert [(part.name, part.rows, len(part.findings)) for part in made] == [("b", 5, 2)]
    assert [call[0].space for call in calls] == [Space.RAW, Space.TRANSFORMED]
    assert slices.compare_slices(references, {}, POLICY) == ()
    assert slices.compare_slices(references, {Space.RAW: of_slices()}, POLICY) == ()


@pytest.mark.parametrize(
    ("lasts", "span", "expected"),
    [(None, None, None), (None, DAY, DAY), (HOUR, None, HOUR), (HOUR, DAY, HOUR), (DAY, HOUR, HOUR)],
)
def test_a_slice_of_an_hour_lasted_no_longer(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch, lasts: Any, span: Any, expected: Any
) -> None:
    monkeypatch.setattr("trueserve.transforms.core.slicing.lasts", lambda _: lasts)
    slices.compare_slices([reference()], {Space.RAW: of_slices(a=7)}, POLICY, span)
    assert [call[4] for call in calls] == [expected]
