"""Seven windows of one log: a fault begins, lasts, is acknowledged, gets worse and is mended."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import alerts, e2e
from support.homes import Home
from support.openlineage_schema import RUN_EVENT
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.pipelines import cli
from trueserve.transforms.alerts.deliver import deliver
from trueserve.transforms.metrics import openlineage, otlp, prometheus
from trueserve.transforms.metrics.families import Run, of_run

Capture = pytest.CaptureFixture[str]
ROWS = 720  # of a window of six hours
#: In each window the part of the rows whose distance is in kilometres, in eighths.
FAULTY = (0, 0, 3, 3, 3, 7, 0)
ACKNOWLEDGED = 4


class Night(NamedTuple):
    code: int
    document: dict[str, Any]

    @property
    def incident(self) -> dict[str, Any]:
        [only] = self.document["incidents"]
        return dict(only)


@pytest.fixture(scope="module")
def logs(home: Home, tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [dict(row) for row in home.serving[: ROWS * len(FAULTY)]]
    faulty = e2e.in_kilometres(rows)
    for number, part in enumerate(FAULTY):
        for at in range(ROWS * number, ROWS * (number + 1)):
            if at % 8 < part:
                rows[at] = faulty[at]
    return e2e.write_logs(tmp_path_factory.mktemp("logs") / "nights", rows, (2_000,), each=1)


def flags(home: Home, logs: str, output: Path, night: int, *more: str) -> list[str]:
    window = f"--window=2013-07-0{1 + night // 4}T{night % 4 * 6:02}:00:00Z/PT6H"
    return ["validate", f"--baseline={home.baseline}", f"--logs={logs}", f"--output={output}", window, *more]


@pytest.fixture(scope="module")
def nights(home: Home, logs: str, tmp_path_factory: pytest.TempPathFactory) -> list[Night]:
    folder = tmp_path_factory.mktemp("nights")
    accepts = folder / "accepts.toml"
    made: list[Night] = []
    for number in range(len(FAULTY)):
        if number == ACKNOWLEDGED:
            known = made[-1].incident["id"]
            entry = f'[[acknowledged]]\nincident = "{known}"\nuntil = 2013-08-01\nnote = "known"\n'
            accepts.write_text(f"format = 1\n{entry}")
        more = [f"--thresholds={accepts}"] if number >= ACKNOWLEDGED else []
        code = cli.main(flags(home, logs, folder / "out", number, *more))
        made.append(Night(code, e2e.verdict(folder / "out")))
    return made


def test_each_night_has_its_state_and_its_exit_code(nights: list[Night]) -> None:
    states = [[incident["state"] for incident in night.document["incidents"]] for night in nights]
    assert states == [[], [], ["new"], ["ongoing"], ["ongoing"], ["worse"], ["resolved"]]
    # The fifth is acknowledged; the sixth got worse.
    assert [night.code for night in nights] == [0, 0, 1, 1, 0, 1, 0]
    for night in nights:
        VERDICT_SCHEMA.validate(night.document)


def test_the_incident_keeps_its_id_and_its_beginning(nights: list[Night]) -> None:
    lasting = [night.incident for night in nights[2:]]
    assert len({incident["id"] for incident in lasting}) == 1
    assert {incident["since"] for incident in lasting} == {"2013-07-01T12:00:00Z"}
    assert lasting[0]["title"].startswith("distance is training x 1.609 in ")


def test_findings_of_raw_and_transformed_belong_to_it(nights: list[Night]) -> None:
    document = nights[2].document
    [incident] = document["incidents"]
    errors = {(f["space"], f["feature"]) for f in document["findings"] if f["incident"] == incident["id"]}
    assert errors >= {("raw", "distance"), ("transformed", "distance_z")}
    assert incident["findings"] == len([f for f in document["findings"] if f["incident"]])


def test_healthy_features_have_their_numbers(nights: list[Night]) -> None:
    by_name = {
        numbers["feature"]: numbers for numbers in nights[0].document["features"] if numbers["space"] == "raw"
    }
    assert {"distance", "carrier", "hour", "delay"} <= by_name.keys()
    delay = by_name["delay"]
    assert delay["rows"] == ROWS
    assert 0.1 < delay["missing_share"] < 0.3
    assert 0 <= by_name["distance"]["effect"] < 0.1
    assert by_name["carrier"]["metric"] == "total_variation"
    # The index is of features that moved alone.
    faulty = {(n["space"], n["feature"]): n["psi"] for n in nights[5].document["features"]}
    assert by_name["distance"]["psi"] is None
    assert faulty["raw", "distance"] > 0.2
    assert faulty["raw", "carrier"] is None


def test_the_console_says_it_in_two_lines(
    home: Home, logs: str, nights: list[Night], tmp_path: Path, capsys: Capture
) -> None:
    run = e2e.run(capsys, *flags(home, logs, tmp_path, 2))
    at = next(number for number, line in enumerate(run.out) if line.startswith("error, new: "))
    assert run.out[at] == f"error, new: {nights[2].incident['title']}"
    assert run.out[at + 1].startswith("  ")
    assert not any(line.startswith("error: ") for line in run.out)
    more = e2e.run(capsys, *flags(home, logs, tmp_path, 2, "--verbose"))
    assert any(line.startswith("error: distance (raw, distribution): ") for line in more.out)


def test_fail_on_new_fails_once(home: Home, logs: str, tmp_path: Path, capsys: Capture) -> None:
    codes = [e2e.run(capsys, *flags(home, logs, tmp_path, n, "--fail_on=new")).code for n in (2, 3)]
    assert codes == [1, 0]
    assert e2e.errors(e2e.verdict(tmp_path))


def test_alerts_of_the_nights_come_once_each(nights: list[Night], tmp_path: Path) -> None:
    settings, recorder = alerts.recording()
    now = alerts.moment(1)
    # The job is started anew after each night, and delivers all that there is.
    for number in range(len(nights)):
        documents = [night.document for night in nights[: number + 1]]
        (report,) = deliver(str(tmp_path), documents, [settings], now, page_url="https://pages.example")
        assert report.problems == ()
    lasting = nights[2].incident["id"]
    assert recorder.events == [("new", lasting), ("worse", lasting), ("resolved", lasting)]
    assert recorder.messages[0].events[0].title.startswith("error, new: distance is training x 1.609")
    assert recorder.messages[0].link.endswith("/report.html")


def test_metrics_and_lineage_are_made_of_real_verdicts(nights: list[Night]) -> None:
    for night in nights:
        run = Run(night.document, "flights", alerts.moment(1), alerts.moment(1, hour=4))
        text = prometheus.text(of_run(run)).decode()
        (ratio,) = re.findall(r'feature="distance",space="raw"} (\S+)', text)
        # Chance alone may be more than the limit in so few rows.
        assert (float(ratio) > 3) == any(each["findings"] for each in night.document["incidents"])
        assert 'trueserve_rows{series="flights",state="compared"}' in text
        for event in openlineage.events(run, ["logs/*"], "out", {}):
            RUN_EVENT.validate(event)
        assert otlp.trace(run, (), {})["resourceSpans"]
