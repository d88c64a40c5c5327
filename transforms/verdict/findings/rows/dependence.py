"""Findings of features that no longer go together, and what the verdict says of that comparison."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from trueserve.transforms.columnar import compact_rows
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.verdict.dependence import compare
from trueserve.transforms.verdict.dependence.compare import Dependence, TrainingRows
from trueserve.transforms.verdict.dependence.sampled import SampledRows
from trueserve.transforms.verdict.dependence.weaker import Partner, Weaker
from trueserve.transforms.verdict.model import (
    Diagnosis,
    Finding,
    FindingEvidence,
    FindingKind,
    Severity,
    Space,
)
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import percent, quoted

METRIC = "dependence"
#: The least part by which a feature's ties are weaker that matters.
LEAST = 0.1
OTHER_ROWS = "values of other rows"
# From so many features on, and this part of all, they are told together.
_SEVERAL, _MOST = 3, 0.5
_SHOWN, _LEAST_P = 2, 1e-12


@dataclasses.dataclass(frozen=True)
class Ties:
    """What is published of the comparison, and its findings."""

    dependence: Dependence
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The block `dependence` of verdict.json."""
        compared = self.dependence
        return {
            "rows": compared.rows,
            "training_rows": compared.training_rows,
            "compared": list(compared.compared),
            "without_ties": list(compared.untied),
            "moved": list(compared.moved),
            "reason": compared.reason or None,
        }


def compared(
    reference: Reference | None,
    served: SampledRows | None,
    policy: Policy,
    others: Iterable[Finding],
    span: dt.timedelta | None = None,
) -> Ties:
    """Whether the raw features go together as in training; errors of `others` tell more than this."""
    if reference is None:
        return Ties(Dependence(reason="the raw features were not compared"))
    if reference.sample is None:
        return Ties(Dependence(reason="the training side has no training rows"))
    if served is None or not len(served.groups):
        return Ties(Dependence(reason="no rows in serving"))
    # Ties to all features tell of those that --only names.
    names = _names(reference, policy)
    limits = {name: policy.thresholds.limit(Space.RAW, name, METRIC, LEAST) for name in names}
    training = TrainingRows(compact_rows.compact(reference.sample.raw), reference.sample.times)
    dependence = compare.compare(training, served, names, policy.false_alarms, limits, span)
    known = {finding.feature for finding in others if finding.severity is Severity.ERROR}
    return Ties(dependence, tuple(_findings(dependence, limits, known, policy)))


def _names(reference: Reference, policy: Policy) -> list[str]:
    """The features whose values mean something beside others."""
    schema = reference.prepared(policy)
    return [
        feature.name
        for feature in schema.feature
        if schemas.is_used(feature)
        and schemas.in_serving(feature, schema)
        and not reference.is_label(feature.name)
        and feature.name not in {reference.time_feature, *reference.identifiers}
    ]


def _findings(
    dependence: Dependence, limits: dict[str, float], known: set[str], policy: Policy
) -> Iterator[Finding]:
    only = policy.only or {each.name for each in dependence.weaker}
    all_weaker = [each for each in dependence.weaker if each.name in only and each.name not in known]
    findings = [_finding(dependence, each, limits[each.name]) for each in all_weaker]
    bounded = [_bounded(finding, policy) for finding in findings]
    weaker = [
        each for each, finding in zip(all_weaker, bounded, strict=True) if finding.severity is Severity.ERROR
    ]
    if len(weaker) >= max(_SEVERAL, _MOST * len(dependence.compared)):
        yield _of_most(dependence, weaker)
        bounded = [finding for finding in bounded if finding.severity is not Severity.ERROR]
    yield from bounded


def _bounded(finding: Finding, policy: Policy) -> Finding:
    """As severe as the user lets it be."""
    finding = policy.thresholds.bounded(finding)
    if finding.feature not in policy.ignore:
        return finding
    return dataclasses.replace(finding, severity=Severity.INFO, message=f"{finding.message} (ignored)")


def _finding(dependence: Dependence, weaker: Weaker, limit: float) -> Finding:
    either = f", or those of {quoted(weaker.either)} are" if weaker.either else ""
    message = (
        f"about {percent(min(weaker.part, 1.0))} of its values are as if of other rows{either}:"
        f" its correlation {_listed(weaker.partners)} ({_p(weaker.p_value)}, {dependence.rows:,} rows)"
    )
    evidence = f"all its ties are weaker by {percent(min(weaker.part, 1.0))}, its own values are as they were"
    return Finding(
        weaker.name,
        Space.RAW,
        FindingKind.DEPENDENCE,
        Severity.ERROR,
        METRIC,
        message,
        distance=weaker.part,
        threshold=limit,
        p_value=weaker.p_value,
        diagnosis=Diagnosis(
            OTHER_ROWS, 0.5 if weaker.either else 0.9, evidence, round(min(weaker.part, 1.0), 4)
        ),
        evidence=_evidence(weaker, limit, dependence.rows),
    )


def _evidence(weaker: Weaker, limit: float, rows: int) -> FindingEvidence:
    p_value = weaker.p_value
    return FindingEvidence(True, True, METRIC, weaker.part, limit, p_value, p_value, p_value, rows)


def _of_most(dependence: Dependence, weaker: Sequence[Weaker]) -> Finding:
    names = ", ".join(quoted(each.name) for each in weaker[:5])
    more = f" and {len(weaker) - 5:,} more" if len(weaker) > 5 else ""
    message = (
        f"{len(weaker):,} of {len(dependence.compared):,} features no longer go together, as if the values of"
        f" a row were those of several rows: {names}{more}; the correlation of"
        f" {quoted(weaker[0].name)} {_listed(weaker[0].partners)}"
    )
    return Finding("", Space.SET, FindingKind.DEPENDENCE, Severity.ERROR, METRIC, message)


def _listed(partners: Sequence[Partner]) -> str:
    return "; ".join(
        f"with {quoted(partner.name)} is {partner.serving:.2f}, in training {partner.training:.2f}"
        for partner in partners[:_SHOWN]
    )


def _p(p_value: float) -> str:
    return f"p {p_value:.1e}" if p_value >= _LEAST_P else "p below 1e-12"
