"""`validate --previous`: several windows of one log, told against one another as the rows were made."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import e2e
from support.homes import Home
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.pipelines import cli
from trueserve.transforms.runs import published_runs
from trueserve.transforms.verdict.model import Space

Capture = pytest.CaptureFixture[str]
A_DAY = 2880


@pytest.fixture(scope="module")
def logs(home: Home, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three days: the third in other units, and more of its rows without a delay."""
    rows = [dict(row) for row in home.serving[: 3 * A_DAY]]
    third = e2e.in_kilometres(rows[2 * A_DAY :])
    for row in itertools.islice(third, 0, None, 4):
        row.pop("delay", None)
    folder = tmp_path_factory.mktemp("logs") / "three days"
    return e2e.write_logs(folder, rows[: 2 * A_DAY] + third, (2000, 6000), each=1)


def validate(capsys: Capture, home: Home, logs: str, output: Path, day: int, *more: str) -> e2e.Run:
    return e2e.validate(capsys, home.baseline, logs, output, f"--window=2013-07-0{day}", *more)


@pytest.fixture(scope="module")
def output(home: Home, logs: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The third day was validated last; before it the first, the second and, again, the first."""
    folder = tmp_path_factory.mktemp("previous")
    codes = [
        cli.main(
            [
                "validate",
                f"--baseline={home.baseline}",
                f"--logs={logs}",
                f"--output={folder}",
                f"--window=2013-07-0{day}",
                "--previous=auto",
            ]
        )
        for day in (1, 2, 1, 3)
    ]
    assert codes == [0, 0, 0, 1]
    return folder


def drift(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding for finding in document["findings"] if finding["kind"] == "drift"]


def documents(output: Path) -> list[dict[str, Any]]:
    """The verdicts of all runs, the first published first: back from the one that stands."""
    by_name = {path.parent.name: json.loads(path.read_text()) for path in output.glob("runs/*/verdict.json")}
    verdicts = [e2e.verdict(output)]
    while (before := verdicts[-1]["replaces"]) is not None:
        verdicts.append(by_name[before])
    assert len(verdicts) == len(by_name)
    return verdicts[::-1]


def test_what_moved_since_the_day_before_is_told(output: Path) -> None:
    document = e2e.verdict(output)
    VERDICT_SCHEMA.validate(document)
    findings = {(finding["space"], finding["feature"]): finding for finding in drift(document)}
    assert findings.keys() == {
        ("raw", "distance"),
        ("raw", "delay"),
        ("transformed", "distance_z"),
        ("transformed", "delay_filled"),
    }
    assert {finding["severity"] for finding in findings.values()} == {"warning"}
    distance = findings["raw", "distance"]
    assert distance["message"].startswith("since 2013-07-02: median ")
    assert "(2013-07-03)" in distance["message"]
    assert distance["diagnosis"]["cause"] == "scale or unit"
    assert findings["raw", "delay"]["metric"] == "missing_share_difference"
    previous = document["previous"]
    assert previous["window"] == {"start": "2013-07-02T00:00:00Z", "end": "2013-07-03T00:00:00Z"}
    assert (previous["verdict"], previous["spaces"]) == ("ok", ["raw", "transformed"])
    assert (previous["windows"], previous["since"]) == (2, "2013-07-01T00:00:00Z")
    assert Path(previous["path"], "stats.binpb").is_file()


def test_a_first_run_says_that_there_is_none(output: Path) -> None:
    for at in (0, 2):  # the rerun has the second day beside it, which is later
        document = documents(output)[at]
        [info] = drift(document)
        assert (info["severity"], info["metric"], document["verdict"]) == ("info", "no_earlier_run", "ok")
        assert document["previous"]["run"] is None
        assert document["previous"]["windows"] == 0


def test_a_window_like_the_last_is_quiet_and_of_reruns_the_last_counts(output: Path) -> None:
    first, second, again, third = documents(output)
    assert drift(second) == []
    assert second["previous"]["run"] == run_name(first)
    assert third["previous"]["windows"] == 2
    assert lasting(again) == lasting(first)


def test_runs_sort_by_name_as_they_were_published(output: Path) -> None:
    names = [run_name(document) for document in documents(output)]
    assert names == sorted(names)


def run_name(document: dict[str, Any]) -> str:
    return str(document["artifacts"]["stats.binpb"]["path"].split("/")[1])


def lasting(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in {"artifacts", "replaces"}}


def test_drift_weakens_no_test_against_training(
    home: Home, logs: str, output: Path, tmp_path: Path, capsys: Capture
) -> None:
    plain = validate(capsys, home, logs, tmp_path, 3)
    assert plain.code == 1
    document = e2e.verdict(tmp_path)
    assert document["previous"] is None
    expected = [finding for finding in e2e.verdict(output)["findings"] if finding["kind"] != "drift"]
    assert document["findings"] == expected


def test_positions_are_those_of_the_rows(home: Home, output: Path) -> None:
    summary = json.loads((output / "positions.json").read_text())
    assert summary["window"] == {"start": "2013-07-03T00:00:00Z", "end": "2013-07-04T00:00:00Z"}
    assert summary["rows"] == A_DAY
    rows = home.serving[2 * A_DAY : 3 * A_DAY]
    raw = summary["spaces"]["raw"]
    assert raw.keys() == {"distance", "hour", "carrier", "delay", "stops", "tags"}
    carriers = Counter(row["carrier"][0] for row in rows)
    often = [value for value, _ in Counter(row["carrier"][0] for row in home.training).most_common()]
    assert raw["carrier"]["shares"] == pytest.approx([carriers[value] / A_DAY for value in often], abs=1e-6)
    missing = sum("delay" not in row or at % 4 == 0 for at, row in enumerate(rows))
    assert raw["delay"]["missing"] == pytest.approx(missing / A_DAY, abs=1e-6)
    training = np.sort([row["distance"][0] for row in home.training])
    served = np.array([row["distance"][0] * 1.609 for row in rows], "float32").astype(float)
    ranks = [np.searchsorted(training, served, side) / len(training) for side in ("left", "right")]
    assert raw["distance"]["rank"] == pytest.approx(np.mean(ranks) - 0.5, abs=0.003)


def test_the_console_and_the_page_say_it_in_one_line(
    home: Home, logs: str, output: Path, tmp_path: Path, capsys: Capture
) -> None:
    [run] = output.glob(f"runs/{e2e.verdict(output)['previous']['run']}")
    result = validate(capsys, home, logs, tmp_path, 3, f"--previous={run}")
    [line] = [line for line in result.out if line.startswith("drift: ")]
    assert line.startswith("drift: since the last run (2013-07-02 up to 2013-07-03, UTC): d")
    assert e2e.verdict(tmp_path)["previous"]["windows"] == 0  # slow drift is looked for with auto alone
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Since the last run</h2>" in page
    assert page.count("since 2013-07-02: median") >= 2


def test_what_came_back_to_training_and_what_is_ignored_is_info(
    home: Home, logs: str, output: Path, tmp_path: Path, capsys: Capture
) -> None:
    third = output / "runs" / run_name(e2e.verdict(output))
    result = validate(capsys, home, logs, tmp_path, 2, f"--previous={third}", "--fail_on=warning")
    # What is back to training is no warning.
    assert (result.code, {finding["severity"] for finding in drift(e2e.verdict(tmp_path))}) == (0, {"info"})
    second = output / "runs" / e2e.verdict(output)["previous"]["run"]
    ignored = "--ignore=distance,distance_z"
    result = validate(capsys, home, logs, tmp_path, 3, f"--previous={second}", "--fail_on=warning", ignored)
    levels = {(finding["feature"], finding["severity"]) for finding in drift(e2e.verdict(tmp_path))}
    assert {("distance", "info"), ("delay", "warning")} <= levels


@pytest.mark.parametrize("requested", ["nowhere", "nowhere/at/all"])
def test_a_run_that_is_none_is_told_before_any_work(
    home: Home, logs: str, tmp_path: Path, capsys: Capture, requested: str
) -> None:
    result = validate(capsys, home, logs, tmp_path / "out", 1, f"--previous={requested}")
    assert result.code == 2
    assert e2e.one_error(result).startswith("--previous: expected auto, a run's folder")
    assert not (tmp_path / "out").exists()


def test_statistics_of_another_baseline_are_compared_raw(
    home: Home, logs: str, output: Path, tmp_path: Path, capsys: Capture
) -> None:
    second = output / "runs" / e2e.verdict(output)["previous"]["run"]
    document = json.loads((second / "verdict.json").read_text())
    document["contract"]["digests"]["graph"] = "another"
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "verdict.json").write_text(json.dumps(document))
    for name in ("stats.binpb", "transformed_stats.binpb"):
        (copy / name).write_bytes((second / name).read_bytes())
    validate(capsys, home, logs, tmp_path / "out", 3, f"--previous={copy}")
    verdict = e2e.verdict(tmp_path / "out")
    assert verdict["previous"]["spaces"] == ["raw"]
    assert {finding["metric"] for finding in drift(verdict) if finding["severity"] == "info"} == {
        "another_baseline"
    }
    assert {finding["space"] for finding in drift(verdict) if finding["feature"]} == {"raw"}


def test_the_names_of_files_are_those_that_runs_publish(output: Path) -> None:
    assert published_runs.WINDOW_SUMMARY in e2e.verdict(output)["artifacts"]
    named = {name for name in e2e.verdict(output)["artifacts"] if name.endswith("stats.binpb")}
    assert named <= {published_runs.statistics_name(space) for space in Space}
