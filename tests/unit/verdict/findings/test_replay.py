"""Findings of a replay: how much must differ, since when, and in which version."""

from __future__ import annotations

from collections import Counter

import pytest
from support.replay_rows import LIMITS, findings

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Window
from trueserve.transforms.replay.summary import Differences, ReplaySummary
from trueserve.transforms.verdict.findings.replay import compare_replay, exceeds
from trueserve.transforms.verdict.model import Severity
from trueserve.transforms.verdict.result import decide
from trueserve.transforms.verdict.severity import Policy


@pytest.mark.parametrize(
    ("differing", "noise", "bad"),
    [
        (10, 0, False),
        (11, 0, True),
        (10_000, 0, True),
        (5000, 130, False),
        (9000, 130, True),
        (10_000, 256, False),
    ],
)
def test_more_must_differ_than_by_themselves(differing: int, noise: int, *, bad: bool) -> None:
    assert exceeds(Differences(10_000, differing), Differences(256, noise), 0.001) is bad


def of_versions(**shares: float) -> ReplaySummary:
    versions: dict[str | None, Differences] = {
        name.removeprefix("v"): Differences(1000, int(1000 * share), 0, 0.5, 1.0)
        for name, share in shares.items()
    }
    total = Differences()
    for differences in versions.values():
        total = total.plus(differences)
    return ReplaySummary(rows=total.rows, total=total, versions=versions)


def test_the_version_that_differs_is_named_beside_one_that_does_not() -> None:
    [finding] = findings(of_versions(v2=0, v3=0.12))
    assert finding.severity is Severity.ERROR
    assert "version 3 answers differently in 12.0 % of rows; version 2 does not" in finding.message
    [finding] = findings(of_versions(v2=0.12, v3=0.12))
    assert "answers differently" not in finding.message
    # A canary is seen, however little traffic it has.
    by_version: dict[str | None, Differences] = {"2": Differences(10**7), "3": Differences(1000, 120)}
    few = ReplaySummary(total=Differences(10**7 + 1000, 120), versions=by_version)
    assert [finding.severity for finding in findings(few)] == [Severity.ERROR]
    assert [finding.severity for finding in findings(of_versions(v2=0.001))] == [Severity.INFO]
    assert findings(of_versions(v2=0)) == ()


def test_it_is_said_since_when() -> None:
    clean, bad = Differences(100), Differences(100, 50)
    hours: dict[int | None, Differences] = {380_000 + i: clean if i < 4 else bad for i in range(9)}
    total = Differences(900, 250)
    [finding] = findings(ReplaySummary(total=total, hours=hours))
    assert finding.message.endswith("; every hour from 2013-05-08T12:00:00Z on differs")
    [finding] = findings(ReplaySummary(total=total, hours={**hours, 380_008: clean}))
    assert "every hour" not in finding.message


def test_a_model_that_differs_from_itself_is_named_with_what_to_look_for() -> None:
    summary = ReplaySummary(total=Differences(1000, 5), again=Differences(200, 20))
    [warning] = [finding for finding in findings(summary) if finding.severity is Severity.WARNING]
    assert warning.message == (
        "the reference model differs from itself in 20 of 200 (10.0 %) rows. Differences up to this share are"
        " no evidence against the served model. Look for random ops, and for ops that depend on the other"
        " rows of the batch"
    )


def test_versions_of_strangers_cannot_steer_a_terminal() -> None:
    replay_summary = of_versions(v2=0)
    evil: dict[str | None, Differences] = {
        "\x1b[2J" + "x" * 500: Differences(1000, 500),
        "2": Differences(1000),
    }
    [finding] = findings(
        ReplaySummary(total=Differences(2000, 500), versions={**replay_summary.versions, **evil})
    )
    assert "\x1b" not in finding.message
    assert len(finding.message) < 300


def test_a_replay_of_rows_is_an_examination_and_one_of_none_is_not() -> None:
    def outcome(replay_summary: ReplaySummary) -> str:
        compared = [compare_replay(replay_summary, LIMITS, Policy())]
        return decide(Window(), Accounting(rows=5, compared=5), compared, [], Policy(), None).outcome.value

    assert outcome(ReplaySummary(rows=5, total=Differences(5))) == "ok"
    assert outcome(ReplaySummary(rows=5, total=Differences(5, 5))) == "skew"
    assert outcome(ReplaySummary(rows=5, unmatched=Counter(no_response=5))) == "not_examined"
