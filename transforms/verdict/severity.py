"""What counts as how bad: the policy of a run and the rules that need no statistics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import anomalies_pb2

from trueserve.transforms.verdict.model import Finding, FindingKind, Severity
from trueserve.transforms.verdict.thresholds import Thresholds

# A distance between numbers must also show in the body of the distribution, where the outermost values
# cannot make it: by this part of its threshold, over the noise.
BODY_PART = 0.3

#: How bad, the worst least.
RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}

_TYPE_WORDS = ("_NOT_INT", "_NOT_STRING", "_NOT_FLOAT", "STRING_TYPE_NOW", "_EXPECTED", "_NON_STRING")
_KINDS = {
    "UNEXPECTED_DATA_TYPE": FindingKind.TYPE,
    "INVALID_FEATURE_SHAPE": FindingKind.TYPE,
    "VALUE_NESTEDNESS_MISMATCH": FindingKind.TYPE,
    "FEATURE_TYPE_UNEXPECTED_REPEATED": FindingKind.TYPE,
    "FEATURE_TYPE_HIGH_NUMBER_VALUES": FindingKind.TYPE,
    "FEATURE_TYPE_LOW_NUMBER_VALUES": FindingKind.TYPE,
    "EMBEDDING_SHAPE_INVALID": FindingKind.TYPE,
    "SCHEMA_MISSING_COLUMN": FindingKind.PRESENCE,
    "FEATURE_TYPE_NOT_PRESENT": FindingKind.PRESENCE,
    "FEATURE_TYPE_NO_VALUES": FindingKind.PRESENCE,
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": FindingKind.PRESENCE,
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": FindingKind.PRESENCE,
    "SCHEMA_NEW_COLUMN": FindingKind.VALUES,
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": FindingKind.VALUES,
    "ENUM_TYPE_INVALID_UTF8": FindingKind.VALUES,
    "BOOL_TYPE_BIG_INT": FindingKind.VALUES,
    "BOOL_TYPE_SMALL_INT": FindingKind.VALUES,
    "BOOL_TYPE_UNEXPECTED_STRING": FindingKind.VALUES,
    "BOOL_TYPE_UNEXPECTED_FLOAT": FindingKind.VALUES,
    "INT_TYPE_BIG_INT": FindingKind.VALUES,
    "INT_TYPE_SMALL_INT": FindingKind.VALUES,
    "FLOAT_TYPE_BIG_FLOAT": FindingKind.VALUES,
    "FLOAT_TYPE_SMALL_FLOAT": FindingKind.VALUES,
    "FLOAT_TYPE_HAS_NAN": FindingKind.VALUES,
    "FLOAT_TYPE_HAS_INF": FindingKind.VALUES,
}


@dataclasses.dataclass(frozen=True)
class Policy:
    """What one run calls skew.

    Attributes:
      jsd, linf: the user's thresholds (0..1) for numbers and for categories, where the schema has none; None
        where the user has given none; `linf` also holds for the share of missing rows.
      fail_on: the mildest severity that makes the verdict `skew`.
      only_news: whether only incidents that are new, or have got worse, make the verdict `skew`.
      ignore: features, of either space, that never do; their findings are shown as info.
      only: the features that are looked at, of either space, with what is computed from them; empty for all.
      thresholds: the user's own limits, feature by feature.
      unseen_share: share of a feature's values from which values unseen in training are an error.
      max_rejects: share of the records read that may be rejected before the run has failed.
      false_alarms: of all differences that a comparison counts, the share that may be chance.
      natural_alarms: likewise the share that may be how training's own days differ, where that is known.
      min_rows: with fewer rows compared nothing counts as examined.
      min_slice_rows: a slice of fewer rows is not compared on its own.
    """

    jsd: float | None = None
    linf: float | None = None
    fail_on: Severity = Severity.ERROR
    only_news: bool = False
    ignore: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    thresholds: Thresholds = dataclasses.field(default_factory=Thresholds)
    unseen_share: float = 0.01
    max_rejects: float = 0.0
    false_alarms: float = 0.005
    natural_alarms: float = 0.01
    min_rows: int = 1
    min_slice_rows: int = 200


def at_least(severity: Severity, least: Severity) -> bool:
    return RANKS[severity] <= RANKS[least]


def kind_of(anomaly_type: str) -> FindingKind:
    """The kind of one of TFDV's anomaly types."""
    if anomaly_type in _KINDS:
        return _KINDS[anomaly_type]
    return FindingKind.TYPE if any(word in anomaly_type for word in _TYPE_WORDS) else FindingKind.SCHEMA


def type_name(reason: anomalies_pb2.AnomalyInfo.Reason) -> str:
    """TFDV's name of an anomaly type; `TYPE_<number>` for one newer than the protos that are installed."""
    known: Mapping[int, str] = {value: name for name, value in anomalies_pb2.AnomalyInfo.Type.items()}
    return known.get(reason.type, f"TYPE_{reason.type}")


def of_anomaly(anomaly_type: str) -> Severity:
    """Severity of an anomaly against the schema whose share of rows does not matter."""
    kind = kind_of(anomaly_type)
    if kind in (FindingKind.TYPE, FindingKind.PRESENCE):
        return Severity.ERROR
    return Severity.WARNING if kind is FindingKind.VALUES else Severity.INFO


def of_unseen(share: float | None, least: float) -> Severity:
    """Severity of values unseen in training in this share of values, None where it is not known."""
    return Severity.ERROR if share is not None and share >= least else Severity.WARNING


def of_distance(
    distance: float, threshold: float, noise_floor: float, body: float | None, *, own_threshold: bool = False
) -> Severity:
    """Severity of a distance over its threshold: an error only where neither chance nor tails explain it.

    `own_threshold`: the user's schema sets it. Then nothing is explained away.
    """
    if own_threshold:
        return Severity.ERROR
    if distance <= noise_floor:
        return Severity.INFO
    if body is not None and body <= noise_floor + BODY_PART * threshold:
        return Severity.INFO
    return Severity.ERROR


def order(finding: Finding) -> tuple[object, ...]:
    """Sort key: worst first, the same in every run."""
    excess = (finding.distance or 0.0) / finding.threshold if finding.threshold else 0.0
    tie_break = (finding.space.value, finding.feature, finding.kind.value, finding.metric, finding.message)
    return (RANKS[finding.severity], finding.kind is not FindingKind.INPUT, -excess, *tie_break)
