"""A model's file, one command a night: a backfill of hours, reruns, failures, late logs, kills."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support import chaos, e2e, night
from support.homes import Home
from support.repo import ROOT
from support.verdict_schema import VERDICT_SCHEMA

Capture = pytest.CaptureFixture[str]
HOURS, FAULTY = 5, (1, 2)
TO = f"--to=2013-07-14T0{HOURS}:00"


class Series(NamedTuple):
    """A series that a backfill has made."""

    config: str
    output: Path
    logs: Path
    code: int


@pytest.fixture(scope="module")
def hours(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("hours")
    pattern = night.write_hours(folder / "logs", HOURS, FAULTY)
    output = folder / "out"
    more = ('previous = "auto"', 'spaces = ["raw"]')
    config = night.write_config(folder / "rides.toml", home.baseline, pattern, output, *more)
    from trueserve.pipelines import cli

    code = cli.main(["backfill", f"--config={config}", "--from=2013-07-14", TO])
    return Series(config, output, folder / "logs", code)


def latest(output: Path) -> tuple[str, str]:
    document = json.loads((output / "latest.json").read_text())
    return document["window"]["name"], document["verdict"]


def run(capsys: Capture, config: str, window: str, *more: str) -> e2e.Run:
    return e2e.run(capsys, "run", f"--config={config}", f"--window={window}", *more)


def test_each_window_has_its_verdict_and_the_incident_its_states(hours: Series) -> None:
    windows = night.windows(hours.output)
    assert [*windows] == [f"2013-07-14T0{hour}Z_PT1H" for hour in range(HOURS)]
    assert [document["verdict"] for document in windows.values()] == ["ok", "skew", "skew", "ok", "ok"]
    states = [[each["state"] for each in document["incidents"]] for document in windows.values()]
    assert states == [[], ["new"], ["ongoing"], ["resolved"], []]
    assert hours.code == 1
    for document in windows.values():
        VERDICT_SCHEMA.validate(document)
    assert (latest(hours.output), night.untidy(hours.output)) == (("2013-07-14T04Z_PT1H", "ok"), [])


def test_each_is_compared_with_the_window_before(hours: Series) -> None:
    previous = [document["previous"] for document in night.windows(hours.output).values()]
    starts = [
        None if each is None or not each.get("window") else each["window"]["start"] for each in previous
    ]
    assert starts[1:] == [f"2013-07-14T0{hour}:00:00Z" for hour in range(HOURS - 1)]


def test_nothing_is_missing_then(hours: Series, capsys: Capture) -> None:
    before = chaos.snapshot(hours.output)
    again = e2e.run(capsys, "backfill", f"--config={hours.config}", "--from=2013-07-14", TO)
    assert (again.code, again.err) == (0, [])
    assert again.out[0] == "rides: 5 windows, 0 without a verdict"
    assert chaos.snapshot(hours.output) == before


def test_a_rerun_of_an_old_hour_changes_nothing_of_later_ones(hours: Series, capsys: Capture) -> None:
    others = [night.hour_folder(hours.output, hour) for hour in (0, 2, 3, 4)]
    before = (hours.output / "latest.json").stat().st_mtime_ns, [*map(chaos.snapshot, others)]
    rerun = run(capsys, hours.config, "2013-07-14T01", "--fail_on=never")
    assert (rerun.code, rerun.err) == (0, [])
    assert before == ((hours.output / "latest.json").stat().st_mtime_ns, [*map(chaos.snapshot, others)])
    again = night.windows(hours.output)["2013-07-14T01Z_PT1H"]
    assert (again["verdict"], [each["state"] for each in again["incidents"]]) == ("skew", ["new"])
    assert night.untidy(hours.output) == []


def test_failed_ends_with_the_next_success_of_the_window(hours: Series, capsys: Capture) -> None:
    window = f"2013-07-14T0{HOURS}"
    failed = run(capsys, hours.config, window, "--json")
    assert failed.code == 3
    [line] = failed.out
    assert json.loads(line)["verdict"] == "failed"
    assert latest(hours.output) == (f"{window}Z_PT1H", "failed")
    assert e2e.run(capsys, "gate", str(hours.output)).code == 3
    night.write_hour(hours.logs, HOURS)
    assert run(capsys, hours.config, window).code == 0
    assert latest(hours.output) == (f"{window}Z_PT1H", "ok")
    assert e2e.run(capsys, "gate", str(hours.output)).code == 0
    assert night.untidy(hours.output) == []


def test_logs_that_have_not_all_come_are_not_judged(hours: Series, capsys: Capture) -> None:
    for days, rows in ((1, night.ROWS), (2, night.ROWS), (3, night.ROWS // 10)):
        night.write_hour(hours.logs, 24 * days, rows)
    assert [run(capsys, hours.config, f"2013-07-1{day}T00").code for day in (5, 6)] == [0, 0]
    few = run(capsys, hours.config, "2013-07-17T00")
    assert few.code == 4
    assert f"incomplete: only {night.ROWS // 10} records of the window came" in e2e.one_error(few)
    assert latest(hours.output) == ("2013-07-17T00Z_PT1H", "not_examined")
    # Nothing at all has come of the next day: that is no failure either.
    none = run(capsys, hours.config, "2013-07-18T00")
    assert none.code == 4
    assert "only 0 files came, and nothing was read" in e2e.one_error(none)
    assert run(capsys, hours.config, "2013-07-17T00", "--judge_incomplete", "--sample=0.9").code in (0, 1, 4)
    judged = night.windows(hours.output)["2013-07-17T00Z_PT1H"]
    assert "incomplete" not in json.dumps(judged["findings"])
    young = run(capsys, hours.config, "2099-07-17T00")
    assert (young.code, "it has not ended" in e2e.one_error(young)) == (4, True)


def test_killed_and_started_again_it_is_as_if_nobody_had_killed_it(home: Home) -> None:
    command = [sys.executable, "-W", "ignore", str(ROOT / "tests" / "night.py")]
    flags = ["--hours=4", "--kills=3", f"--baseline={home.baseline}"]
    environment = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        "PATH": "/usr/bin:/bin",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run([*command, *flags], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    # On a fast machine it may be done before the last one.
    assert re.match(r"4 windows, [123] kills, 0 violations", done.stdout.splitlines()[-1]), done.stdout
