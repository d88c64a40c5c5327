"""The verdict of a run, its exit code and its JSON form."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections import Counter
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.transforms.core.accounting import Accounting, RecordCounts
from trueserve.transforms.core.batches import Fault, Window
from trueserve.transforms.verdict.model import (
    ComparisonResult,
    Diagnosis,
    Finding,
    FindingKind,
    NotCompared,
    Severity,
    Space,
)
from trueserve.transforms.verdict.result import Artifact, Verdict, decide
from trueserve.transforms.verdict.severity import Policy

WINDOW = Window(dt.datetime(2013, 7, 1, tzinfo=dt.UTC), dt.datetime(2013, 8, 1, tzinfo=dt.UTC))
GOOD = Accounting(read=10, decoded=10, rows=20, compared=20)


def finding(severity: Severity, feature: str = "x", **fields: Any) -> Finding:
    plain = {
        "space": Space.RAW,
        "kind": FindingKind.DISTRIBUTION,
        "metric": "m",
        "message": "said",
        "distance": 0.2,
    }
    return Finding(feature=feature, severity=severity, **{**plain, "threshold": 0.1, **fields})


def comparison(*findings: Finding) -> ComparisonResult:
    return ComparisonResult(
        tuple(findings), (NotCompared("y", Space.RAW, "label"),), (finding(Severity.INFO, "z"),)
    )


def verdict(
    *findings: Finding,
    accounting: Accounting = GOOD,
    faults: tuple[Fault, ...] = (),
    policy: Policy | None = None,
    **fields: Any,
) -> Verdict:
    return decide(
        WINDOW, accounting, [comparison(*findings)], faults, policy or Policy(), {"label": "l"}, **fields
    )


def outcome(result: Verdict) -> tuple[str, int]:
    return result.outcome.value, result.exit_code


def check(result: Verdict) -> dict[str, Any]:
    """The verdict's JSON, which must hold to the published schema and survive writing."""
    values: dict[str, Any] = json.loads(json.dumps(result.to_json(), allow_nan=False))
    VERDICT_SCHEMA.validate(values)
    return values


@pytest.mark.parametrize(
    ("severity", "fail_on", "expected"),
    [
        (Severity.ERROR, Severity.ERROR, ("skew", 1)),
        (Severity.WARNING, Severity.ERROR, ("ok", 0)),
        (Severity.WARNING, Severity.WARNING, ("skew", 1)),
        (Severity.INFO, Severity.WARNING, ("ok", 0)),
        (Severity.INFO, Severity.INFO, ("skew", 1)),
    ],
)
def test_it_is_skew_from_the_severity_that_was_asked_for(
    severity: Severity, fail_on: Severity, expected: tuple[str, int]
) -> None:
    assert outcome(verdict(finding(severity), policy=Policy(fail_on=fail_on))) == expected


def test_ignored_features_never_make_skew_but_findings_of_the_set_do() -> None:
    policy = Policy(fail_on=Severity.INFO, ignore=frozenset({"x", ""}))
    assert outcome(verdict(finding(Severity.INFO, "x"), policy=policy)) == ("ok", 0)
    assert outcome(verdict(finding(Severity.INFO, "", space=Space.SET), policy=policy)) == ("skew", 1)


def test_a_fault_fails_the_run_whatever_was_found_and_comes_first() -> None:
    fault = Fault("logs/a", "truncated", "expected 4 more bytes", 77)
    result = verdict(finding(Severity.ERROR), faults=(fault, fault))
    assert outcome(result) == ("failed", 3)
    assert result.reasons == ("logs/a at byte 77: expected 4 more bytes",)
    assert [finding.kind for finding in result.findings] == [FindingKind.INPUT, FindingKind.DISTRIBUTION]


def test_many_faults_are_cut_short() -> None:
    result = verdict(faults=tuple(Fault(f"f{i:03}", "truncated", "x") for i in range(50)))
    assert len(result.reasons) == 21
    assert "30 more faults" in result.reasons


@pytest.mark.parametrize(("limit", "expected"), [(0.0, 3), (0.09, 3), (0.1, 0)])
def test_rejects_over_the_limit_fail_the_run(limit: float, expected: int) -> None:
    accounting = Accounting(read=10, decoded=9, rejected=Counter(not_a_tf_example=1), rows=9, compared=9)
    result = verdict(accounting=accounting, policy=Policy(max_rejects=limit))
    assert result.exit_code == expected
    if expected:
        assert result.reasons[0].startswith("1 of 10 records (10.0 %) were rejected (not_a_tf_example 1)")


