"""Versions that answered: which contract each has, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from trueserve.transforms.verdict.findings import contracts
from trueserve.transforms.verdict.findings.contracts import Contracted
from trueserve.transforms.verdict.model import FindingKind, Severity, Space


def contract(graph: str = "g", **assets: str) -> dict[str, Any]:
    return {"digests": {"graph": graph, "assets": assets}}


BASELINE = contract(words="1", more="2")
CONTRACTS = {
    "same": contract(words="1", more="2"),
    "graph": contract("h", words="1", more="2"),
    "assets": contract(words="9", more="2"),
    "fewer": contract(words="1"),
    "both": contract("h", words="9", more="9"),
    "added": contract(words="1", more="2", new="3"),
}


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("same", Contracted.EQUAL),
        ("graph", Contracted.OTHER),
        ("assets", Contracted.OTHER),
        ("fewer", Contracted.OTHER),
        ("added", Contracted.OTHER),
        ("unknown", Contracted.MISSING),
        (None, Contracted.MISSING),
    ],
)
def test_how_a_contract_relates_to_the_baselines(version: str | None, state: Contracted) -> None:
    assert contracts.contracted(version, CONTRACTS, BASELINE) is state


def messages(rows: dict[str | None, int]) -> list[tuple[str, str, str]]:
    comparison = contracts.compare_versions(rows, CONTRACTS, BASELINE)
    for finding in comparison.findings:
        assert (finding.feature, finding.space, finding.kind) == ("", Space.SET, FindingKind.CONTRACT)
    return [(finding.metric, finding.severity.value, finding.message) for finding in comparison.findings]


def test_a_version_with_the_baselines_contract_is_no_finding() -> None:
    assert messages({"same": 10}) == []
    assert messages({}) == []


@pytest.mark.parametrize(
    ("version", "differences"),
    [
        ("graph", "another transform graph"),
        ("assets", "other assets ('words')"),
        ("fewer", "other assets ('more')"),
        ("added", "other assets ('new')"),
        ("both", "other assets ('more', 'words') and another transform graph"),
    ],
)
def test_a_version_of_another_contract_is_an_error(version: str, differences: str) -> None:
    assert messages({version: 1500, "same": 500}) == [
        (
            "version_of_another_contract",
            "error",
            f"version {version} answered 1,500 rows (75.0 %) with another preprocessing than the baseline's:"
            f" {differences}",
        )
    ]


def test_versions_that_are_not_known_are_warnings_the_most_rows_first() -> None:
    long = "x" * 41
    assert messages({None: 1, "a": 3, "b": 3, long: 3}) == [
        (
            "version_without_contract",
            "warning",
            f"version {name} answered 3 rows (30.0 %) and has no contract in --contracts:"
            " its preprocessing is not known",
        )
        for name in ("a", "b", "x" * 40)
    ] + [("version_unknown", "warning", "1 rows (10.0 %) do not say which version answered them")]


def test_nothing_is_known_where_no_version_has_a_contract() -> None:
    def nothing(*versions: str | None) -> str:
        return contracts.compare_versions(dict.fromkeys(versions, 5), CONTRACTS, BASELINE).nothing

    assert nothing("a", None) == "no version that answered has a contract"
    assert nothing("a", "same") == ""
    assert nothing("graph") == ""
    assert nothing() == ""


@pytest.mark.parametrize(("others", "severity"), [("unknown", Severity.WARNING), ("graph", Severity.ERROR)])
def test_many_versions_are_summed_up(others: str, severity: Severity) -> None:
    every: dict[str | None, int] = {f"v{i:02}": 100 - i for i in range(52)}
    given = dict.fromkeys(map(str, every), CONTRACTS["graph"]) if others == "graph" else {}
    findings = contracts.compare_versions(every, given, BASELINE).findings
    assert len(findings) == 51
    assert (findings[-1].metric, findings[-1].severity) == ("more_versions", severity)
    assert findings[-1].message == "2 more versions; `versions` in verdict.json lists them"
    few = contracts.compare_versions(dict(list(every.items())[:50]), given, BASELINE).findings
    assert len(few) == 50


def test_versions_as_json() -> None:
    rows = {"same": 1, "graph": 5, None: 5, "a": 5}
    assert contracts.versions_json(rows, CONTRACTS, BASELINE) == [
        {"version": None, "rows": 5, "contract": "missing"},
        {"version": "a", "rows": 5, "contract": "missing"},
        {"version": "graph", "rows": 5, "contract": "other"},
        {"version": "same", "rows": 1, "contract": "equal"},
    ]


def test_an_edited_schema() -> None:
    assert contracts.edited_schema("s", ["a", "b"], ["a", "b"]) == "s was edited since prepare wrote it"
    message = contracts.edited_schema("s", ["a"], ["a", "b", "c"])
    assert (
        message
        == "s was edited since prepare wrote it; features that it no longer has are not compared: 'b', 'c'"
    )
    [finding] = contracts.notes(message, "")
    assert (finding.severity, finding.metric, finding.message) == (Severity.INFO, "schema_edited", message)


def test_what_an_adopted_baseline_lacks() -> None:
    [finding] = contracts.notes("", "no transformed feature")
    noted = (finding.severity, finding.metric, finding.message)
    assert noted == (Severity.INFO, "adopted_baseline", "no transformed feature")
    assert list(contracts.notes("", "")) == []
