"""What is said of a replay: how far apart, which versions and classes, since when, and what was left out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from support.replay_rows import LIMITS, findings

from trueserve.transforms.replay import answers
from trueserve.transforms.replay.summary import Differences, OutputDifferences, ReplaySummary
from trueserve.transforms.verdict.findings.replay import compare_replay
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.severity import Policy

BAD = Differences(1000, 100)


def only(**fields: Any) -> Finding:
    [finding] = findings(ReplaySummary(**{"rows": 1000, "total": BAD, **fields}))
    return finding


def test_the_finding_has_the_shares_and_the_limit() -> None:
    finding = only()
    assert (finding.space, finding.kind, finding.metric) == (
        Space.PREDICTION,
        FindingKind.REPLAY,
        "differing_share",
    )
    assert (finding.distance, finding.threshold, finding.noise_floor) == (0.1, LIMITS.share, 0.0)
    assert finding.message == "100 of 1,000 (10.0 %) logged answers differ from the reference model's"


def test_how_far_apart_as_much_of_it_as_there_is() -> None:
    prefix = "100 of 1,000 (10.0 %) logged answers differ from the reference model's"
    assert only(total=Differences(1000, 100, 0, 0.25)).message == f"{prefix} (by up to 0.25)"
    finding = only(total=Differences(1000, 100, 1234))
    assert finding.message == f"{prefix} (1,234 with a number that is not finite on one side)"
    both = only(total=Differences(1000, 100, 1, 2.0)).message
    assert both == f"{prefix} (by up to 2, 1 with a number that is not finite on one side)"


def output(flipped: int, width: int = 1, low: float = 0.0, high: float = 1.0) -> OutputDifferences:
    return OutputDifferences(BAD, width, flipped, low, high)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"a": output(0)}, ""),
        ({"a": output(2000)}, " (2,000 classes flipped)"),
        ({"a": output(5), "b": output(7)}, " (7 classes of b flipped)"),
        ({"b": output(7), "a": output(7)}, " (7 classes of a flipped)"),
        ({"a": output(5, high=2.0)}, ""),
        ({"a": output(5, low=-0.1)}, ""),
        ({"a": output(5, width=2, high=2.0)}, " (5 classes flipped)"),
    ],
)
def test_the_output_with_the_most_flips_is_named(outputs: Any, message: str) -> None:
    assert only(outputs=outputs).message.partition("the reference model's")[2] == message


def versions(**differing: int) -> dict[str | None, Differences]:
    return {name: Differences(1000, count) for name, count in differing.items()}


@pytest.mark.parametrize(
    ("by_version", "message"),
    [
        (
            versions(a=100, b=0, c=0),
            ": version a answers differently in 10.0 % of rows; version b and version c do not",
        ),
        (
            versions(a=300, b=400, c=0),
            ": version b answers differently in 40.0 % of rows, version a answers differently in 30.0 % of"
            " rows; version c does not",
        ),
        (
            {**versions(a=0), None: BAD},
            ": a version that the log does not name answers differently in 10.0 %",
        ),
        (
            versions(a=9, b=8, c=7, d=6, e=0),
            "version c answers differently in 0.7 % of rows and 1 more; version e",
        ),
        (versions(a=9, b=0, c=0, d=0, e=0), "; version b and version c and version d and 1 more do not"),
    ],
)
def test_three_versions_of_each_kind_are_named(by_version: Any, message: str) -> None:
    assert message in only(versions=by_version).message


@pytest.mark.parametrize(("rows", "named"), [(199, False), (200, True)])
def test_a_version_of_few_rows_is_not_blamed(rows: int, named: bool) -> None:
    by_version = {**versions(b=0), "a": Differences(rows, 100)}
    assert ("version a answers differently" in only(versions=by_version).message) is named


def hours(*differing: int) -> dict[int | None, Differences]:
    return {380_000 + i: Differences(100, count) for i, count in enumerate(differing)}


@pytest.mark.parametrize(
    ("by_hour", "message"),
    [
        (hours(0, 50, 50), "; every hour from 2013-05-08T09:00:00Z on differs"),
        (hours(0, 50), "; every hour from 2013-05-08T09:00:00Z on differs"),
        ({**hours(0, 50), None: BAD}, "; every hour from 2013-05-08T09:00:00Z on differs"),
        (hours(50, 50), ""),
        (hours(0, 0), ""),
        (hours(0, 50, 0), ""),
        ({}, ""),
    ],
)
def test_since_when_is_said_where_all_hours_from_then_on_differ(by_hour: Any, message: str) -> None:
    assert only(hours=by_hour).message.partition("the reference model's")[2] == message


def test_what_differs_by_itself_is_a_warning() -> None:
    summary = ReplaySummary(rows=10, total=Differences(10), again=Differences(10, 2))
    [finding] = findings(summary)
    assert (finding.severity, finding.metric) == (Severity.WARNING, "answers_differ_by_themselves")
    assert finding.message.startswith("the reference model differs from itself in 2 of 10 (20.0 %) rows. ")


def test_rows_that_were_not_replayed_are_counted_by_their_reason() -> None:
    unmatched = Counter({answers.NO_RESPONSE: 2000, answers.OTHER_SHAPE: 3, answers.NOT_NUMBERS: 1})
    made = findings(ReplaySummary(rows=3000, total=Differences(996), unmatched=unmatched))
    assert [finding.severity for finding in made] == [Severity.INFO, Severity.WARNING, Severity.WARNING]
    assert made[0].message == "2,000 of 3,000 rows have no logged answer, or not one for each row"
    assert {finding.metric for finding in made} == {*unmatched}
    assert any(
        finding.message
        == "3 of 3,000 rows were not replayed: they have another number of values than the reference model"
        " gives"
        for finding in made
    )


def test_a_replay_of_nothing_says_why() -> None:
    unmatched = Counter({answers.NO_RESPONSE: 4, answers.OTHER_NAMES: 1})
    summary = ReplaySummary(rows=5, unmatched=unmatched)
    [finding] = findings(summary)
    assert finding.metric == "nothing_replayed"
    assert finding.message.startswith("nothing was replayed: of 5 rows none has an answer to compare (")
    compared = compare_replay(summary, LIMITS, Policy())
    assert (compared.distances, compared.nothing) == (
        (),
        "no logged answer could be compared with the reference model's",
    )
    some = compare_replay(ReplaySummary(rows=5, total=Differences(5)), LIMITS, Policy())
    assert (len(some.distances), some.nothing, findings(ReplaySummary())) == (1, "", ())