def test_records_that_nobody_accounts_for_fail_the_run() -> None:
    result = verdict(accounting=Accounting(read=10, decoded=8, rows=8, compared=8))
    assert outcome(result) == ("failed", 3)
    assert "2 are not accounted for" in result.reasons[0]


def test_an_empty_input_is_not_examined() -> None:
    result = decide(WINDOW, Accounting(files=1), [], (), Policy(), None)
    assert outcome(result) == ("not_examined", 4)
    assert result.reasons == ("no rows were compared: the input holds no records",)


def test_records_without_time_are_not_examined_and_the_hint_names_the_flag() -> None:
    result = verdict(accounting=Accounting(read=10, no_time=10))
    assert outcome(result) == ("not_examined", 4)
    assert "10 of 10 records have no time" in result.reasons[0]
    assert "--time_feature" in result.reasons[0]


def test_times_that_are_not_read_are_called_that() -> None:
    forms = Counter({("t", "unread_time"): 8, ("t", "absent_time"): 2})
    result = verdict(accounting=Accounting(read=10, no_time=10, forms=forms))
    assert outcome(result) == ("not_examined", 4)
    assert "in 8 of 10 records t holds no time in a form that is read, such as 2024-" in result.reasons[0]
    assert "in 2 of 10 records t holds no value" in result.reasons[0]
    assert "--time_feature" not in result.reasons[0]


def test_a_window_beside_the_records_says_how_many_lie_outside_and_where_they_are() -> None:
    seen = Window(dt.datetime(2012, 7, 1, tzinfo=dt.UTC), dt.datetime(2012, 8, 1, tzinfo=dt.UTC))
    result = verdict(accounting=Accounting(read=10, outside_window=10), seen=seen)
    assert outcome(result) == ("not_examined", 4)
    assert "10 of 10 records lie outside [2013-07-01T00:00:00Z, 2013-08-01T00:00:00Z)" in result.reasons[0]
    assert "from 2012-07-01T00:00:00Z to 2012-08-01T00:00:00Z" in result.reasons[0]


def test_too_few_rows_are_not_examined_even_where_there_are_findings() -> None:
    result = verdict(finding(Severity.ERROR), policy=Policy(min_rows=21))
    assert outcome(result) == ("not_examined", 4)
    assert "only 20 rows were compared" in result.reasons[0]


def test_rows_of_which_no_feature_could_be_compared_are_not_examined() -> None:
    nothing = ComparisonResult((), (NotCompared("y", Space.RAW, "absent in serving"),))
    assert decide(WINDOW, GOOD, [nothing], (), Policy(), None).exit_code == 4


def test_the_worst_comes_first_in_every_order_of_input() -> None:
    findings = [
        finding(Severity.WARNING, "a"),
        finding(Severity.ERROR, "b", distance=0.2),
        finding(Severity.ERROR, "c", distance=0.9),
        finding(Severity.ERROR, "d", distance=None, threshold=None),
        finding(Severity.INFO, "e"),
    ]
    orders = [[f.feature for f in verdict(*some).findings] for some in (findings, findings[::-1])]
    assert orders == [["c", "b", "d", "a", "e"]] * 2


def test_the_json_holds_to_the_schema_and_its_counts_add_up() -> None:
    accounting = Accounting(
        read=15,
        decoded=9,
        rejected=Counter(b=1, a=2),
        outside_window=1,
        no_time=1,
        excluded=Counter(sample=1),
        rows=9,
        compared=9,
    )
    diagnosed = finding(Severity.ERROR, diagnosis=Diagnosis("scaled", 0.9, "by 255"), raw_features=("r",))
    result = verdict(
        diagnosed,
        finding(Severity.INFO, distance=float("nan")),
        accounting=accounting,
        policy=Policy(max_rejects=1),
    )
    values = check(result.with_artifacts({"report.html": Artifact("runs/1/report.html", 5, "a" * 64)}))
    counts = values["counts"]
    parts = ("decoded", "rejected", "outside_window", "no_time", "excluded")
    assert counts["read"] == sum(counts[part] for part in parts) == 15
    assert values["rejects"] == {"a": 2, "b": 1}
    assert values["excluded"] == {"sample": 1}
    assert values["window"] == {"start": "2013-07-01T00:00:00Z", "end": "2013-08-01T00:00:00Z"}
    assert values["contract"] == {"label": "l"}
    assert values["findings"][1]["distance"] is None
    assert values["artifacts"]["report.html"] == {
        "path": "runs/1/report.html",
        "bytes": 5,
        "sha256": "a" * 64,
    }


