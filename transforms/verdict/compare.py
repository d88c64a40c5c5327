"""Compares serving statistics with the baseline: findings, distances, and what could not be compared."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from transforms.core import schema as schemas
from transforms.verdict import decide, severity
from transforms.verdict.decide import Judgement
from transforms.verdict.diagnosis import diagnose
from transforms.verdict.evidence import power
from transforms.verdict.feature_stats import Statistics
from transforms.verdict.findings import augmentation as augmentation_findings
from transforms.verdict.findings import contracts as contracts_findings
from transforms.verdict.findings import form as form_findings
from transforms.verdict.findings import range as range_findings
from transforms.verdict.findings import representation as representation_findings
from transforms.verdict.findings import schema as schema_findings
from transforms.verdict.findings import skew as skew_findings
from transforms.verdict.findings import transformed as transformed_findings
from transforms.verdict.model import UNKNOWN, Comparison, Finding, Kind, NotCompared, Severity, Space
from transforms.verdict.reference import Reference, Sides
from transforms.verdict.severity import Policy
from transforms.verdict.wording import listing, percent

__all__ = ["Policy", "Reference", "compare"]

_MEASURED_ALL_THE_SAME = ("the L-infinity norm tells nothing about a number",)
_COMPARABLE = ("number", "category")


def compare(
    reference: Reference,
    serving: Statistics,
    policy: Policy,
    forms: Counter[tuple[str, str]],
    span: dt.timedelta | None = None,
) -> Comparison:
    """Compares one space of serving with the baseline.

    Args:
      reference: the training side; its schema needs neither environments nor comparators.
      serving: TFDV's statistics of the rows served, of the same space and computed with the same schema.
      policy: thresholds and what to ignore.
      forms: `Accounting.forms`; the transformed space takes from it what the graph refused.
      span: how long a time the rows were logged in, None where that is not known.

    Raises ValueError when the statistics hold slices and none of them is that of all rows.
    """
    comparison = examine(reference, serving, policy, forms, span)[0]
    edited = (contracts_findings.of_edited_schema(reference.edited),) if reference.edited else ()
    nothing = _why_nothing(reference.space, comparison)
    return dataclasses.replace(comparison, findings=(*comparison.findings, *edited), nothing=nothing)


def _why_nothing(space: Space, comparison: Comparison) -> str:
    """Why none of the features wanted was compared; empty where one was, or none is wanted."""
    wanted = [one for one in comparison.not_compared if one.reason not in (*UNKNOWN, "holds the row's time")]
    if comparison.examined or not (wanted or _all_unknown(comparison)):
        return ""
    reasons = Counter(one.reason for one in wanted or comparison.not_compared)
    counted = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
    return f"no {space} feature could be compared ({counted})"


def _all_unknown(comparison: Comparison) -> bool:
    """Whether the schema has none of the features that training has, which is no wish of the user's."""
    return bool(comparison.not_compared) and all(
        one.reason == "not in the schema" for one in comparison.not_compared
    )


def examine(
    reference: Reference,
    serving: Statistics,
    policy: Policy,
    forms: Counter[tuple[str, str]],
    span: dt.timedelta | None = None,
) -> tuple[Comparison, Judgement | None]:
    """`compare`, with all differences that it looked at; None where there are no rows."""
    sides = Sides(reference, policy, serving, form_findings.in_space(reference.space, forms), span)
    if sides.rows == 0:
        return _nothing(sides), None
    anomalies = schema_findings.validate(sides)
    reasons = {name: _reason(sides, name) for name in _names(sides)}
    measured = {n: m for n, m in skew_findings.measure(sides).items() if n in reasons and not reasons[n]}
    distances = [f for name, one in measured.items() for f in skew_findings.findings(sides, name, one)]
    judgement = _judgement(sides, reasons)
    over = [decide.settled(judgement, finding) for finding in distances if skew_findings.is_over(finding)]
    found = [*_beside_distances(sides, anomalies, judgement), *over]
    found = transformed_findings.added(judgement, [*found, *decide.findings(judgement, found)])
    found = [*diagnose.diagnosed(sides, found), *augmentation_findings.findings(sides, judgement.names)]
    found += _blind(judgement)
    skew_findings.merge_into(anomalies, (measured[name] for name in sorted(measured)))
    comparison = Comparison(
        findings=_ordered(_bounded(policy, _wanted(sides, found))),
        not_compared=_not_compared(sides, reasons, {finding.feature for finding in distances}),
        distances=_ordered(_bounded(policy, distances)),
        anomalies=text_format.MessageToString(anomalies),
        space=reference.space,
        least_visible=judgement.least_visible if judgement.found else None,
    )
    return comparison, judgement


def _blind(judgement: Judgement) -> Iterator[Finding]:
    """An info of the features of which too few values came to say anything, where the others had enough."""
    if judgement.least_visible <= power.LARGE and (names := judgement.blind()):
        said = f"too few values to see a change in less than {percent(power.LARGE)} of them: {listing(names)}"
        space = judgement.sides.reference.space
        yield Finding("", space, Kind.SCHEMA, Severity.INFO, "too_few_values", said)


