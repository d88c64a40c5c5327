"""One request that is sent again and again is recognized, and left out with `--drop_repeated`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import e2e

from trueserve.pipelines import cli

Capture = pytest.CaptureFixture[str]


class Home(NamedTuple):
    """A baseline of rides."""

    baseline: Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("rides")
    examples = e2e.write_examples(folder / "examples", e2e.rides(3000, seed=1), (1000, 2000))
    (folder / "preprocessing.py").write_text(e2e.NO_ANALYSIS)
    flags = (
        f"--examples={examples}",
        f"--preprocessing={folder / 'preprocessing.py'}",
        f"--label={e2e.LABEL}",
    )
    assert cli.main(["prepare", *flags, f"--baseline={folder / 'baseline'}"]) == 0
    return Home(folder / "baseline")


def log(folder: Path, health_checks: int, rows: int = 1500) -> str:
    """JSON lines of several files, in which one request comes again every few rows."""
    requests: list[Any] = [*e2e.requests(e2e.rides(rows, seed=7))]
    check = {
        "distance": [777.25],
        "hour": [3],
        "carrier": [b"WN"],
        "delay": [0.25],
        "stops": [3],
        "tags": [b"wet"],
    }
    for number in range(health_checks):
        requests.insert(number * (rows // max(health_checks, 1)) + number, check)
    return e2e.write_logs(folder, requests, (400, 900), each=1)


def repeats(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [f for f in document["findings"] if f["metric"] in ("repeated_rows", "dropped_rows")]


def test_a_health_check_is_recognized_and_can_be_left_out(
    home: Home, tmp_path: Path, capsys: Capture
) -> None:
    logs = log(tmp_path / "logs", health_checks=150)
    assert e2e.validate(capsys, home.baseline, logs, tmp_path / "all").code == 1
    [finding] = repeats(e2e.verdict(tmp_path / "all"))
    assert finding["severity"] == "warning"
    assert "9.1 % of rows are one identical request, for example record 0 of " in finding["message"]
    assert "777" not in json.dumps(finding)
    result = e2e.validate(capsys, home.baseline, logs, tmp_path / "dropped", "--drop_repeated")
    document = e2e.verdict(tmp_path / "dropped")
    assert result.code == 0, document["findings"]
    assert document["excluded"] == {"repeated": 149}
    counts = document["counts"]
    assert (counts["read"], counts["decoded"], counts["rows"], counts["compared"]) == (1650, 1501, 1501, 1501)
    assert [f["message"].partition(" (")[0] for f in repeats(document)] == ["149 rows"]


def test_a_log_without_one_is_the_same_with_the_flag(home: Home, tmp_path: Path, capsys: Capture) -> None:
    logs = log(tmp_path / "logs", health_checks=0)
    for name, flags in (("all", ()), ("dropped", ("--drop_repeated",))):
        assert e2e.validate(capsys, home.baseline, logs, tmp_path / name, *flags).code == 0
        document = e2e.verdict(tmp_path / name)
        assert (document["counts"]["rows"], repeats(document)) == (1500, [])


def test_half_a_percent_is_recognized_in_ranges_too(home: Home, tmp_path: Path, capsys: Capture) -> None:
    logs = log(tmp_path / "logs", health_checks=11, rows=2000)
    assert e2e.validate(capsys, home.baseline, logs, tmp_path / "output", "--drop_repeated").code == 0
    document = e2e.verdict(tmp_path / "output")
    assert document["excluded"] == {"repeated": 10}


def test_a_table_of_a_database_is_refused(home: Home, tmp_path: Path, capsys: Capture) -> None:
    flags = ("--drop_repeated", "--format=table")
    result = e2e.validate(capsys, home.baseline, "bq://project.dataset.table", tmp_path / "output", *flags)
    assert result.code == 2
    assert "--drop_repeated reads files twice" in result.err[0]
