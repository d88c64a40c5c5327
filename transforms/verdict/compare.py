"""Compares serving statistics with the baseline: findings, distances, and what could not be compared."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.verdict import finding_rules, severity
from trueserve.transforms.verdict.evidence import new_values
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.finding_rules import Examination
from trueserve.transforms.verdict.findings import contracts as contracts_findings
from trueserve.transforms.verdict.findings import form as form_findings
from trueserve.transforms.verdict.findings import schema as schema_findings
from trueserve.transforms.verdict.findings import skew as skew_findings
from trueserve.transforms.verdict.incidents import feature_numbers
from trueserve.transforms.verdict.model import (
    UNKNOWN,
    ComparisonResult,
    Finding,
    NotCompared,
    Severity,
    Space,
)
from trueserve.transforms.verdict.reference import ComparedPair, Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.significance import TestResults

__all__ = ["Policy", "Reference", "compare"]

_MEASURED_ALL_THE_SAME = ("the L-infinity norm does not apply to numbers",)
_IDENTIFIER = "an identifier: each value comes once in training"
_GROUP = "names groups of rows (--group_by)"
_BY_KEY = "fitted by key, and training has hardly three rows of each"
_COMPARABLE = ("number", "category")


def compare(
    reference: Reference,
    serving: Statistics,
    policy: Policy,
    forms: Counter[tuple[str, str]],
    span: dt.timedelta | None = None,
    *,
    other_types: Statistics | None = None,
    start: dt.datetime | None = None,
) -> ComparisonResult:
    """Compares one space of serving with the baseline.

    Args:
      reference: the training side; its schema needs neither environments nor comparators.
      serving: TFDV's statistics of the rows served, of the same space and computed with the same schema.
      policy: thresholds and what to ignore.
      forms: `Accounting.forms`; the transformed space takes from it what the graph refused.
      span: how long a time the rows were logged in, None where that is not known.
      start: when that time began, likewise; training's periods of the same season are matched by it.
      other_types: those of raw values that came in another type than the schema's (`Batch.other_types`).

    Raises ValueError when the statistics hold slices and none of them is that of all rows.
    """
    comparison = examine(reference, serving, policy, forms, span, other_types=other_types, start=start)[0]
    notes = contracts_findings.notes(reference.edited, reference.lacks)
    nothing = _why_nothing(reference.space, comparison)
    return dataclasses.replace(comparison, findings=(*comparison.findings, *notes), nothing=nothing)


def _why_nothing(space: Space, comparison: ComparisonResult) -> str:
    """Why none of the features wanted was compared; empty where one was, or none is wanted."""
    wanted = [
        left_out
        for left_out in comparison.not_compared
        if left_out.reason not in (*UNKNOWN, "holds the row's time")
    ]
    # What could not show a change may show it in what is computed from it, so all spaces together tell.
    if comparison.examined or comparison.without_power or not (wanted or _all_unknown(comparison)):
        return ""
    reasons = Counter(left_out.reason for left_out in wanted or comparison.not_compared)
    counted = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
    return f"no {space} feature could be compared ({counted})"


def _all_unknown(comparison: ComparisonResult) -> bool:
    """Whether the schema has none of the features that training has, which is no wish of the user's."""
    return bool(comparison.not_compared) and all(
        left_out.reason == "not in the schema" for left_out in comparison.not_compared
    )


def examine(
    reference: Reference,
    serving: Statistics,
    policy: Policy,
    forms: Counter[tuple[str, str]],
    span: dt.timedelta | None = None,
    *,
    other_types: Statistics | None = None,
    start: dt.datetime | None = None,
) -> tuple[ComparisonResult, TestResults | None]:
    """`compare`, with all differences that it looked at; None where there are no rows."""
    pair = ComparedPair(
        reference,
        policy,
        serving,
        form_findings.in_space(reference.space, forms),
        span,
        other_types=other_types or Statistics(),
        start=start,
    )
    if pair.rows == 0:
        return _nothing(pair), None
    anomalies = schema_findings.validate(pair)
    reasons = {name: _reason(pair, name) for name in _names(pair)}
    measured = {
        name: measurement
        for name, measurement in skew_findings.measure(pair).items()
        if name in reasons and not reasons[name]
    }
    distances = [
        finding
        for name, measurement in measured.items()
        for finding in skew_findings.findings(pair, name, measurement)
    ]
    results = _test_results(pair, reasons)
    findings = finding_rules.apply(Examination(pair, anomalies, tuple(distances), results))
    # A distance over its limit was seen all the same.
    powerless = {name for name in results.without_power if not any(_is_over(distances, name))}
    reasons |= {name: results.without_power[name] for name in powerless}
    distances = [distance for distance in distances if distance.feature not in powerless]
    skew_findings.merge_into(anomalies, (measured[name] for name in sorted(measured)))
    wanted = _worst_first(_bounded(policy, _wanted(pair, findings)))
    moved = frozenset(finding.feature for finding in wanted if finding.severity is not Severity.INFO)
    comparison = ComparisonResult(
        findings=wanted,
        not_compared=_not_compared(pair, reasons, {finding.feature for finding in distances}),
        distances=_worst_first(_bounded(policy, distances)),
        anomalies=text_format.MessageToString(anomalies),
        space=reference.space,
        least_visible=results.least_visible if results.differences else None,
        without_power=frozenset(powerless),
        measured=functools.partial(feature_numbers.of_features, results, powerless, moved),
    )
    return comparison, results