def test_the_account_of_each_file_holds_to_the_schema_those_with_rejects_first() -> None:
    by_file = {
        "": RecordCounts(read=5, decoded=5),
        "a": RecordCounts(read=3, decoded=1, outside_window=1, no_time=1),
        "b": RecordCounts(read=2, rejected=Counter(not_json=1, x=1)),
        "c": RecordCounts(read=4, decoded=1, rejected=Counter(y=1), excluded=Counter(sample=1, model=1)),
    }
    result = verdict(accounting=dataclasses.replace(GOOD, by_file=by_file))
    files = check(result)["files"]
    assert [file["file"] for file in files] == ["b", "c", "a", ""]
    assert files[1] == {
        "file": "c",
        "read": 4,
        "decoded": 1,
        "rejected": {"y": 1},
        "outside_window": 0,
        "no_time": 0,
        "excluded": {"model": 1, "sample": 1},
    }


def test_what_was_left_out_by_a_rule_or_a_sample_is_named_where_nothing_is_left() -> None:
    result = verdict(accounting=Accounting(read=10, excluded=Counter(sample=7, version=3)))
    assert outcome(result) == ("not_examined", 4)
    assert "10 of 10 records left out (sample 7, version 3)" in result.reasons[0]


@pytest.mark.parametrize("accounting", [GOOD, Accounting(), Accounting(read=1)])
def test_every_outcome_holds_to_the_schema(accounting: Accounting) -> None:
    values = check(decide(Window(), accounting, [comparison()], (), Policy(), None))
    assert values["window"] == {"start": None, "end": None}
    assert values["verdict"] == {0: "ok", 3: "failed", 4: "not_examined"}[values["exit_code"]]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(VERDICT_SCHEMA.schema)


def test_the_schema_refuses_what_is_not_a_verdict() -> None:
    values = check(verdict(finding(Severity.ERROR)))
    for wrong in ({"exit_code": 0}, {"extra": 1}, {"findings": [{"feature": "x"}]}):
        with pytest.raises(jsonschema.ValidationError):
            VERDICT_SCHEMA.validate({**values, **wrong})


def test_a_name_to_ignore_that_is_no_feature_is_said() -> None:
    accounting = Accounting(read=1, decoded=1, rows=1, compared=1, forms=Counter({("new", "x"): 1}))
    policy = Policy(ignore=frozenset({"y", "new", "typo"}))
    result = verdict(finding(Severity.INFO), accounting=accounting, policy=policy)
    findings = [finding for finding in result.findings if finding.space is Space.SET]
    assert [(finding.severity, finding.message) for finding in findings] == [
        (Severity.INFO, "--ignore names no feature: 'typo'")
    ]
    assert outcome(result) == ("ok", 0)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Policy(only=frozenset({"z", "y"})), "--only names features that were not compared: y (label)"),
        (Policy(ignore=frozenset({"z"})), "--ignore leaves no feature whose difference would count"),
    ],
)
def test_what_was_asked_for_and_not_compared_is_not_ok(policy: Policy, message: str) -> None:
    result = verdict(policy=policy)
    assert outcome(result) == ("not_examined", 4)
    assert any(message in reason for reason in result.reasons)


def test_a_space_in_which_nothing_was_compared_is_not_ok() -> None:
    empty = ComparisonResult(
        (), (), space=Space.TRANSFORMED, nothing="no transformed feature could be compared"
    )
    result = decide(WINDOW, GOOD, [comparison(), empty], (), Policy(), None)
    assert outcome(result) == ("not_examined", 4)


def test_columns_that_training_did_not_have_are_no_comparison() -> None:
    new = ComparisonResult(
        (finding(Severity.WARNING, "new"),), (NotCompared("y", Space.RAW, "not in the schema"),)
    )
    assert outcome(decide(WINDOW, GOOD, [new], (), Policy(), None)) == ("not_examined", 4)
