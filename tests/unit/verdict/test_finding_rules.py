"""The finding rules give the same findings in the same order, one after the other."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from support.verdict import frame, ours, reference, served

from trueserve.transforms.core.accounting import UNTRANSFORMABLE
from trueserve.transforms.verdict import compare, finding_rules
from trueserve.transforms.verdict.compare import Policy
from trueserve.transforms.verdict.finding_rules import Examination
from trueserve.transforms.verdict.model import Finding, Space

FORMS = {
    ("carrier", "int_for_bytes"): 40,
    ("distance", "quoted_number"): 300,
    ("speed", "unknown_feature"): 3000,
    UNTRANSFORMABLE: 7,
}
DISTANCES = [
    ("carrier", "l_infinity_norm", "error"),
    ("distance", "jensen_shannon_divergence", "error"),
    ("rain", "jensen_shannon_divergence", "info"),
    ("stops", "jensen_shannon_divergence", "error"),
]
TESTS = [("rain", "missing_share_difference", "error"), ("rain", "not_finite", "error")]
RAW = [
    ("stops", "outside_training_range", "error"),
    ("distance", "outside_training_range", "warning"),
    ("speed", "SCHEMA_NEW_COLUMN", "warning"),
    ("carrier", "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "error"),
    ("distance", "quoted_number", "warning"),
    ("carrier", "int_for_bytes", "error"),
    *DISTANCES,
    *TESTS,
]
TRANSFORMED = [  # what lies outside the range is in the message of the distance
    ("carrier", "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "error"),
    ("speed", "SCHEMA_NEW_COLUMN", "warning"),
    ("", "untransformable", "error"),
    *DISTANCES,
    *TESTS,
]


def faulty() -> pd.DataFrame:
    """Serving with a fault for most of the rules."""
    data = served()
    data["distance"] *= 1.609
    data["carrier"] = data["carrier"].str.lower()
    data.loc[:1499, "rain"] = np.nan
    data.loc[1500:1600, "rain"] = np.inf
    data["stops"] += 100
    data["speed"] = 1.0
    return data


def examination(space: Space, monkeypatch: pytest.MonkeyPatch) -> Examination:
    """What `compare` gives to the rules."""
    given: list[Examination] = []

    def record(examined: Examination) -> list[Finding]:
        # `compare` adds TFDV's skew to the anomalies later.
        given.append(dataclasses.replace(examined, anomalies=copy.deepcopy(examined.anomalies)))
        return []

    against = reference(frame(20_000, 1), space=space)
    monkeypatch.setattr(finding_rules, "apply", record)
    compare.compare(against, ours(faulty(), against), Policy(), Counter(FORMS))
    monkeypatch.undo()
    return given[0]


@pytest.mark.parametrize(("space", "expected"), [(Space.RAW, RAW), (Space.TRANSFORMED, TRANSFORMED)])
def test_the_findings_come_in_the_order_of_the_rules(
    space: Space, expected: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = finding_rules.apply(examination(space, monkeypatch))
    assert [(finding.feature, finding.metric, finding.severity.value) for finding in findings] == expected


def test_the_finding_of_the_earlier_rule_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """TFDV's anomaly and the reader's count report one new column; the anomaly's rule is the earlier one."""
    examined = examination(Space.RAW, monkeypatch)
    [first, *later] = [
        finding
        for rule in finding_rules.FINDING_RULES
        for finding in rule(examined, [])
        if finding.metric == "SCHEMA_NEW_COLUMN"
    ]
    assert later
    [kept] = [f for f in finding_rules.apply(examined) if f.metric == "SCHEMA_NEW_COLUMN"]
    assert kept == first


@pytest.mark.parametrize("space", [Space.RAW, Space.TRANSFORMED])
def test_a_rule_leaves_the_findings_that_it_is_given_as_they_are(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined, findings = examination(space, monkeypatch), list[Finding]()
    for rule in finding_rules.FINDING_RULES:
        before = list(findings)
        result = rule(examined, findings)
        assert findings == before
        findings = result
    assert findings
