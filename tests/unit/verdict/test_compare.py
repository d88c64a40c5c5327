"""Planted skews are found and named, and their clean twins are silent."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from support.verdict import LABEL, compared, finding_triples, frame, reference, served, statistics, worst
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from transforms.core.accounting import MORE_UNKNOWN, UNTRANSFORMABLE
from transforms.verdict.compare import Policy, Reference, compare
from transforms.verdict.evidence import noise_floor
from transforms.verdict.model import FindingKind, Severity, Space


@pytest.fixture(scope="module")
def baseline() -> Reference:
    return reference(frame(20000, 1))


def reasons(comparison: object) -> dict[str, str]:
    return {entry.feature: entry.reason for entry in comparison.not_compared}  # type: ignore[attr-defined]


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


def test_a_column_missing_in_serving_is_an_error_and_not_compared(baseline: Reference) -> None:
    result = compared(baseline, served().drop(columns=["distance", "carrier"]))
    assert finding_triples(result.findings) == [
        ("carrier", "presence", "error"),
        ("distance", "presence", "error"),
    ]
    assert reasons(result) == {
        "distance": "absent in serving",
        "carrier": "absent in serving",
        LABEL: "label",
    }


def test_a_column_without_values_is_missing_and_its_distance_is_no_measurement(baseline: Reference) -> None:
    data = served()
    data["carrier"] = pd.Series([None] * len(data), dtype=object)
    result = compared(baseline, data)
    assert finding_triples(result.findings) == [("carrier", "presence", "error")]
    assert reasons(result)["carrier"] == "no values in serving"
    assert "carrier" not in {finding.feature for finding in result.distances}


def test_a_required_feature_missing_in_part_says_in_how_many_rows(baseline: Reference) -> None:
    data = served()
    data.loc[:299, "carrier"] = None
    finding = worst(compared(baseline, data).findings, "carrier")
    assert (finding.kind, finding.severity) == (FindingKind.PRESENCE, Severity.ERROR)
    assert "300 of 3,000 rows (10.0 %); in training 0.0 %" in finding.message


def test_an_optional_feature_that_is_missing_far_more_often_is_an_error(baseline: Reference) -> None:
    data = served()
    data.loc[data.index % 10 != 0, "rain"] = np.nan
    finding = worst(compared(baseline, data).findings, "rain")
    assert (finding.kind, finding.metric) == (FindingKind.PRESENCE, "missing_share_difference")
    assert finding.distance == pytest.approx(0.63, abs=0.02)


def test_another_type_is_an_error_and_a_category_is_not_compared_with_a_number(baseline: Reference) -> None:
    data = served()
    data["distance"] = data["distance"].astype("int64")
    data["carrier"] = 1
    result = compared(baseline, data)
    assert finding_triples(result.findings) == [("carrier", "type", "error"), ("distance", "type", "error")]
    assert reasons(result)["carrier"] == "statistics of another type: category in training, number in serving"


def test_values_that_a_reader_left_out_for_their_type_are_one_error_with_the_share(
    baseline: Reference,
) -> None:
    data = served()
    data.loc[:1499, "distance"] = np.nan
    result = compared(baseline, data, forms={("distance", "bytes_for_float"): 1500})
    assert finding_triples(result.findings) == [("distance", "type", "error")]
    assert "strings came where the schema has floats in 50.0 % of rows (1,500)" in result.findings[0].message
    assert "distance" in {finding.feature for finding in result.distances}


def test_values_missing_beyond_those_of_another_type_are_a_cause_of_their_own(baseline: Reference) -> None:
    data = served()
    data.loc[:1499, "distance"] = np.nan
    findings = compared(baseline, data, forms={("distance", "bytes_for_float"): 1000}).findings
    assert finding_triples(findings) == [("distance", "presence", "error"), ("distance", "type", "error")]
    assert "500 of 3,000 rows" in findings[0].message


def test_a_column_wholly_of_another_type_is_not_called_missing(baseline: Reference) -> None:
    data = served().drop(columns=["distance", "rain"])
    forms = {("distance", "bytes_for_float"): 3000, ("rain", "int_for_float"): 2100}
    result = compared(baseline, data, forms=forms)
    assert finding_triples(result.findings) == [("distance", "type", "error"), ("rain", "type", "error")]
    assert reasons(result)["distance"] == "no values of the schema's type in serving"


def test_new_columns_are_warnings_with_their_share_and_the_label_is_not_new(baseline: Reference) -> None:
    forms = {("new", "unknown_feature"): 30, (LABEL, "unknown_feature"): 3000}
    findings = compared(baseline, served(), forms=forms).findings
    assert finding_triples(findings) == [("new", "values", "warning"), (LABEL, "values", "info")]
    assert "1.0 % of rows" in findings[0].message


def test_a_flood_of_new_columns_is_cut_short(baseline: Reference) -> None:
    findings = compared(
        baseline, served(), forms={(f"x{i:03}", "unknown_feature"): 1 for i in range(500)}
    ).findings
    assert len(findings) == 21
    assert "480 more columns" in next(f.message for f in findings if f.space is Space.SET)


def test_new_columns_that_are_not_told_apart_are_said_to_be_there(baseline: Reference) -> None:
    forms = {(f"x{i:04}", "unknown_feature"): 2 for i in range(1000)} | {MORE_UNKNOWN: 70_000}
    said_of_set = [f.message for f in compared(baseline, served(), forms=forms).findings if not f.feature]
    assert said_of_set == [
        "more than 980 more columns that training did not have:"
        " those beyond 1,000 have 70,000 values, uncounted by name"
    ]


def test_rows_that_the_graph_refused_are_one_error_of_the_transformed_space(baseline: Reference) -> None:
    forms = {UNTRANSFORMABLE: 30}
    assert not compared(baseline, served(), forms=forms).findings
    against = reference(frame(20000, 1), space=Space.TRANSFORMED)
    [finding] = compared(against, served(), forms=forms).findings
    assert (finding.feature, finding.space) == ("", Space.TRANSFORMED)
    assert (finding.kind, finding.severity, finding.metric) == (
        FindingKind.TYPE,
        Severity.ERROR,
        "untransformable",
    )
    assert finding.message.startswith("30 rows (1.0 %) could not be transformed: the graph refused them")


def test_a_new_column_in_the_statistics_is_a_warning(baseline: Reference) -> None:
    findings = compared(baseline, served().assign(extra=1)).findings
    assert finding_triples(findings) == [("extra", "values", "warning")]


@pytest.mark.parametrize(("rows", "severity"), [(29, Severity.WARNING), (30, Severity.ERROR)])
def test_values_unseen_in_training_are_an_error_from_one_row_in_a_hundred(
    baseline: Reference, rows: int, severity: Severity
) -> None:
    data = served()
    data.loc[: rows - 1, "carrier"] = "XX"
    findings = compared(baseline, data).findings
    assert finding_triples(findings) == [("carrier", "values", severity.value)]
    assert "'XX'" in findings[0].message
    assert f"{rows / 30:.1f} % of those served" in findings[0].message


def test_strangers_values_are_escaped_and_cut(baseline: Reference) -> None:
    data = served()
    data.loc[:99, "carrier"] = [f"v{i}" for i in range(10)] * 10
    data.loc[100:119, "carrier"] = "\x1b[31m\n\u202e" + "z" * 500
    findings = compared(baseline, data).findings
    message = next(finding.message for finding in findings if finding.kind is FindingKind.VALUES)
    assert r"\x1b[31m\n\u202ezzz" in message
    assert message.isprintable()
    assert "and 6 more" in message
    assert len(message) < 300


def test_numbers_outside_their_domain_are_counted() -> None:
    training = frame(5000, 1)
    against = reference(training)
    stops = next(feature for feature in against.schema.feature if feature.name == "stops")
    stops.int_domain.min, stops.int_domain.max = 0, 4
    data = served()
    data.loc[:5, "stops"] = 5
    smaller = worst(compared(against, data).findings, "stops")
    data.loc[:599, "stops"] = 9
    greater = worst([f for f in compared(against, data).findings if f.kind is FindingKind.VALUES], "stops")
    assert (smaller.severity, greater.severity) == (Severity.WARNING, Severity.ERROR)


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
        "fixed": "the L-infinity norm tells nothing about a number",
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
