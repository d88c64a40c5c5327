"""Distances as findings: their severity and words, which histogram counts, and what is set aside."""

from __future__ import annotations

from typing import Any

import pytest
from support import hand_made
from support.hand_made import about
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from trueserve.transforms.verdict.evidence import noise_floor
from trueserve.transforms.verdict.findings import skew
from trueserve.transforms.verdict.findings.skew import Measured
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair

Info = anomalies_pb2.DriftSkewInfo
JSD, LINF = Info.Measurement.JENSEN_SHANNON_DIVERGENCE, Info.Measurement.L_INFTY
ROWS = 10_000


def info(*measurements: tuple[int, float, float]) -> Any:
    made = Info(path={"step": ["x"]})
    for kind, value, threshold in measurements:
        made.skew_measurements.add(type=kind, value=value, threshold=threshold)
    return made


def measured(*measurements: tuple[int, float, float], body: float | None = None) -> Measured:
    return Measured("x", info(*measurements), None, body)


def number(median: float = 1.0, present: int = ROWS) -> Any:
    return hand_made.number("x", present, median=median)


def category(present: int | None = None, **counts: float) -> Any:
    return hand_made.category("x", counts, present=present)


def pair(training: Any, served: Any, **feature: Any) -> ComparedPair:
    schema = hand_made.schema(schema_pb2.Feature(name="x", type=schema_pb2.FLOAT, **feature))
    return hand_made.pair(schema, *(hand_made.statistics(ROWS, side) for side in (training, served)))


def findings(made: Measured, training: Any = None, served: Any = None, **feature: Any) -> list[Finding]:
    both = pair(training or number(), served or number(2.0), **feature)
    return list(skew.findings(both, "x", made))


def test_the_greatest_divergence_is_a_features() -> None:
    assert measured((JSD, 0.1, 1), (JSD, 0.3, 1), (LINF, 0.9, 1)).divergence == 0.3
    assert measured((LINF, 0.9, 1)).divergence == 0.0


@pytest.mark.parametrize(("value", "over"), [(0.1, False), (0.11, True)])
def test_a_distance_at_its_threshold_is_not_over_it(value: float, over: bool) -> None:
    made = measured((LINF, 0.0, 0.1), (JSD, value, 0.1))
    assert made.is_over is over
    [finding] = findings(made)
    assert skew.is_over(finding) is over
    assert (finding.severity is Severity.INFO) is not over
    assert ("is within its threshold 0.1" in finding.message) is not over


def test_a_distance_without_a_value_or_a_threshold_counts_as_nought() -> None:
    finding = Finding("x", Space.RAW, FindingKind.DISTRIBUTION, Severity.INFO, "m", "")
    assert not skew.is_over(finding)


def test_a_finding_has_the_figures_and_the_medians() -> None:
    [finding] = findings(measured((JSD, 0.5, 0.1)))
    assert (finding.metric, finding.distance, finding.threshold) == (skew.JENSEN_SHANNON, 0.5, 0.1)
    assert (finding.kind, finding.severity) == (FindingKind.DISTRIBUTION, Severity.ERROR)
    assert finding.noise_floor == noise_floor.jensen_shannon_floor(ROWS, ROWS, noise_floor.NUMERIC_BINS)
    assert finding.message == (
        "Jensen-Shannon divergence 0.5 is over its threshold 0.1; median 1 in training, 2 in serving"
    )


def test_what_chance_or_the_extremes_explain_is_said_and_is_no_error() -> None:
    few = number(present=20)
    [finding] = findings(measured((JSD, 0.15, 0.1)), few, few)
    assert finding.noise_floor is not None
    assert finding.noise_floor > 0.15
    assert finding.severity is not Severity.ERROR
    assert "but samples of this size lie up to" in finding.message
    [finding] = findings(measured((JSD, 0.5, 0.1), body=0.001))
    assert finding.severity is not Severity.ERROR
    assert "but only because of its lowest or highest values" in finding.message


