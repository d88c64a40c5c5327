"""What counts as how bad: kinds of anomalies, and distances at their limits."""

from __future__ import annotations

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space

Reason = anomalies_pb2.AnomalyInfo.Reason


@pytest.mark.parametrize(
    ("anomaly", "kind", "level"),
    [
        ("INVALID_FEATURE_SHAPE", FindingKind.TYPE, Severity.ERROR),
        ("INT_TYPE_NOT_STRING", FindingKind.TYPE, Severity.ERROR),
        ("FLOAT_TYPE_NON_STRING", FindingKind.TYPE, Severity.ERROR),
        ("SCHEMA_MISSING_COLUMN", FindingKind.PRESENCE, Severity.ERROR),
        ("SCHEMA_NEW_COLUMN", FindingKind.VALUES, Severity.WARNING),
        ("FLOAT_TYPE_HAS_NAN", FindingKind.VALUES, Severity.WARNING),
        ("SEMANTIC_DOMAIN_UPDATE", FindingKind.SCHEMA, Severity.INFO),
    ],
)
def test_anomalies_have_a_kind_and_a_severity(anomaly: str, kind: FindingKind, level: Severity) -> None:
    assert severity.kind_of(anomaly) is kind
    assert severity.of_anomaly(anomaly) is level


def test_types_have_tfdvs_names_or_numbers() -> None:
    assert severity.type_name(Reason(type=anomalies_pb2.AnomalyInfo.SCHEMA_NEW_COLUMN)) == "SCHEMA_NEW_COLUMN"
    newer = Reason()
    newer.MergeFromString(b"\x08\xe7\x07")
    assert severity.type_name(newer) == f"TYPE_{newer.type}" if newer.type == 999 else "UNKNOWN_TYPE"


@pytest.mark.parametrize(
    ("share", "level"),
    [(None, Severity.WARNING), (0.0099, Severity.WARNING), (0.01, Severity.ERROR), (1.0, Severity.ERROR)],
)
def test_unseen_values_are_an_error_from_a_share_on(share: float | None, level: Severity) -> None:
    assert severity.of_unseen(share, 0.01) is level


@pytest.mark.parametrize(
    ("distance", "body", "own", "level"),
    [
        (0.2, None, False, Severity.ERROR),
        (0.05, None, False, Severity.INFO),
        (0.051, None, False, Severity.ERROR),
        (0.2, 0.08, False, Severity.INFO),
        (0.2, 0.081, False, Severity.ERROR),
        (0.01, 0.0, True, Severity.ERROR),
    ],
)
def test_a_distance_is_an_error_beyond_noise_and_in_the_body(
    distance: float, body: float | None, own: bool, level: Severity
) -> None:
    assert severity.of_distance(distance, 0.1, 0.05, body, own_threshold=own) is level


def test_severities_are_ranked() -> None:
    ranked = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    for rank, level in enumerate(ranked):
        assert [severity.at_least(level, least) for least in ranked] == [rank <= other for other in range(3)]


def finding(
    feature: str = "a",
    level: Severity = Severity.ERROR,
    kind: FindingKind = FindingKind.DISTRIBUTION,
    distance: float | None = None,
    threshold: float | None = None,
) -> Finding:
    return Finding(feature, Space.RAW, kind, level, "m", "", distance=distance, threshold=threshold)


def test_findings_are_ordered_worst_first() -> None:
    worst_first = [
        finding("z", kind=FindingKind.INPUT),
        finding("f", distance=0.4, threshold=0.1),
        finding("e", distance=0.9, threshold=0.3),
        finding("a"),
        finding("b", distance=0.9),
        finding("c", distance=0.9, threshold=0.0),
        finding("a", level=Severity.WARNING, distance=9.0, threshold=0.1),
        finding("a", level=Severity.INFO, kind=FindingKind.INPUT),
    ]
    mixed = [worst_first[rank] for rank in (7, 3, 5, 0, 6, 2, 4, 1)]
    assert sorted(mixed, key=severity.order) == worst_first
