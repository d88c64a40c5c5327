"""A verdict with its incidents: what is accepted does not fail the run, and nothing else is let through."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from support.page import make_finding, make_verdict

from trueserve.transforms.verdict.incidents.acknowledged import Acknowledged
from trueserve.transforms.verdict.incidents.incident import Incident, IncidentState
from trueserve.transforms.verdict.incidents.judged import with_incidents
from trueserve.transforms.verdict.model import FeatureNumbers, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.result import Verdict, VerdictOutcome
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.thresholds import Thresholds

MILES, TEMP = make_finding("miles", kind=FindingKind.TYPE), make_finding("temp")
NUMBERS = tuple(
    FeatureNumbers(name, Space.RAW, 990, 0.0, 0.0, metric="total_variation") for name in ("miles", "temp")
)


def skewed(*findings: Finding, outcome: str = "skew") -> Verdict:
    return dataclasses.replace(make_verdict(outcome, findings), features=NUMBERS)


def judged(verdict: Verdict, previous: tuple[Incident, ...] = (), policy: Policy | None = None) -> Verdict:
    return with_incidents(verdict, previous, policy or Policy())


def accepts(*incidents: Incident) -> Policy:
    entries = tuple(Acknowledged(each.id, dt.date(2100, 1, 1)) for each in incidents)
    return Policy(thresholds=Thresholds(acknowledged=entries))


def test_findings_name_their_incident() -> None:
    verdict = judged(skewed(MILES, TEMP))
    ids = [incident.id for incident in verdict.incidents]
    assert [finding.incident for finding in verdict.findings] == ids
    assert verdict.exit_code == 1


@pytest.mark.parametrize("outcome", ["failed", "not_examined"])
def test_a_run_that_examined_nothing_has_none(outcome: str) -> None:
    verdict = skewed(MILES, outcome=outcome)
    before = judged(skewed(MILES)).incidents
    assert judged(verdict, before) is verdict


def test_what_is_acknowledged_does_not_fail_the_run() -> None:
    before = judged(skewed(MILES, TEMP)).incidents
    both, first = judged(skewed(MILES, TEMP), before, accepts(*before)), accepts(before[0])
    assert (both.outcome, both.exit_code) == (VerdictOutcome.OK, 0)
    assert judged(skewed(MILES, TEMP), before, first).outcome is VerdictOutcome.SKEW
    # The findings are as bad as they were.
    assert {finding.severity for finding in both.findings} == {Severity.ERROR}


def test_with_fail_on_new_what_lasts_does_not_fail_the_run() -> None:
    policy = Policy(only_news=True)
    first = judged(skewed(MILES), policy=policy)
    second = judged(skewed(MILES), first.incidents, policy)
    third = judged(skewed(MILES, TEMP), second.incidents, policy)
    outcomes = [each.outcome.value for each in (first, second, third)]
    assert outcomes == ["skew", "ok", "skew"]


def test_what_is_over_is_named_once() -> None:
    first = judged(skewed(MILES))
    second = judged(skewed(outcome="ok"), first.incidents)
    third = judged(skewed(outcome="ok"), second.incidents)
    assert [each.state for each in second.incidents] == [IncidentState.RESOLVED]
    assert third.incidents == ()


def test_too_little_is_no_ok_where_all_else_is_accepted() -> None:
    few = make_finding(
        "", kind=FindingKind.INPUT, space=Space.SET, metric="too_few_rows", message="too few rows"
    )
    verdict = dataclasses.replace(skewed(MILES), too_little=(few,))
    before = judged(verdict).incidents
    again = judged(verdict, before, accepts(*before))
    assert (again.outcome, again.reasons) == (VerdictOutcome.NOT_EXAMINED, ("too few rows",))


def test_an_acknowledged_id_that_nothing_has_is_an_info() -> None:
    gone = judged(skewed(TEMP)).incidents
    verdict = judged(skewed(MILES), (), accepts(*gone))
    [note] = [finding for finding in verdict.findings if finding.metric == "unknown_incident"]
    assert gone[0].id in note.message
    assert note.severity is Severity.INFO
