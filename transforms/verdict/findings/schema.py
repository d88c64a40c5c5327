"""What TFDV's check of serving against the schema becomes: one finding for each cause, with its share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.batched_validation import validate_statistics
from trueserve.transforms.verdict.evidence import unseen_mass
from trueserve.transforms.verdict.evidence.unseen_mass import UnseenMass
from trueserve.transforms.verdict.feature_stats import View, path_name
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.wording import listing, percent, plain

NEW_COLUMN = "SCHEMA_NEW_COLUMN"
UNSEEN_STRINGS = "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
_LONGEST_DESCRIPTION = 300
# Bounds of a share that lie closer together are said as one number.
_ABOUT = 0.0005


def validate(pair: ComparedPair) -> anomalies_pb2.Anomalies:
    """TFDV's anomalies of the serving statistics in the SERVING environment, of the features asked for."""
    names = dict.fromkeys([*pair.features, *pair.serving])
    columns = {name.split(".")[0] for name in names if pair.is_wanted(name)} if pair.policy.only else None
    return validate_statistics(pair.served, pair.schema, environment=schemas.SERVING, columns=columns)


def findings(pair: ComparedPair, anomalies: anomalies_pb2.Anomalies) -> Iterator[Finding]:
    """A finding for each of TFDV's reasons, but for those that the reader's counts of forms explain."""
    # A map has no order of its own. Backwards, as `finding_rules` turns the order of findings.
    for key, info in sorted(anomalies.anomaly_info.items(), reverse=True):
        name = path_name(info.path) or key
        for reason in info.reason:
            anomaly = severity.type_name(reason)
            # Each window has groups of its own.
            new_group = pair.is_group(name) and severity.kind_of(anomaly) is FindingKind.VALUES
            if not new_group and not _explained_by_forms(pair, name, anomaly):
                yield _finding(pair, name, reason)
    for reason in anomalies.dataset_anomaly_info.reason:
        yield _of_the_set(reason)


def _explained_by_forms(pair: ComparedPair, name: str, anomaly: str) -> bool:
    """Whether the reader took the values out for their type: reported there, and no second time here."""
    if name not in pair.of_other_type:
        return False
    kind = severity.kind_of(anomaly)
    return kind is FindingKind.TYPE or (kind is FindingKind.PRESENCE and _enough_were_sent(pair, name))


def _enough_were_sent(pair: ComparedPair, name: str) -> bool:
    """Whether the schema's presence would be met, had the values that were taken out stayed."""
    feature = pair.features.get(name)
    required = feature.presence.min_fraction if feature is not None else 0.0
    return pair.missing(name) <= (1 - required) * pair.rows


def _finding(pair: ComparedPair, name: str, reason: anomalies_pb2.AnomalyInfo.Reason) -> Finding:
    metric = severity.type_name(reason)
    kind = severity.kind_of(metric)
    describe = _DESCRIPTIONS.get(kind, _of_other_kind)
    level, message = describe(pair, name, reason)
    return Finding(
        feature=name,
        space=pair.reference.space,
        kind=kind,
        severity=level,
        metric=metric,
        message=message,
        raw_features=pair.raw_features(name),
    )


def _of_the_set(reason: anomalies_pb2.AnomalyInfo.Reason) -> Finding:
    metric = severity.type_name(reason)
    return Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, metric, _described(reason))


def _of_other_kind(
    _s: ComparedPair, _n: str, reason: anomalies_pb2.AnomalyInfo.Reason
) -> tuple[Severity, str]:
    return severity.of_anomaly(severity.type_name(reason)), _described(reason)


def _of_presence(
    pair: ComparedPair, name: str, _reason: anomalies_pb2.AnomalyInfo.Reason
) -> tuple[Severity, str]:
    missing = pair.missing(name)
    rows = f"{missing:,} of {pair.rows:,} rows ({percent(missing / pair.rows if pair.rows else 0.0)})"
    view = pair.training.get(name)
    before = "" if view is None else f"; in training {percent(view.missing_share)} are missing"
    hint = ""
    if missing == pair.rows and pair.reference.label is None:
        hint = f"; if it is the label, name it with --label={plain(name)}"
    message = f"a required feature is missing in {rows}{before}{hint}"
    # The schema's bound holds, unless the user has written which share matters.
    least = pair.limit(name, "missing_share", 0.0)
    if missing < least * pair.rows:
        return (
            Severity.WARNING,
            f"{message}; an error from {percent(least)} on, by {pair.policy.thresholds.file}",
        )
    return Severity.ERROR, message


def _of_values(
    pair: ComparedPair, name: str, reason: anomalies_pb2.AnomalyInfo.Reason
) -> tuple[Severity, str]:
    metric = severity.type_name(reason)
    if metric == NEW_COLUMN:
        view = pair.serving.get(name)
        return new_column(pair, name, pair.rows if view is None else view.present)
    feature, view = pair.features.get(name), pair.serving.get(name)
    mass = None if feature is None or view is None else _unseen_mass(pair.schema, feature, view, metric)
    if mass is None:
        return Severity.WARNING, _described(reason)
    return _unseen_message(pair, name, mass)