def _is_over(distances: Iterable[Finding], name: str) -> Iterator[bool]:
    return (skew_findings.is_over(distance) for distance in distances if distance.feature == name)


def _test_results(pair: ComparedPair, reasons: Mapping[str, str | None]) -> TestResults:
    """The differences of all features that training has; of what cannot be compared, of the missing rows."""
    wanted = [name for name in reasons if pair.is_wanted(name)]
    known = [name for name in wanted if name in pair.training and name in pair.features]
    present = [name for name in known if _has_presence(pair, name)]
    compared = {name for name in present if reasons[name] in (None, *_MEASURED_ALL_THE_SAME)}
    others = tuple(name for name in present if name not in compared)
    return TestResults(pair, tuple(name for name in present if name in compared), others)


def _nothing(pair: ComparedPair) -> ComparisonResult:
    left_out = tuple(NotCompared(name, pair.reference.space, "no rows in serving") for name in _names(pair))
    return ComparisonResult((), left_out, space=pair.reference.space)


def _has_presence(pair: ComparedPair, name: str) -> bool:
    """Whether the share of missing rows means anything: a field of a struct counts its parents' rows."""
    return pair.is_in_serving(name) and name in pair.top_level


def _names(pair: ComparedPair) -> list[str]:
    """Every feature that either side of the baseline knows, in the schema's order."""
    return list(dict.fromkeys([*pair.features, *pair.training]))


def _reason(pair: ComparedPair, name: str) -> str | None:
    """Why a feature cannot be compared, None if it can."""
    if not pair.is_wanted(name):
        return "not in --only"
    return _reason_in_schema(pair, name) or _reason_in_statistics(pair, name) or _no_metric(pair, name)


def _reason_in_schema(pair: ComparedPair, name: str) -> str | None:
    feature = pair.features.get(name)
    if name == pair.reference.time_feature:
        return "holds the row's time"
    if pair.reference.is_label(name):
        return "label" if name == pair.reference.label else "computed from the label"
    if feature is None:
        return "not in the schema"
    if not schemas.is_used(feature):
        return "marked as not in use in the schema"
    if not schemas.in_serving(feature, pair.schema):
        return "not in the SERVING environment"
    return _name_of_rows(pair, name)


def _name_of_rows(pair: ComparedPair, name: str) -> str | None:
    """Why a feature that names rows, or groups of them, or was fitted for each, is not compared."""
    if pair.is_group(name):
        return _GROUP
    if pair.expected_new(name) > new_values.MOST:
        return _BY_KEY
    return _IDENTIFIER if pair.is_identifier(name) else None


def _reason_in_statistics(pair: ComparedPair, name: str) -> str | None:
    training, serving = pair.training.get(name), pair.serving.get(name)
    if serving is None or serving.present == 0:
        if name in pair.of_other_type:
            return "no values of the schema's type in serving"
        return "absent in serving" if serving is None else "no values in serving"
    if training is None:
        return "absent in training"
    if training.present == 0:
        return "no values in training"
    if training.kind != serving.kind:
        return f"statistics of another type: {training.kind} in training, {serving.kind} in serving"
    return None if serving.kind in _COMPARABLE else f"unsupported kind: {serving.kind}"


def _no_metric(pair: ComparedPair, name: str) -> str | None:
    feature: schema_pb2.Feature = pair.features[name]
    if not feature.HasField("skew_comparator"):
        return "no skew comparator in the schema"
    comparator = feature.skew_comparator
    only_categories = comparator.HasField("infinity_norm") and len(comparator.ListFields()) == 1
    if pair.serving[name].kind == "number" and only_categories:
        return "the L-infinity norm does not apply to numbers"
    return None


def _not_compared(
    pair: ComparedPair, reasons: dict[str, str | None], measured: set[str]
) -> tuple[NotCompared, ...]:
    space = pair.reference.space
    left_out = [(name, reason) for name, reason in reasons.items() if reason or name not in measured]
    return tuple(NotCompared(name, space, reason or "TFDV measured nothing") for name, reason in left_out)


def _wanted(pair: ComparedPair, findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.feature or pair.is_wanted(finding.feature)]


def _bounded(policy: Policy, findings: Iterable[Finding]) -> list[Finding]:
    """The findings, as severe as the user lets them be."""
    bounded = map(policy.thresholds.bounded, findings)
    return [_ignored(finding) if finding.feature in policy.ignore else finding for finding in bounded]


def _ignored(finding: Finding) -> Finding:
    return dataclasses.replace(finding, severity=Severity.INFO, message=f"{finding.message} (ignored)")


def _worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=severity.order))
