"""Logged predictions against those on the data that the model was exported with.

They are compared as features are, in the rows that have one: how many answers a log lacks says nothing of how
the others are distributed, and is told by itself.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections import Counter
from collections.abc import Iterator

from trueserve.transforms.core.accounting import answers_of
from trueserve.transforms.verdict.compare import compare
from trueserve.transforms.verdict.evidence.feature_difference import UNSEEN_SHARE
from trueserve.transforms.verdict.feature_stats import Statistics, dataset, views_by_feature
from trueserve.transforms.verdict.findings import transformed as transformed_findings
from trueserve.transforms.verdict.findings.schema import UNSEEN_STRINGS
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import percent

NO_ANSWER = "no row has a logged answer that is a prediction"
_NOT_FINITE = "not_finite"
_REASONS = {
    "no_response": "have no logged answer, or not one for each row",
    "other_signature": "used another signature than serving_default",
    "other_names": "were answered with other outputs than the model has",
    "other_shape": "were answered with another number of values than the model gives",
    "not_numbers": "were answered with something else than numbers",
    "not_whole_numbers": "were answered with something else than whole numbers",
    "not_text": "were answered with something else than text",
}


def compare_space(
    reference: Reference,
    serving: Statistics,
    policy: Policy,
    forms: Counter[tuple[str, str]],
    span: dt.timedelta | None = None,
    *,
    other_types: Statistics | None = None,
    start: dt.datetime | None = None,
) -> ComparisonResult:
    """`compare`, for whichever space the reference is of.

    Args:
      forms: `Accounting.forms`; predictions take from it the rows that have none, by reason.
      other_types: of the raw space alone.
      start: when the span began, None where that is not known.
    """
    if reference.space is not Space.PREDICTION:
        others = other_types if reference.space is Space.RAW else None
        return compare(reference, serving, policy, forms, span, other_types=others, start=start)
    rows, unanswered = int(dataset(serving).num_examples), answers_of(forms)
    unanswered_findings = tuple(_unanswered(unanswered, rows))
    compared = compare(reference, answered(serving), policy, forms)
    if rows and not compared.anomalies:
        reason = _why_nothing(unanswered)
        left_out = (dataclasses.replace(feature, reason=reason) for feature in compared.not_compared)
        return dataclasses.replace(compared, findings=unanswered_findings, not_compared=tuple(left_out))
    about_prediction = functools.partial(_about_prediction, unsure=_unsure(reference, serving))
    findings, distances = (
        tuple(map(about_prediction, group)) for group in (compared.findings, compared.distances)
    )
    return dataclasses.replace(compared, findings=(*findings, *unanswered_findings), distances=distances)


def _unsure(reference: Reference, serving: Statistics) -> frozenset[str]:
    """The predictions whose distribution may differ by day for all that is known; one value does not."""
    if reference.variation is None:
        return frozenset()
    served = views_by_feature(serving)
    return frozenset(name for name, view in served.items() if transformed_findings.only_value(view) is None)


def answered(statistics: Statistics) -> Statistics:
    """The statistics of the rows that have an answer; in the others all outputs are missing."""
    result = Statistics()
    result.CopyFrom(statistics)
    for data_set in result.datasets:
        all_common_stats = [getattr(f, f.WhichOneof("stats")).common_stats for f in data_set.features]
        data_set.num_examples = max(
            (int(common_stats.num_non_missing) for common_stats in all_common_stats), default=0
        )
        for common_stats in all_common_stats:
            common_stats.num_missing = data_set.num_examples - common_stats.num_non_missing
    return result


def _about_prediction(finding: Finding, unsure: frozenset[str]) -> Finding:
    moved = finding.kind is FindingKind.DISTRIBUTION and finding.severity is not Severity.INFO
    subject = "the prediction moved" if moved else "prediction"
    by_day = finding.kind is FindingKind.DISTRIBUTION or finding.metric in (UNSEEN_SHARE, UNSEEN_STRINGS)
    if by_day and finding.feature in unsure and finding.severity is Severity.ERROR:
        # Features are held against training's days; nobody knows how predictions differ from day to day.
        message = f"{subject}: {finding.message}; how predictions differ by day is not known"
        return dataclasses.replace(finding, severity=Severity.WARNING, message=message)
    return dataclasses.replace(finding, message=f"{subject}: {finding.message}")


def _unanswered(reasons: Counter[str], rows: int) -> Iterator[Finding]:
    for reason, count in sorted(reasons.items()):
        share = f"{count:,} rows ({percent(min(count / max(rows, 1), 1.0))})"
        if reason == _NOT_FINITE:
            message = f"the answers to {share} have a number that is NaN, infinite, or null in the log"
        else:
            message = f"{share} {_REASONS.get(reason, reason)}: their predictions are missing"
        kind = FindingKind.VALUES if reason == _NOT_FINITE else FindingKind.PRESENCE
        yield Finding("", Space.PREDICTION, kind, Severity.INFO, reason, message)


def _why_nothing(reasons: Counter[str]) -> str:
    counted = ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(reasons.items()))
    return f"{NO_ANSWER} ({counted})" if counted else NO_ANSWER
