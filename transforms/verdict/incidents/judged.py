"""Incidents added to a verdict, and what follows for its outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from trueserve.transforms.verdict.incidents import build, coverage, lifecycle
from trueserve.transforms.verdict.incidents.incident import Incident, IncidentState
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.result import Verdict, without_accepted
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import listing

#: States in which an incident fails a run with `--fail_on=new`.
_NEWS = frozenset({IncidentState.NEW, IncidentState.WORSE})


def with_incidents(verdict: Verdict, previous: Sequence[Incident], policy: Policy) -> Verdict:
    """The verdict with its incidents, worst first, and each finding with the id of its own.

    It is no longer `skew` where all that made it so is accepted, or with `--fail_on=new` was there before.

    Args:
      previous: the incidents of the last window before it; none where there was none.
    """
    if verdict.is_void:
        return verdict
    start = verdict.window.start
    incidents, of_finding = build.build(verdict.findings, start)
    entries = policy.thresholds.acknowledged
    followed = lifecycle.followed(incidents, previous, coverage.of_verdict(verdict), entries, start)
    findings = tuple(
        finding if at is None else dataclasses.replace(finding, incident=followed[at].id)
        for finding, at in zip(verdict.findings, of_finding, strict=True)
    )
    accepted = frozenset(each.id for each in followed if is_accepted(each, policy))
    notes = _unknown(lifecycle.unknown(entries, followed), policy)
    verdict = dataclasses.replace(verdict, findings=(*findings, *notes), incidents=followed)
    return without_accepted(verdict, accepted, policy)


def is_accepted(incident: Incident, policy: Policy) -> bool:
    """Whether an incident does not fail the run."""
    return incident.is_accepted or (policy.only_news and incident.state not in _NEWS)


def _unknown(ids: Iterable[str], policy: Policy) -> Iterable[Finding]:
    """An info of the incidents that are acknowledged, and that this window does not have."""
    if names := list(ids):
        message = f"{policy.thresholds.file} acknowledges no incident of this window: {listing(names)}"
        yield Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, "unknown_incident", message)
