"""A verdict as rows: each figure once; null for what was not measured; one error for what is no verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.committed import night
from support.page import HOSTILE, make_finding, make_verdict

from trueserve.transforms.history.rows import Row, rows_of
from trueserve.transforms.history.table import SCHEMA, table
from trueserve.transforms.verdict.model import FeatureNumbers, FindingEvidence, NotCompared, Space
from trueserve.transforms.verdict.result import SliceVerdict, VerdictOutcome

EVIDENCE = FindingEvidence(True, True, "kolmogorov_smirnov", 0.3, 0.025, 1e-9, 1e-9, 0.001, 900, ())


def document(**parts: Any) -> dict[str, Any]:
    """A verdict with the given parts, as a run writes and a reader reads it."""
    verdict = make_verdict("skew", parts.pop("findings", ()))
    for name, value in parts.items():
        object.__setattr__(verdict, name, value)
    content: dict[str, Any] = json.loads(json.dumps(verdict.to_json()))
    return content


def by_metric(content: dict[str, Any], feature: str, part: str | None = None) -> dict[str, Row]:
    return {row.metric: row for row in rows_of(content) if (row.feature, row.slice) == (feature, part)}


def test_every_count_and_the_exit_code_are_there_for_a_window_without_findings() -> None:
    rows = by_metric(night(1), "")
    figures = {name: rows[name].value for name in ("exit_code", "read", "decoded", "rejected", "compared")}
    assert figures == {"exit_code": 0, "read": 1000, "decoded": 990, "rejected": 10, "compared": 990}
    assert rows["least_visible"].value is None
    assert {row.severity for row in rows.values()} == {None}


def test_a_finding_and_the_numbers_of_its_feature_are_one_row_for_each_figure() -> None:
    numbers = FeatureNumbers(
        "miles", Space.RAW, 990, 0.25, 0.01, metric="kolmogorov_smirnov", effect=0.3, least_effect=0.025
    )
    content = document(findings=[make_finding("miles", evidence=EVIDENCE)], features=(numbers,))
    content["findings"][0]["incident"] = "miles-000001"
    rows = by_metric(content, "miles")
    own, tested = rows["jensen_shannon_divergence"], rows["kolmogorov_smirnov"]
    assert (own.value, own.limit, own.severity, own.incident) == (0.42, 0.1, "error", "miles-000001")
    assert (tested.value, tested.limit, tested.severity, tested.incident) == (
        0.3,
        0.025,
        "error",
        "miles-000001",
    )
    assert (rows["missing_share"].value, rows["missing_share"].severity) == (0.25, None)
    assert "unseen_share" not in rows  # it was not measured
    assert len({row.key for row in rows_of(content)}) == len(rows_of(content))


def test_of_two_findings_with_one_figure_the_worst_counts_and_a_measured_value_is_kept() -> None:
    first = make_finding("a", distance=None, threshold=None)
    second = make_finding("a", "warning")
    (row,) = by_metric(document(findings=[first, second]), "a").values()
    assert (row.value, row.limit, row.severity) == (0.42, 0.1, "error")


def test_a_healthy_feature_has_its_effect_beside_its_limit() -> None:
    numbers = FeatureNumbers(
        "temp", Space.TRANSFORMED, 10, None, None, metric="total_variation", effect=0.01, least_effect=0.025
    )
    row = by_metric(document(features=(numbers,)), "temp")["total_variation"]
    assert (row.space, row.value, row.limit, row.severity) == ("transformed", 0.01, 0.025, None)


def test_slices_and_what_was_not_compared_have_rows_of_their_own() -> None:
    finding = make_finding("a", slice="version=2")
    content = document(
        findings=[finding],
        slices=(SliceVerdict("version=2", 40, VerdictOutcome.SKEW),),
        not_compared=(NotCompared("late", Space.RAW, "label"),),
    )
    assert by_metric(content, "", "version=2")["rows"].value == 40
    assert by_metric(content, "a", "version=2")["jensen_shannon_divergence"].severity == "error"
    assert by_metric(content, "a") == {}
    assert by_metric(content, "late")["not_compared"].value is None


def test_replay_and_estimates_are_figures_of_the_predictions() -> None:
    content = night(1)
    content["replay"] = {"rows": 200, "share": 0.01, "total": {"differing": 50}}
    figures = {"estimate": 0.7, "at_export": 0.9, "harm": None, "low": 0.6}
    content["performance"] = {"metrics": {"auc": figures}}
    rows = by_metric(content, "")
    assert (rows["replay_differing_share"].value, rows["replay_differing_share"].limit) == (0.25, 0.01)
    assert (rows["auc_estimate"].value, rows["auc_at_export"].value, rows["auc_harm"].value) == (
        0.7,
        0.9,
        None,
    )
    content["replay"]["rows"] = 0
    assert by_metric(content, "")["replay_differing_share"].value is None
    content["performance"] = {"metrics": None}
    assert "auc_estimate" not in by_metric(content, "")


@pytest.mark.parametrize("name", [text for text in HOSTILE if len(text) <= 10_000])
def test_any_name_can_be_stored(name: str) -> None:
    content = json.loads(json.dumps(document(findings=[make_finding(name)])))
    figures = table([content])
    assert figures.schema == SCHEMA
    assert name.encode("utf-8", "backslashreplace").decode() in figures["feature"].to_pylist()


@pytest.mark.parametrize(
    "changes",
    [
        {"window": None},
        {"window": {"start": "2013-07-02T00:00:00Z", "end": "2013-07-01T00:00:00Z"}},
        {"findings": {}},
        {"findings": [7]},
        {"findings": [{"feature": 1}]},
        {"features": [{"feature": "x" * 10_001, "space": "raw"}]},
        {"exit_code": "0"},
        {"exit_code": True},
        {"least_visible": 10**400},
        {"counts": None},
        {"slices": [{"slice": None, "rows": 3}]},
        {"performance": {"metrics": {"auc": 3}}},
        {"replay": {"rows": 3}},
    ],
)
def test_what_is_no_verdict_is_one_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"window|expected an object|is no|is too large"):
        table([night(1) | changes])


def test_numbers_that_are_none_are_not_measured() -> None:
    content = json.loads(json.dumps(night(1) | {"least_visible": float("nan")}))
    assert by_metric(content, "")["least_visible"].value is None


def test_verdicts_of_the_first_format_have_no_features() -> None:
    content = night(1, "a") | {"format": 1}
    del content["features"], content["incidents"]
    assert by_metric(content, "a")["jensen_shannon_divergence"].incident is None
