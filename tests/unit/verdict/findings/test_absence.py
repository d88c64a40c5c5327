"""Features that no row served has: one finding where they are most, and never called constant."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from trueserve.transforms.verdict.findings import absence as absences
from trueserve.transforms.verdict.findings.absence import MOST_ABSENT, Absence
from trueserve.transforms.verdict.model import (
    ComparisonResult,
    Finding,
    FindingKind,
    NotCompared,
    Severity,
    Space,
)
from trueserve.transforms.verdict.severity import Policy

CONSTANT = "the feature is constant, one value for all of 'a'; in training 0.1 % of values are this value"


def finding(feature: str, severity: Severity = Severity.ERROR, **fields: Any) -> Finding:
    plain: dict[str, Any] = {
        "space": Space.RAW,
        "kind": FindingKind.PRESENCE,
        "metric": "m",
        "message": "gone",
    }
    return Finding(feature=feature, severity=severity, **{**plain, **fields})


def made(feature: str, *raw: str, message: str = CONSTANT, **fields: Any) -> Finding:
    more = {"space": Space.TRANSFORMED, "kind": FindingKind.DISTRIBUTION, **fields}
    return finding(feature, raw_features=raw, message=message, **more)


def comparison(absent: str, measured: str, **left_out: str) -> ComparisonResult:
    reasons = dict.fromkeys(absent, "absent in serving") | left_out
    return ComparisonResult(
        (),
        tuple(NotCompared(name, Space.RAW, reason) for name, reason in reasons.items()),
        tuple(finding(name, Severity.INFO) for name in measured),
    )


def test_what_is_absent_by_what_could_not_be_compared() -> None:
    compared = comparison(
        "ab", "xy", l="label", t="holds the row's time", e="no values in serving", z="no skew comparator"
    )
    of_outputs = dataclasses.replace(comparison("m", "n"), space=Space.TRANSFORMED)
    assert absences.absent([compared, of_outputs], Policy()) == Absence(("a", "b", "e"), 6)
    assert absences.absent([compared], Policy(ignore=frozenset("a"))) == Absence(("b", "e"), 6)


@pytest.mark.parametrize(
    ("names", "total", "expected"), [("abcde", 9, True), ("abcde", 10, False), ("abcd", 4, False)]
)
def test_most_are_more_than_half_and_five(names: str, total: int, expected: bool) -> None:
    assert Absence(tuple(names), total).is_of_most is expected


def test_one_finding_stands_for_all_that_the_absence_explains() -> None:
    absence = Absence(tuple("abcdefg"), 9)
    others = (finding("x"), made("mixed", "a", "x"), made("own"), finding("", message="set"))
    explained = [finding("a", Severity.WARNING), finding("b"), made("a_xf", "a"), made("ab", "a", "b")]
    sliced = finding("c", Severity.WARNING, slice="version=2")
    settled = absences.settled([*explained, *others, sliced], absence)
    summaries = [each for each in settled if each.metric == MOST_ABSENT]
    assert {each for each in settled if each.metric != MOST_ABSENT} == {*others}
    assert [(each.severity, each.slice) for each in summaries] == [
        (Severity.ERROR, None),
        (Severity.WARNING, "version=2"),
    ]
    assert summaries[0].message == (
        "7 of 9 features are absent: 'a', 'b', 'c', 'd', 'e' and 2 more;"
        " is this the right baseline and format?"
    )
    assert absences.settled(others, absence) != ()
    assert MOST_ABSENT not in {each.metric for each in absences.settled(others, absence)}


def test_what_stands_for_missing_values_is_not_called_constant() -> None:
    absence = Absence(("a",), 9)
    findings = [
        made("a_xf", "a"),
        made("b_xf", "a", message=f"moved; {CONSTANT}; 3 values are NaN"),
        made("c_xf", "a", message="moved"),
        made("d_xf", "a", "x"),
        finding("a"),
    ]
    assert [each.message for each in absences.settled(findings, absence)] == [
        "made of 'a', which no row served has",
        "moved; 3 values are NaN; made of 'a', which no row served has",
        "moved",
        CONSTANT,
        "gone",
    ]