def test_a_number_has_no_l_infinity_norm_and_a_category_has() -> None:
    assert findings(measured((LINF, 0.5, 0.1))) == []
    training, served = category(a=7000, b=3000), category(a=4000, b=6000)
    [finding] = findings(measured((LINF, 0.3, 0.1)), training, served)
    assert (finding.metric, finding.distance) == (skew.L_INFINITY, about(0.3))
    assert finding.noise_floor == noise_floor.l_infinity_floor([0.7, 0.3, 0.6, 0.4], ROWS, ROWS)
    assert finding.message.startswith(
        "L-infinity norm 0.3 is over its threshold 0.1; 'b' is 30.0 % of training"
    )
    [finding] = findings(measured((JSD, 0.3, 0.1)), training, category(a=4000, c=6000))
    # Three values in all.
    assert finding.noise_floor == noise_floor.jensen_shannon_floor(ROWS, ROWS, 3)


def test_a_value_of_few_rows_that_training_did_not_have_is_not_named() -> None:
    [finding] = findings(measured((LINF, 0.3, 0.1)), category(a=10_000), category(a=4, secret=6))
    assert "secret" not in finding.message
    assert "% of training and" in finding.message


def histograms(low: float, high: float, quantiles: tuple[float, ...]) -> Any:
    bounds = list(zip((low, *quantiles), (*quantiles, high), strict=True))
    made = number()
    for kind in made.num_stats.histograms:
        if kind.type == statistics_pb2.Histogram.QUANTILES:
            for first, last in bounds:
                kind.buckets.add(low_value=first, high_value=last, sample_count=ROWS / len(bounds))
    return made


def test_extremes_are_set_aside_by_equal_ends_of_both() -> None:
    both_sides = [
        hand_made.statistics(ROWS, histograms(*ends, (2.0, 3.0))) for ends in ((0.0, 9.0), (-5.0, 7.0))
    ]
    both = skew._with_equal_ends(both_sides[0], both_sides[1], {"x"})
    for side, copy in zip(both_sides, both, strict=True):
        [buckets] = skew._quantile_buckets(copy).values()
        assert [(b.low_value, b.high_value) for b in buckets] == [(-5.0, 2.0), (2.0, 3.0), (3.0, 9.0)]
        assert skew._quantile_buckets(side)["x"][0].low_value in {0.0, -5.0}
    assert [
        list(copy.datasets[0].features) for copy in skew._with_equal_ends(both_sides[0], both_sides[1], set())
    ] == [[], []]


def reason(kind: int, text: str) -> Any:
    return anomalies_pb2.AnomalyInfo.Reason(type=kind, short_description=text, description=f"{text}.")


COMPARATOR = anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH
OTHER = anomalies_pb2.AnomalyInfo.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH
SCHEMA = anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES


def test_of_anomalies_those_of_comparators_are_kept() -> None:
    assert skew._skew_only(anomalies_pb2.AnomalyInfo(reason=[reason(SCHEMA, "s")])) is None
    alone = skew._skew_only(anomalies_pb2.AnomalyInfo(reason=[reason(SCHEMA, "s"), reason(COMPARATOR, "c")]))
    assert alone is not None
    assert (alone.short_description, alone.description, len(alone.reason)) == ("c", "c.", 1)
    several = skew._skew_only(anomalies_pb2.AnomalyInfo(reason=[reason(COMPARATOR, "c"), reason(OTHER, "o")]))
    assert several is not None
    assert (several.short_description, several.description) == ("Multiple errors", "c. o.")


def test_skew_is_added_to_what_was_found_against_the_schema() -> None:
    anomalies = anomalies_pb2.Anomalies()
    anomalies.anomaly_info["x"].reason.append(reason(SCHEMA, "s"))
    anomaly = anomalies_pb2.AnomalyInfo(reason=[reason(COMPARATOR, "c")], short_description="c")
    skew.merge_into(anomalies, [Measured("x", info(), anomaly), Measured("y", info(), anomaly)])
    skew.merge_into(anomalies, [measured()])
    assert len(anomalies.drift_skew_info) == 3
    assert anomalies.anomaly_info["x"].short_description == "Multiple errors"
    assert anomalies.anomaly_info["x"].description == "s. c."
    assert anomalies.anomaly_info["y"] == anomaly