def _unseen_message(pair: ComparedPair, name: str, mass: UnseenMass) -> tuple[Severity, str]:
    share = percent(mass.least)
    if mass.most is None:
        share = f"at least {share}"
    elif mass.most - mass.least > _ABOUT:
        share = f"{share} to {percent(mass.most)}"
    message = f"values outside the schema's domain are {share} of those served"
    names = ([listing(mass.named)] if mass.named else []) + _unnamed(mass.others)
    named = f": {' and '.join(names)}" if names else ""
    if expected := pair.expected_new(name):
        named += f"; new values of texts make up to {percent(expected)} of all values"
    return severity.of_unseen(max(mass.least - expected, 0.0), pair.least_unseen(name)), message + named


def _unnamed(count: int) -> list[str]:
    """Of a value in lists it is not known how many rows have it, but how many have it at least."""
    return [f"{count:,} not named here: each may be of fewer than {NAMED_FROM} rows"] if count else []


def beyond_the_kept(pair: ComparedPair, names: Iterable[str]) -> Iterator[Finding]:
    """Values outside a category's domain that TFDV does not see, since it kept none of them."""
    for name in names:
        feature, view = pair.features[name], pair.serving.get(name)
        if view is None or view.kind != "category" or unseen_mass.known_values(pair.schema, feature) is None:
            continue
        mass = unseen_mass.of_category(pair.schema, feature, view)
        if mass is not None and mass.least > 1 - _least_in_domain(feature):
            level, message = _unseen_message(pair, name, mass)
            yield Finding(
                name,
                pair.reference.space,
                FindingKind.VALUES,
                level,
                UNSEEN_STRINGS,
                message,
                raw_features=pair.raw_features(name),
            )


def share_outside_domain(pair: ComparedPair, name: str) -> float:
    """The share of the values served that the schema's domain does not have, where it allows none so many."""
    feature, view = pair.features.get(name), pair.serving.get(name)
    if feature is None or view is None:
        return 0.0
    if view.kind == "category":
        mass = unseen_mass.of_category(pair.schema, feature, view)
        return mass.least if mass is not None and mass.least > 1 - _least_in_domain(feature) else 0.0
    return unseen_mass.share_outside(view, *unseen_mass.bounds(feature)) if view.kind == "number" else 0.0


def _least_in_domain(feature: schema_pb2.Feature) -> float:
    """The share of values that the schema wants in the domain, all unless it says otherwise."""
    constraints = feature.distribution_constraints
    return constraints.min_domain_mass if feature.HasField("distribution_constraints") else 1.0


_Description = Callable[[ComparedPair, str, anomalies_pb2.AnomalyInfo.Reason], tuple[Severity, str]]
_DESCRIPTIONS: dict[FindingKind, _Description] = {
    FindingKind.PRESENCE: _of_presence,
    FindingKind.VALUES: _of_values,
}


def new_column(pair: ComparedPair, name: str, rows: int) -> tuple[Severity, str]:
    """Severity and message of a column that the schema does not have in SERVING."""
    share = percent(min(rows / pair.rows, 1.0)) if pair.rows else "0.0 %"
    if pair.reference.is_label(name):
        return Severity.INFO, f"the label is in {share} of the rows served; it is not compared"
    return Severity.WARNING, f"a column that training did not have, in {share} of rows"


def _unseen_mass(
    schema: schema_pb2.Schema, feature: schema_pb2.Feature, view: View, anomaly: str
) -> UnseenMass | None:
    """Values outside the schema's domain, None if it cannot be told how many they are."""
    if view.kind == "category":
        return unseen_mass.of_category(schema, feature, view)
    if view.kind == "number" and anomaly.endswith(("_BIG_INT", "_SMALL_INT", "_BIG_FLOAT", "_SMALL_FLOAT")):
        return unseen_mass.outside_domain(feature, view)
    if anomaly == "FLOAT_TYPE_HAS_NAN" and view.values:
        count = max((h.num_nan for h in view.proto.num_stats.histograms), default=0)
        return UnseenMass(count / view.values, count / view.values) if count else None
    return None


def _described(reason: anomalies_pb2.AnomalyInfo.Reason) -> str:
    """TFDV's own words, bounded; only the short ones where the long ones hold strangers' values."""
    short = plain(reason.short_description)
    description = plain(reason.description.strip())
    metric = severity.type_name(reason)
    holds_values = severity.kind_of(metric) is FindingKind.VALUES or "STRING" in metric
    if holds_values or not description:
        return short or "values that the schema does not allow"
    return (
        description
        if len(description) <= _LONGEST_DESCRIPTION
        else description[:_LONGEST_DESCRIPTION] + "..."
    )
