"""What TFDV's check of serving against the schema becomes: one finding for each cause, with its share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from transforms import schema as schemas
from transforms.verdict import severity
from transforms.verdict.findings import Finding, Kind, Severity, Space
from transforms.verdict.reference import Sides
from transforms.verdict.text import listing, percent, plain
from transforms.verdict.views import View, mass_between, path_name

NEW_COLUMN = "SCHEMA_NEW_COLUMN"
_LONGEST_DESCRIPTION = 300


def validate(sides: Sides) -> anomalies_pb2.Anomalies:
    """TFDV's anomalies of the serving statistics in the SERVING environment."""
    return tfdv.validate_statistics(sides.served, sides.schema, environment=schemas.SERVING)


def findings(sides: Sides, anomalies: anomalies_pb2.Anomalies) -> Iterator[Finding]:
    """A finding for each of TFDV's reasons, but for those that the reader's counts of forms explain."""
    for key, info in anomalies.anomaly_info.items():
        name = path_name(info.path) or key
        for reason in info.reason:
            if not _explained_by_forms(sides, name, severity.type_name(reason)):
                yield _finding(sides, name, reason)
    for reason in anomalies.dataset_anomaly_info.reason:
        yield _of_the_set(reason)


def _explained_by_forms(sides: Sides, name: str, anomaly: str) -> bool:
    """Whether the reader took the values out for their type: reported there, and no second time here."""
    if name not in sides.of_other_type:
        return False
    kind = severity.kind_of(anomaly)
    return kind is Kind.TYPE or (kind is Kind.PRESENCE and _enough_were_sent(sides, name))


def _enough_were_sent(sides: Sides, name: str) -> bool:
    """Whether the schema's presence would be met, had the values that were taken out stayed."""
    feature = sides.features.get(name)
    required = feature.presence.min_fraction if feature is not None else 0.0
    return sides.missing(name) <= (1 - required) * sides.rows


def _finding(sides: Sides, name: str, reason: anomalies_pb2.AnomalyInfo.Reason) -> Finding:
    metric = severity.type_name(reason)
    kind = severity.kind_of(metric)
    describe = _DESCRIPTIONS.get(kind, _of_other_kind)
    level, message = describe(sides, name, reason)
    return Finding(
        feature=name,
        space=sides.reference.space,
        kind=kind,
        severity=level,
        metric=metric,
        message=message,
        raw_features=sides.raw_features(name),
    )


def _of_the_set(reason: anomalies_pb2.AnomalyInfo.Reason) -> Finding:
    metric = severity.type_name(reason)
    return Finding("", Space.SET, Kind.SCHEMA, Severity.INFO, metric, _described(reason))


def _of_other_kind(_s: Sides, _n: str, reason: anomalies_pb2.AnomalyInfo.Reason) -> tuple[Severity, str]:
    return severity.of_anomaly(severity.type_name(reason)), _described(reason)


def _of_presence(sides: Sides, name: str, _reason: anomalies_pb2.AnomalyInfo.Reason) -> tuple[Severity, str]:
    missing = sides.missing(name)
    rows = f"{missing:,} of {sides.rows:,} rows ({percent(missing / sides.rows if sides.rows else 0.0)})"
    view = sides.training.get(name)
    before = "" if view is None else f"; in training {percent(view.missing_share)} are missing"
    hint = ""
    if missing == sides.rows and sides.reference.label is None:
        hint = f"; if it is the label, say --ignore={plain(name)}"
    return Severity.ERROR, f"a required feature is missing in {rows}{before}{hint}"


def _of_values(sides: Sides, name: str, reason: anomalies_pb2.AnomalyInfo.Reason) -> tuple[Severity, str]:
    if severity.type_name(reason) == NEW_COLUMN:
        view = sides.serving.get(name)
        return new_column(sides, name, sides.rows if view is None else view.present)
    feature, view = sides.features.get(name), sides.serving.get(name)
    if feature is None or view is None:
        return Severity.WARNING, _described(reason)
    share, examples = _unseen(sides.schema, feature, view, severity.type_name(reason))
    level = severity.of_unseen(share, sides.policy)
    if share is None:
        return level, _described(reason)
    shown = f": {listing(examples)}" if examples else f": {_described(reason)}"
    return level, f"values unseen in training in {percent(share)} of rows{shown}"


