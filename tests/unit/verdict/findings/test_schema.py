"""What the schema says of serving: missing features, other types, new columns and values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.verdict import LABEL, compared, finding_triples, frame, reasons, reference, served, worst

from trueserve.transforms.core.accounting import MORE_UNKNOWN, UNTRANSFORMABLE
from trueserve.transforms.verdict.compare import Reference
from trueserve.transforms.verdict.model import FindingKind, Severity, Space


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
