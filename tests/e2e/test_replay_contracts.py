"""`validate --contracts`: the versions that answered, held against the baseline by their contracts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support import e2e, logs
from support.homes import Home
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.transforms.baseline import served_contracts
from trueserve.transforms.core.batches import METADATA_SCHEMA
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.replay import versions as versions_
from trueserve.transforms.verdict.findings.contracts import compare_versions, versions_json
from trueserve.transforms.verdict.model import Severity

BASELINE = {
    "digests": {"graph": "aa", "assets": {"carriers": "cc", "tags": "dd"}, "preprocessing_source": "s"}
}

Capture = pytest.CaptureFixture[str]


def contract(**changes: Any) -> dict[str, Any]:
    return {"digests": {**BASELINE["digests"], **changes}}


def metrics_and_severities(rows: dict[str | None, int], **contracts: Any) -> list[tuple[str, Severity]]:
    comparison = compare_versions(
        rows, {name.removeprefix("v"): contract for name, contract in contracts.items()}, BASELINE
    )
    return [(finding.metric, finding.severity) for finding in comparison.findings]


def test_equal_contracts_are_no_finding_whatever_their_sources_say() -> None:
    assert (
        metrics_and_severities(
            {"1": 5, "2": 7}, v1=contract(), v2=contract(preprocessing_source="t"), v3=contract(graph="b")
        )
        == []
    )


def test_other_contracts_are_errors_and_missing_ones_warnings() -> None:
    rows: dict[str | None, int] = {"1": 50, "2": 30, "3": 15, None: 5}
    contracts = {
        "1": contract(),
        "2": contract(graph="bb", assets={"carriers": "x", "more": "y", "tags": "dd"}),
    }
    findings = compare_versions(rows, contracts, BASELINE).findings
    assert [(finding.metric, finding.severity) for finding in findings] == [
        ("version_of_another_contract", Severity.ERROR),
        ("version_without_contract", Severity.WARNING),
        ("version_unknown", Severity.WARNING),
    ]
    assert findings[0].message == (
        "version 2 answered 30 rows (30.0 %) with another preprocessing than the baseline's: other assets"
        " ('carriers', 'more') and another transform graph"
    )
    assert versions_json(rows, contracts, BASELINE) == [
        {"version": "1", "rows": 50, "contract": "equal"},
        {"version": "2", "rows": 30, "contract": "other"},
        {"version": "3", "rows": 15, "contract": "missing"},
        {"version": None, "rows": 5, "contract": "missing"},
    ]


def test_a_thousand_versions_are_a_page_and_no_book() -> None:
    findings = compare_versions({f"v{i}\x1b": 1 for i in range(1000)}, {"1": contract()}, BASELINE).findings
    assert len(findings) == 51
    assert not any("\x1b" in finding.message for finding in findings)


def test_rows_are_counted_by_version_in_any_order() -> None:
    def batch(names: list[str | None]) -> pa.RecordBatch:
        columns = [
            pa.array(names if f.name == "version" else [None] * len(names), f.type) for f in METADATA_SCHEMA
        ]
        return pa.RecordBatch.from_arrays(columns, schema=METADATA_SCHEMA)

    cuts: list[list[str | None]] = [["1", None, "1"], ["2"], [], ["1", "2", None]]
    parts = [versions_.count_versions(batch(names)) for names in cuts]
    assert versions_.merge(parts) == versions_.merge(parts[::-1]) == {"1": 3, "2": 2, None: 2}
    single_rows: list[versions_.VersionRows] = [{f"v{i}": 1} for i in range(1500)]
    kept = versions_.merge(single_rows)
    assert len(kept) == versions_.MAX_VERSIONS
    assert kept == versions_.merge(single_rows[::-1])


def write(path: Path, values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def test_contracts_are_found_in_models_in_folders_and_as_files(tmp_path: Path) -> None:
    write(tmp_path / "7" / "assets.extra" / "contract.json", contract(graph="1"))
    write(tmp_path / "8" / "contract.json", contract(graph="2"))
    write(tmp_path / "canary.json", contract(graph="3"))
    write(tmp_path / "9" / "assets" / "contract.json", "another thing")
    loaded = served_contracts.load(str(tmp_path))
    assert {name: contract["digests"]["graph"] for name, contract in loaded.items()} == {
        "7": "1",
        "8": "2",
        "canary": "3",
    }


def test_what_is_no_contract_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no contract in"):
        served_contracts.load(str(tmp_path / "nowhere"))
    write(tmp_path / "1.json", contract())
    write(tmp_path / "1" / "contract.json", contract())
    with pytest.raises(UsageError, match="version 1 has two contracts"):
        served_contracts.load(str(tmp_path))
    wrong: list[object] = [{"digests": {"graph": "a"}}, {"digests": []}, [], "x"]
    for values in wrong:
        write(tmp_path / "bad" / "1.json", values)
        with pytest.raises(UsageError, match=r"1\.json is not a contract"):
            served_contracts.load(str(tmp_path / "bad"))


def test_contracts_are_held_against_a_log(home: Home, tmp_path: Path, capsys: Capture) -> None:
    """Version 3 has the baseline's contract, 4 another one, 5 none; several files."""
    own = json.loads(Path(home.baseline, "contract.json").read_text())
    write(tmp_path / "served" / "3" / "assets.extra" / "contract.json", own)
    write(tmp_path / "served" / "4.json", {**own, "digests": {**own["digests"], "graph": "0" * 64}})
    numbers = [3] * 300 + [4] * 60 + [5] * 40
    (tmp_path / "logs").mkdir()
    for part in range(2):
        records = [
            logs.examples_log([logs.example(**row)], version=number)
            for row, number in list(zip(home.serving, numbers, strict=False))[part::2]
        ]
        logs.write_records(tmp_path / "logs" / f"log-{part}", records)
    logs_, flag = str(tmp_path / "logs" / "log-*"), f"--contracts={tmp_path / 'served'}"
    code = e2e.validate(capsys, home.baseline, logs_, tmp_path / "out", "--spaces=raw", flag).code
    document = e2e.verdict(tmp_path / "out")
    VERDICT_SCHEMA.validate(document)
    assert code == 1
    assert document["versions"] == [
        {"version": "3", "rows": 300, "contract": "equal"},
        {"version": "4", "rows": 60, "contract": "other"},
        {"version": "5", "rows": 40, "contract": "missing"},
    ]
    severities = {f["metric"]: f["severity"] for f in document["findings"] if f["kind"] == "contract"}
    assert severities == {"version_of_another_contract": "error", "version_without_contract": "warning"}
    assert ">Versions<" in (tmp_path / "out" / "report.html").read_text()