_Description = Callable[[Sides, str, anomalies_pb2.AnomalyInfo.Reason], tuple[Severity, str]]
_DESCRIPTIONS: dict[Kind, _Description] = {Kind.PRESENCE: _of_presence, Kind.VALUES: _of_values}


def new_column(sides: Sides, name: str, rows: int) -> tuple[Severity, str]:
    """Severity and message of a column that the schema does not have in SERVING."""
    share = percent(min(rows / sides.rows, 1.0)) if sides.rows else "0.0 %"
    if sides.reference.is_label(name):
        return Severity.INFO, f"the label is in {share} of the rows served; it is not compared"
    return Severity.WARNING, f"a column that training did not have, in {share} of rows"


def _unseen(
    schema: schema_pb2.Schema, feature: schema_pb2.Feature, view: View, anomaly: str
) -> tuple[float | None, list[str]]:
    """Share of rows with values outside the schema's domain, None if it cannot be told, and such values."""
    if view.kind == "category":
        counts = view.counts()
        often_first = sorted(counts, key=lambda value: (-counts[value], value))
        outside = [value for value in often_first if _is_outside(schema, feature, value)]
        return _share(sum(counts[value] for value in outside), view), outside
    if view.kind == "number" and anomaly.endswith(("_BIG_INT", "_SMALL_INT", "_BIG_FLOAT", "_SMALL_FLOAT")):
        return _share(_outside_bounds(feature, view), view), []
    if anomaly == "FLOAT_TYPE_HAS_NAN":
        return _share(max((h.num_nan for h in view.proto.num_stats.histograms), default=0), view), []
    return None, []


def _share(count: float, view: View) -> float | None:
    """Counts of values as a share of rows; None where a row's domain has nothing to say of the counts."""
    return min(count / view.rows, 1.0) if view.rows and count > 0 else None


def _is_outside(schema: schema_pb2.Schema, feature: schema_pb2.Feature, value: str) -> bool:
    known = _known_values(schema, feature)
    if known is not None:
        return value not in known
    low, high = _bounds(feature)
    try:
        return not low <= float(value) <= high
    except ValueError:
        return False


def _known_values(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> set[str] | None:
    if feature.domain:
        named = [domain for domain in schema.string_domain if domain.name == feature.domain]
        return set(named[0].value) if named else None
    if feature.HasField("string_domain"):
        return set(feature.string_domain.value)
    if feature.HasField("bool_domain"):
        domain = feature.bool_domain
        return {domain.true_value, domain.false_value} if feature.type == schema_pb2.BYTES else {"0", "1"}
    return None


def _bounds(feature: schema_pb2.Feature) -> tuple[float, float]:
    """The domain's bounds, inclusive, infinite where it has none."""
    domain = feature.int_domain if feature.HasField("int_domain") else feature.float_domain
    low = float(domain.min) if domain.HasField("min") else -math.inf
    return low, float(domain.max) if domain.HasField("max") else math.inf


def _outside_bounds(feature: schema_pb2.Feature, view: View) -> float:
    """Values outside the domain, as the standard histogram has it; at least one, since TFDV saw one."""
    low, high = _bounds(feature)
    buckets = view.buckets(statistics_pb2.Histogram.STANDARD)
    below = mass_between(buckets, -math.inf, low)
    above = sum(bucket.mass for bucket in buckets) - mass_between(
        buckets, -math.inf, math.nextafter(high, math.inf)
    )
    return max(below + above, 1.0)


def _described(reason: anomalies_pb2.AnomalyInfo.Reason) -> str:
    """TFDV's own words, bounded, since they hold strangers' values."""
    said = plain(reason.description.strip() or reason.short_description)
    return said if len(said) <= _LONGEST_DESCRIPTION else said[:_LONGEST_DESCRIPTION] + "..."
