"""Findings of the differences that count, and what these say of findings that TFDV and the schema gave."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from trueserve.transforms.verdict.evidence import unseen_mass, wording
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    VECTOR,
    FeatureDifference,
)
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.significance import MISSING_METRIC, TestResults

_KINDS = {MISSING: FindingKind.PRESENCE, UNSEEN_SHARE: FindingKind.VALUES}
_NOTHING_ELSE = "no test of the values finds a difference that is both beyond chance and over its limit"


def findings(results: TestResults, reported: Iterable[Finding]) -> Iterator[Finding]:
    """A finding for each difference that counts and that no finding of its kind tells already.

    What is beyond chance and does not count, as it is small or as training's own periods differ so, is info.
    """
    reported = list(reported)
    reported_errors = {
        (finding.feature, finding.kind) for finding in reported if finding.severity is Severity.ERROR
    }
    mentioned = {finding.feature for finding in reported}
    for name, differences in results.differences.items():
        for difference in sorted(differences, key=lambda difference: not results.counts(name, difference)):
            kind = kind_of(difference.metric)
            counts = results.counts(name, difference)
            if (name, kind) in reported_errors or (not counts and name in mentioned):
                continue
            if counts or results.is_remarkable(name, difference):
                reported_errors.add((name, kind))
                mentioned.add(name)
                yield _finding(results, name, kind, difference)


def kind_of(metric: str) -> FindingKind:
    """What a difference in this metric is a finding of."""
    return _KINDS.get(metric, FindingKind.DISTRIBUTION)


def is_the_users(pair: ComparedPair, name: str, kind: FindingKind) -> bool:
    """Whether the user has said which distance matters: by the feature's comparator, or by a flag."""
    if kind is not FindingKind.DISTRIBUTION:
        return False
    given = pair.policy.jsd if pair.serving[name].kind == "number" else pair.policy.linf
    return name in pair.own_thresholds or given is not None


def settled(results: TestResults, finding: Finding) -> Finding:
    """A distance of TFDV's over a threshold that trueserve set: an error only if the evidence agrees."""
    if finding.severity is not Severity.ERROR or finding.feature in results.pair.own_thresholds:
        return finding
    metrics = (KOLMOGOROV, VARIATION, LENGTH)
    if not results.measured(finding.feature, *metrics):
        return finding
    agreeing = results.of(finding.feature, *metrics)
    if agreeing:
        return _with_evidence(results, finding, agreeing, say=True)
    measured = [
        difference for difference in results.differences[finding.feature] if difference.metric in metrics
    ]
    evidence = results.evidence(finding.feature, min(measured, key=lambda difference: difference.p_value))
    message = f"{finding.message}; {wording.only_seasonal(evidence) or _NOTHING_ELSE}"
    return dataclasses.replace(finding, severity=Severity.INFO, message=message, evidence=evidence)


def settled_values(results: TestResults, finding: Finding) -> Finding:
    """Values that training did not have, as many as count: an error where they are more than it predicts."""
    if finding.kind is not FindingKind.VALUES or not results.measured(finding.feature, UNSEEN_SHARE):
        return finding
    if finding.severity is Severity.INFO:
        return finding
    agreeing = results.of(finding.feature, UNSEEN_SHARE)
    if agreeing:
        return _with_evidence(results, dataclasses.replace(finding, severity=Severity.ERROR), agreeing)
    if known_outside(results, finding.feature) >= results.least_effect(finding.feature, UNSEEN_SHARE):
        return finding  # what training had it says nothing against: the schema's word holds
    return dataclasses.replace(finding, severity=Severity.WARNING, p_value=None)


def known_outside(results: TestResults, name: str) -> float:
    """The share of the values served that the schema leaves out and training had, at least."""
    pair = results.pair
    outside = unseen_mass.of_category(pair.schema, pair.features[name], pair.serving[name])
    [new] = [difference for difference in results.differences[name] if difference.metric == UNSEEN_SHARE]
    [(_, _, never_seen)] = new.parts
    return outside.least - never_seen if outside is not None else 0.0


def settled_presence(results: TestResults, finding: Finding) -> Finding:
    """Rows that lack a feature which the schema requires: few of many are a warning, and no alarm."""
    if finding.kind is not FindingKind.PRESENCE or finding.severity is not Severity.ERROR:
        return finding
    if not results.measured(finding.feature, MISSING):
        return finding
    agreeing = results.of(finding.feature, MISSING)
    if agreeing:
        return _with_evidence(results, finding, agreeing)
    [difference] = [
        difference for difference in results.differences[finding.feature] if difference.metric == MISSING
    ]
    evidence = results.evidence(finding.feature, difference)
    why = wording.why_not(evidence)
    return dataclasses.replace(
        finding, severity=Severity.WARNING, message=f"{finding.message}; {why}", evidence=evidence
    )


def with_positions(results: TestResults, finding: Finding) -> Finding:
    """An error of the distribution of a vector, with the positions that differ: both are one finding."""
    if finding.kind is not FindingKind.DISTRIBUTION or finding.severity is not Severity.ERROR:
        return finding
    if finding.metric == VECTOR or not (agreeing := results.of(finding.feature, VECTOR)):
        return finding
    return dataclasses.replace(finding, message=f"{finding.message}; {wording.distance(agreeing[0])}")


def _with_evidence(
    results: TestResults, finding: Finding, agreeing: Iterable[FeatureDifference], *, say: bool = False
) -> Finding:
    """`say`: in the message too, where the finding's own measure is not what decided."""
    least = min(agreeing, key=lambda difference: difference.p_value)
    evidence = results.evidence(finding.feature, least)
    message = f"{finding.message}; {wording.decided(least, evidence)}" if say else finding.message
    return dataclasses.replace(finding, message=message, p_value=least.p_value, evidence=evidence)


def _finding(results: TestResults, name: str, kind: FindingKind, difference: FeatureDifference) -> Finding:
    pair, evidence = results.pair, results.evidence(name, difference)
    # A distance of all values together, for which the user has set a limit, does not see positions.
    is_the_users_own = difference.metric != VECTOR and is_the_users(pair, name, kind)
    counts = results.counts(name, difference) and not is_the_users_own
    return Finding(
        feature=name,
        space=pair.reference.space,
        kind=kind,
        severity=Severity.ERROR if counts else Severity.INFO,
        metric=MISSING_METRIC if difference.metric == MISSING else difference.metric,
        message=wording.sentence(difference, evidence),
        distance=difference.effect,
        threshold=evidence.least_effect,
        noise_floor=difference.floor,
        p_value=difference.p_value,
        raw_features=pair.raw_features(name),
        evidence=evidence,
    )