def test_the_right_twin_is_silent_and_without_the_flag_nothing_is_said(
    home: Home, tmp_path: Path, capsys: Capture
) -> None:
    write(tmp_path / "served" / "3.json", json.loads(Path(home.baseline, "contract.json").read_text()))
    flags = ["--spaces=raw", f"--contracts={tmp_path / 'served'}"]
    assert e2e.validate(capsys, home.baseline, home.clean, tmp_path / "out", *flags).code == 0
    document = e2e.verdict(tmp_path / "out")
    assert (document["findings"], document["versions"][0]["contract"]) == ([], "equal")
    assert e2e.validate(capsys, home.baseline, home.clean, tmp_path / "plain", "--spaces=raw").code == 0
    document = e2e.verdict(tmp_path / "plain")
    assert (document["versions"], document["replay"]) == (None, None)


def test_contracts_need_a_baseline(home: Home, tmp_path: Path, capsys: Capture) -> None:
    loose = [f"--schema={home.baseline}/schema.pbtxt", f"--statistics={home.baseline}/stats.binpb"]
    argv = ["validate", *loose, f"--logs={home.clean}", f"--output={tmp_path}", "--contracts=x"]
    result = e2e.run(capsys, *argv)
    assert result.code == 2
    assert "--contracts needs --baseline=DIR" in e2e.one_error(result)