def _judgement(sides: Sides, reasons: Mapping[str, str | None]) -> Judgement:
    """The differences of all features that training has; of what cannot be compared, of the missing rows."""
    there = [name for name in reasons if sides.is_wanted(name)]
    known = [name for name in there if name in sides.training and name in sides.features]
    present = [name for name in known if _has_presence(sides, name)]
    compared = {name for name in present if reasons[name] in (None, *_MEASURED_ALL_THE_SAME)}
    others = tuple(name for name in present if name not in compared)
    return Judgement(sides, tuple(name for name in present if name in compared), others)


def _nothing(sides: Sides) -> Comparison:
    left_out = tuple(NotCompared(name, sides.reference.space, "no rows in serving") for name in _names(sides))
    return Comparison((), left_out, space=sides.reference.space)


def _beside_distances(sides: Sides, anomalies: object, judgement: Judgement) -> list[Finding]:
    """Findings against the schema, of forms and of missing shares, one for each feature, kind and metric."""
    found = [
        *form_findings.untransformable(sides),
        *form_findings.type_findings(sides),
        *representation_findings.findings(sides),
        *schema_findings.findings(sides, anomalies),
        *form_findings.new_columns(sides),
    ]
    both = [name for name in sides.training if name in sides.features]
    in_serving = [name for name in both if _in_serving(sides, name)]
    told = {finding.feature for finding in found if finding.kind is Kind.VALUES}
    found += schema_findings.beyond_the_kept(sides, [name for name in in_serving if name not in told])
    found += range_findings.findings(sides, in_serving)
    found = [decide.settled_values(judgement, finding) for finding in found]
    found = [decide.settled_presence(judgement, finding) for finding in found]
    return list({(f.feature, f.kind, f.metric): f for f in reversed(found)}.values())


def _has_presence(sides: Sides, name: str) -> bool:
    """Whether the share of missing rows means anything: a field of a struct counts its parents' rows."""
    return _in_serving(sides, name) and "." not in name


def _in_serving(sides: Sides, name: str) -> bool:
    feature, reference = sides.features[name], sides.reference
    if name == reference.time_feature:
        return False
    return not reference.is_label(name) and schemas.in_serving(feature, sides.schema)


def _names(sides: Sides) -> list[str]:
    """Every feature that either side of the baseline knows, in the schema's order."""
    return list(dict.fromkeys([*sides.features, *sides.training]))


def _reason(sides: Sides, name: str) -> str | None:
    """Why a feature cannot be compared, None if it can."""
    if not sides.is_wanted(name):
        return "not in --only"
    return _reason_in_schema(sides, name) or _reason_in_statistics(sides, name) or _no_metric(sides, name)


def _reason_in_schema(sides: Sides, name: str) -> str | None:
    feature = sides.features.get(name)
    if name == sides.reference.time_feature:
        return "holds the row's time"
    if sides.reference.is_label(name):
        return "label" if name == sides.reference.label else "computed from the label"
    if feature is None:
        return "not in the schema"
    if not schemas.is_used(feature):
        return "marked as not in use in the schema"
    return None if schemas.in_serving(feature, sides.schema) else "not in the SERVING environment"


def _reason_in_statistics(sides: Sides, name: str) -> str | None:
    training, serving = sides.training.get(name), sides.serving.get(name)
    if serving is None or serving.present == 0:
        if name in sides.of_other_type:
            return "no values of the schema's type in serving"
        return "absent in serving" if serving is None else "no values in serving"
    if training is None:
        return "absent in training"
    if training.present == 0:
        return "no values in training"
    if training.kind != serving.kind:
        return f"statistics of another type: {training.kind} in training, {serving.kind} in serving"
    return None if serving.kind in _COMPARABLE else f"unsupported kind: {serving.kind}"


def _no_metric(sides: Sides, name: str) -> str | None:
    feature: schema_pb2.Feature = sides.features[name]
    if not feature.HasField("skew_comparator"):
        return "no skew comparator in the schema"
    comparator = feature.skew_comparator
    only_categories = comparator.HasField("infinity_norm") and len(comparator.ListFields()) == 1
    if sides.serving[name].kind == "number" and only_categories:
        return "the L-infinity norm tells nothing about a number"
    return None


def _not_compared(
    sides: Sides, reasons: dict[str, str | None], measured: set[str]
) -> tuple[NotCompared, ...]:
    space = sides.reference.space
    left_out = [(name, reason) for name, reason in reasons.items() if reason or name not in measured]
    return tuple(NotCompared(name, space, reason or "TFDV measured nothing") for name, reason in left_out)


def _wanted(sides: Sides, found: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in found if not finding.feature or sides.is_wanted(finding.feature)]


def _bounded(policy: Policy, found: Iterable[Finding]) -> list[Finding]:
    """The findings, as severe as the user lets them be."""
    told = map(policy.thresholds.bounded, found)
    return [_ignored(finding) if finding.feature in policy.ignore else finding for finding in told]


def _ignored(finding: Finding) -> Finding:
    return dataclasses.replace(finding, severity=Severity.INFO, message=f"{finding.message} (ignored)")


def _ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=severity.order))
