"""Planted skews are found and named, and their clean twins are silent."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from support.verdict import (
    LABEL,
    compared,
    finding_triples,
    frame,
    reasons,
    reference,
    served,
    statistics,
    worst,
)
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.evidence import noise_floor
from trueserve.transforms.verdict.model import FindingKind, Severity, Space


def test_clean_serving_is_silent_and_every_feature_but_the_label_is_compared(baseline: Reference) -> None:
    result = compared(baseline, served())
    assert result.findings == ()
    assert sorted(finding.feature for finding in result.distances) == ["carrier", "distance", "rain", "stops"]
    assert reasons(result) == {LABEL: "label"}


def test_a_schema_is_left_as_it_was_given(baseline: Reference) -> None:
    before = baseline.schema.SerializeToString(deterministic=True)
    compared(baseline, served())
    assert baseline.schema.SerializeToString(deterministic=True) == before


def test_kilometres_and_lower_case_are_errors_on_their_features_alone(baseline: Reference) -> None:
    data = served()
    data["distance"] *= 1.609
    data["carrier"] = data["carrier"].str.lower()
    findings = compared(baseline, data).findings
    errors = {finding.feature for finding in findings if finding.severity is Severity.ERROR}
    assert errors == {"distance", "carrier"}
    number = worst(findings, "distance")
    assert (number.kind, number.metric, number.threshold) == (
        FindingKind.DISTRIBUTION,
        "jensen_shannon_divergence",
        0.1,
    )
    assert number.distance is not None
    assert number.noise_floor is not None
    assert number.distance > 0.1 > number.noise_floor
    category = next(f for f in findings if f.metric == "l_infinity_norm")
    assert category.distance == pytest.approx(0.25, abs=0.02)


def test_heavy_tails_are_no_skew_though_tfdv_alone_says_so(baseline: Reference) -> None:
    served_statistics = statistics(served(1000))
    schema = baseline.prepared(Policy())
    alone = tfdv.validate_statistics(baseline.statistics, schema, serving_statistics=served_statistics)
    assert "rain" in alone.anomaly_info
    result = compare(baseline, served_statistics, Policy(), Counter())
    assert result.findings == ()
    assert dict(text_format.Parse(result.anomalies, anomalies_pb2.Anomalies()).anomaly_info) == {}


@pytest.mark.parametrize("rows", [30, 100, 300, 1000, 5000])
def test_samples_of_one_distribution_have_no_errors_at_any_size(baseline: Reference, rows: int) -> None:
    for seed in (11, 12, 13):
        assert [
            f for f in compared(baseline, served(rows, seed)).findings if f.severity is Severity.ERROR
        ] == []


def test_a_moved_heavy_tail_is_found(baseline: Reference) -> None:
    data = served()
    data["rain"] = data["rain"] * 25.4
    assert worst(compared(baseline, data).findings, "rain").severity is Severity.ERROR


def test_a_histogram_that_the_schema_names_is_kept_to(baseline: Reference) -> None:
    schema = baseline.prepared(Policy())
    rain = next(feature for feature in schema.feature if feature.name == "rain")
    rain.skew_comparator.jensen_shannon_divergence.source.type = schema_pb2.HistogramSelection.STANDARD
    named = Reference(schema, baseline.statistics, Space.RAW, label=LABEL)
    distances = [
        worst(compared(against, served()).distances, "rain").distance or 0.0 for against in (named, baseline)
    ]
    assert distances[0] > 0.1 > distances[1]


def test_a_threshold_of_the_schema_stands_and_the_policy_gives_the_others(baseline: Reference) -> None:
    schema = baseline.prepared(Policy())
    schema.feature[0].skew_comparator.jensen_shannon_divergence.threshold = 0.77
    own = Reference(schema, baseline.statistics, Space.RAW, label=LABEL)
    assert worst(compared(own, served()).distances, schema.feature[0].name).threshold == 0.77
    strict = compared(baseline, served(), Policy(jsd=0.2, linf=0.3)).distances
    assert {finding.feature: finding.threshold for finding in strict} == {
        "distance": 0.2,
        "stops": 0.2,
        "rain": 0.2,
        "carrier": 0.3,
    }


def test_what_is_ignored_is_shown_but_is_info(baseline: Reference) -> None:
    data = served()
    data["distance"] *= 10
    findings = compared(baseline, data, Policy(ignore=frozenset({"distance"}))).findings
    assert finding_triples(findings) == [("distance", "distribution", "info"), ("distance", "values", "info")]
    assert all(finding.message.endswith("(ignored)") for finding in findings)


def test_an_unknown_label_is_a_missing_column_with_a_hint() -> None:
    training = frame(2000, 1)
    findings = compared(reference(training, label=None), served()).findings
    assert finding_triples(findings) == [(LABEL, "presence", "error")]
    assert f"name it with --label={LABEL}" in findings[0].message


def test_features_that_cannot_be_compared_say_why() -> None:
    training = frame(2000, 1).assign(late_twin=1.0, empty=np.float32("nan"), old=1.0, fixed=1.0)
    against = reference(training, raw_features={"late_twin": (LABEL, "stops")}, space=Space.TRANSFORMED)
    by_name = {feature.name: feature for feature in against.schema.feature}
    by_name["old"].lifecycle_stage = schema_pb2.DEPRECATED
    by_name["fixed"].skew_comparator.infinity_norm.threshold = 0.1
    by_name["empty"].type = schema_pb2.FLOAT
    against.schema.feature.add(name="planned", type=schema_pb2.FLOAT)
    result = compared(against, served().assign(empty=1.0, old=1.0, fixed=1.0, planned=1.0))
    assert reasons(result) == {
        LABEL: "label",
        "late_twin": "computed from the label",
        "empty": "no values in training",
        "old": "marked as not in use in the schema",
        "fixed": "the L-infinity norm does not apply to numbers",
        "planned": "absent in training",
    }
    assert {finding.space for finding in result.distances} == {Space.TRANSFORMED}


def test_a_transformed_finding_names_its_raw_features_and_forms_are_those_of_the_raw_space() -> None:
    against = reference(frame(2000, 1), space=Space.TRANSFORMED, raw_features={"distance": ("miles", "unit")})
    data = served()
    data["distance"] *= 10
    findings = compared(against, data, forms={("stops", "bytes_for_int"): 5}).findings
    assert {(f.feature, f.raw_features) for f in findings} == {("distance", ("miles", "unit"))}


def test_categorical_numbers_are_compared_value_by_value() -> None:
    training = frame(5000, 1)
    plain = reference(training)
    stops = next(feature for feature in plain.schema.feature if feature.name == "stops")
    stops.int_domain.is_categorical = True
    options = tfdv.StatsOptions(schema=plain.schema)
    against = Reference(plain.schema, statistics(training, options), Space.RAW, label=LABEL)
    data = served()
    data["stops"] = (data["stops"] + 1) % 4
    result = compare(against, statistics(data, options), Policy(), Counter())
    assert worst(result.findings, "stops").metric == "l_infinity_norm"
    assert "'1' is 20.2 % of training and 41.0 % of serving" in worst(result.findings, "stops").message


def test_the_anomalies_text_holds_both_calls(baseline: Reference) -> None:
    data = served().drop(columns="stops")
    data["distance"] *= 10
    parsed = text_format.Parse(compared(baseline, data).anomalies, anomalies_pb2.Anomalies())
    assert set(parsed.anomaly_info) == {"distance", "stops"}
    measured = {info.path.step[0]: info.skew_measurements[0] for info in parsed.drift_skew_info}
    assert set(measured) == {"carrier", "distance", "rain"}
    assert measured["distance"].value > measured["distance"].threshold


def test_without_rows_nothing_is_compared_and_every_feature_is_listed(baseline: Reference) -> None:
    result = compare(baseline, statistics(served()).__class__(), Policy(), Counter())
    assert (result.findings, result.distances, result.anomalies) == ((), (), "")
    assert set(reasons(result)) == set(frame(1, 1).columns)


def test_the_same_input_gives_the_same_order_worst_first(baseline: Reference) -> None:
    data = served().assign(new=1)
    data["distance"] *= 10
    data["stops"] += 1
    results = [compared(baseline, data[order]).findings for order in (list(data), sorted(data))]
    assert finding_triples(results[0]) == finding_triples(results[1])
    assert finding_triples(results[0])[0] == ("distance", "distribution", "error")
    assert ("new", "values", "warning") in finding_triples(results[0])[-2:]


def test_the_noise_floor_holds_for_samples_of_one_distribution() -> None:
    rng = np.random.default_rng(5)
    shares = np.full(20, 0.05)
    samples = rng.multinomial(400, shares, size=(500, 2)) / 400
    middle = samples.mean(axis=1, keepdims=True)
    parts = np.where(samples > 0, samples * np.log2(np.where(samples > 0, samples, 1) / middle), 0)
    divergence = parts.sum(axis=2).mean(axis=1)
    floor = noise_floor.jensen_shannon_floor(400, 400, 20)
    assert np.quantile(divergence, 0.95) < floor < 2 * divergence.max()
    widest = np.abs(samples[:, 0] - samples[:, 1]).max(axis=1)
    floor = noise_floor.l_infinity_floor(shares, 400, 400)
    assert np.quantile(widest, 0.95) < floor < 2 * widest.max()
