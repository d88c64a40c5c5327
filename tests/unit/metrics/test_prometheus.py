"""Metrics as Prometheus reads them: its own `promtool`, and what stays when a run fails."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest
from support.alerts import Clock, http_server, incident
from support.metrics import FINISHED, HOSTILE, make_run, program
from support.page_documents import make_entry

from trueserve.transforms.alerts.transport import DeliveryError
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.metrics import prometheus
from trueserve.transforms.metrics.families import of_run

SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\S+)$")


def samples(text: str) -> dict[tuple[str, str], float]:
    """The values by name and labels, without the series."""
    lines = [match for line in text.splitlines() if (match := SAMPLE.match(line))]
    values = {(m[1], m[2].removeprefix('series="flights"').lstrip(",")): float(m[3]) for m in lines}
    assert len(values) == len(lines)
    return values


def text_of(**fields: object) -> str:
    return prometheus.text(of_run(make_run(**fields))).decode()  # type: ignore[arg-type]


def test_all_that_was_measured_is_there_and_nothing_else() -> None:
    values = samples(text_of())
    assert values["trueserve_last_success_timestamp_seconds", ""] == FINISHED.timestamp()
    assert values["trueserve_run_duration_seconds", ""] == 90.5
    assert values["trueserve_rows", 'state="compared"'] == 990
    assert values["trueserve_incidents", 'state="new",severity="error"'] == 1
    assert values["trueserve_incidents", 'state="resolved",severity="error"'] == 0
    assert values["trueserve_verdict", 'verdict="skew"'] == 1
    ratios = {labels: value for (name, labels), value in values.items() if name.endswith("_ratio")}
    expected = {'feature="carrier",space="raw"': 16.0, 'feature="fare",space="raw"': 0.4}
    assert ratios == pytest.approx(expected)


def test_run_that_failed_says_nothing_of_incidents_and_success() -> None:
    names = {name for name, _ in samples(text_of(outcome="failed"))}
    assert "trueserve_last_run_timestamp_seconds" in names
    assert not names & {
        "trueserve_last_success_timestamp_seconds",
        "trueserve_incidents",
        "trueserve_feature_effect_ratio",
    }


def test_worst_features_are_given_and_as_many_as_asked_for() -> None:
    entries = [make_entry(f"f{n:03}", n / 1000) for n in range(100)]
    run = make_run(features=entries)
    for most, expected in ((3, ["f099", "f098", "f097"]), (0, [])):
        (ratios,) = [family for family in of_run(run, most) if family.name.endswith("_ratio")]
        assert [dict(labels)["feature"] for labels, _ in ratios.samples] == expected


def test_names_of_strangers_stay_labels() -> None:
    twins = [make_entry(name, 0.4) for name in (HOSTILE, HOSTILE, "\x00", "\\x00", "x" * 500)]
    text = prometheus.text(of_run(make_run(series=HOSTILE, features=twins))).decode("utf-8")
    lines = [line for line in text.split("\n") if line.startswith("trueserve_feature_effect_ratio")]
    assert len(lines) == 3  # names that look the same are one sample, or Prometheus would refuse all
    assert all(
        re.fullmatch(r'\w+\{series="(?:[^"\\]|\\.)*",feature="(?:[^"\\]|\\.)*",space="raw"\} 16\.0', line)
        for line in lines
    )
    _check(text)


def test_promtool_takes_the_text() -> None:
    _check(text_of())
    _check(text_of(outcome="failed"))


def _check(text: str) -> None:
    """`promtool check metrics`, which warns of nothing."""
    tool = [program("promtool", "prometheus"), "check", "metrics"]
    done = subprocess.run(tool, input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_file_is_replaced_and_keeps_the_last_success(tmp_path: Path) -> None:
    path = tmp_path / "trueserve.prom"
    prometheus.write(str(path), make_run(series=HOSTILE))
    prometheus.write(str(path), make_run("failed", series=HOSTILE))
    prometheus.write(str(path), make_run("not_examined", series=HOSTILE))
    assert f" {FINISHED.timestamp()!r}\n" in path.read_text().split("# HELP trueserve_last_run")[0]
    assert 'verdict="not_examined"} 1.0' in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044  # the exporter is another user
    # Another series, and a file that is none, tell nothing of this one.
    prometheus.write(str(path), make_run("failed", series="other"))
    assert "last_success" not in path.read_text()
    path.write_bytes(b"\xff\nnonsense")
    prometheus.write(str(path), make_run("failed"))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", ["metrics.txt", "gs://bucket/a.prom"])
def test_file_that_nobody_would_read_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"\.prom"):
        prometheus.write(path, make_run())


def test_gateway_gets_the_group_and_no_password_in_errors() -> None:
    with http_server(path="") as server:
        url = server.url.replace("//", "//user:pa55word@")
        prometheus.push(url, make_run(series="a/b ø"))
        ((path, headers, _),) = server.requests
        assert path.startswith("/metrics/job/trueserve/series@base64/")
        assert headers["Authorization"].startswith("Basic ")
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    with pytest.raises(DeliveryError) as caught:
        prometheus.push(url, make_run(), pace=Clock().pace())
    assert "pa55word" not in str(caught.value)
    assert prometheus.group("flights-2.x_y") == "/metrics/job/trueserve/series/flights-2.x_y"


def test_states_of_incidents_are_those_of_the_verdict() -> None:
    states = ["new", "ongoing", "worse", "better", "resolved", "not_compared"]
    listed = [incident(state, identity=f"a-00000{n}", severity="warning") for n, state in enumerate(states)]
    values = samples(text_of(incidents=listed))
    assert all(values["trueserve_incidents", f'state="{state}",severity="warning"'] == 1 for state in states)
