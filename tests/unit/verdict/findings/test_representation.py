"""Forms that are foreign to every format are findings beyond a share of rows; normal ones are counted."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import pytest
from support.forms import NORMAL_FORMS
from support.repo import ROOT
from support.verdict import compared, served

from trueserve.transforms.core.accounting import MORE_UNKNOWN, UNTRANSFORMABLE, Accounting
from trueserve.transforms.core.batches import Window
from trueserve.transforms.verdict.compare import Policy, Reference
from trueserve.transforms.verdict.findings import representation as representation_findings
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.result import decide

ROWS = 1000
SCHEMA = ROOT / "docs" / "verdict.schema.json"


def of_kind(
    against: Reference, forms: dict[tuple[str, str], int], policy: Policy | None = None
) -> list[Finding]:
    findings = compared(against, served(ROWS), policy, forms).findings
    return [finding for finding in findings if finding.kind is FindingKind.REPRESENTATION]


def test_beyond_one_percent_it_is_a_finding_and_up_to_it_none(baseline: Reference) -> None:
    assert of_kind(baseline, {("stops", "quoted_number"): 10}) == []
    [finding] = of_kind(baseline, {("stops", "quoted_number"): 11})
    assert (finding.feature, finding.space, finding.severity) == ("stops", Space.RAW, Severity.WARNING)
    assert (finding.metric, finding.distance, finding.threshold) == ("quoted_number", 0.011, 0.01)
    assert finding.message == (
        "numbers came in quotes in 1.1 % of rows (11), limit 1.0 %:"
        " send them without quotes; a server may reject quoted numbers"
    )


@pytest.mark.parametrize("form", sorted(representation_findings.FOREIGN_FORMS))
def test_each_foreign_form_is_told_and_is_no_other_finding(baseline: Reference, form: str) -> None:
    findings = compared(baseline, served(ROWS), None, {("stops", form): 500}).findings
    assert [(f.kind, f.metric) for f in findings] == [(FindingKind.REPRESENTATION, form)]
    assert "50.0 % of rows (500)" in findings[0].message
    assert (findings[0].severity is Severity.ERROR) is (form == "beyond_float32")


@pytest.mark.parametrize("form", sorted(NORMAL_FORMS))
def test_normal_forms_are_no_finding(baseline: Reference, form: str) -> None:
    assert compared(baseline, served(ROWS), None, {("stops", form): ROWS}).findings == ()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("boolean_for_float", "booleans came where the schema has floats"),
        ("object_for_bytes", "objects came where the schema has strings"),
        ("long_int_for_int", "integers beyond 64 bits came where the schema has integers"),
        (
            "bad_mask_for_int",
            "values whose NAME/present does not fit them came where the schema has integers",
        ),
    ],
)
def test_lost_values_are_errors_of_type(baseline: Reference, form: str, text: str) -> None:
    findings = compared(baseline, served(ROWS), None, {("stops", form): 100}).findings
    assert [(f.kind, f.severity) for f in findings] == [(FindingKind.TYPE, Severity.ERROR)]
    assert findings[0].message.startswith(text)


def test_the_baselines_share_is_the_limit_where_it_has_one(baseline: Reference) -> None:
    known = dataclasses.replace(baseline, forms={("stops", "quoted_number"): 0.3})
    assert of_kind(known, {("stops", "quoted_number"): 310}) == []  # within what chance does
    [finding] = of_kind(known, {("stops", "quoted_number"): 500})
    assert finding.threshold == 0.3
    assert finding.noise_floor is not None
    assert 0 < finding.noise_floor < 0.1
    assert "rows (500), training 30.0 %: " in finding.message
    never = dataclasses.replace(baseline, forms={("stops", "quoted_number"): 0.0})
    assert [f.threshold for f in of_kind(never, {("stops", "quoted_number"): 100})] == [0.0]
    assert len(of_kind(known, {("stops", "null"): 100})) == 1


def test_ignored_features_and_other_spaces_are_no_trouble(baseline: Reference) -> None:
    forms = {("stops", "null"): 500}
    [finding] = of_kind(baseline, forms, Policy(ignore=frozenset({"stops"})))
    assert finding.severity is Severity.INFO
    transformed = dataclasses.replace(baseline, space=Space.TRANSFORMED)
    assert of_kind(transformed, forms) == []


def test_the_verdict_lists_all_forms_of_known_features() -> None:
    forms = {
        ("stops", "quoted_number"): 3,
        ("age", "whole_number"): 5,
        ("age", "float_for_int"): 1,
        ("new", "unknown_feature"): 7,
        MORE_UNKNOWN: 9,
        UNTRANSFORMABLE: 2,
        ("gone", "null"): 0,
    }
    accounting = Accounting(read=9, decoded=9, rows=9, compared=9, forms=Counter(forms))
    document = decide(Window(), accounting, (), (), Policy(), None).to_json()
    assert document["forms"] == [
        {"feature": "age", "form": "float_for_int", "rows": 1},
        {"feature": "age", "form": "whole_number", "rows": 5},
        {"feature": "stops", "form": "quoted_number", "rows": 3},
    ]


def test_the_published_schema_knows_all_kinds() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert schema["$defs"]["finding"]["properties"]["kind"]["enum"] == [kind.value for kind in FindingKind]
    assert "forms" in schema["required"]
