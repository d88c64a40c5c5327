"""`trueserve alerts`: the command as it is called, with a server on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.alerts import CARRIER, Server, http_server, incident, verdict

from trueserve.pipelines.cli import main

Json = dict[str, Any]
CONFIG = """
[run]
what = "other keys are left alone"

[[alerts]]
name = "hook"
type = "webhook"
url = "env:HOOK"
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "trueserve.toml"
    path.write_text(CONFIG)
    return f"--config={path}"


def publish(output: Path, number: int, document: Json, folder: str = ".") -> None:
    """What a run leaves, run number `number`."""
    name = f"202611{number:02}T030000Z.000001-1f3a5c7e-0123456789ab"
    path = output / folder / "runs" / name / "verdict.json"
    path.parent.mkdir(parents=True)
    report = {"path": f"runs/{name}/report.html", "bytes": 1, "sha256": "0" * 64}
    path.write_text(json.dumps(document | {"artifacts": {"report.html": report}}))


def kinds(server: Server) -> list[tuple[str, str]]:
    return [(event["kind"], event["subject"]) for each in server.documents for event in each["events"]]


def test_new_verdicts_are_alerted_once(
    tmp_path: Path, config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "skew"
    publish(output, 1, verdict(1, incident()))
    publish(output, 2, verdict(2, incident("ongoing")))
    with http_server() as server:
        monkeypatch.setenv("HOOK", server.url)
        page = "--page_url=https://pages.example/skew"
        for _ in range(2):
            assert main(["alerts", str(output), config, page, "--series=flights"]) == 0
        # The newest run of a window counts: the rerun has ended the incident.
        publish(output, 3, verdict(3, outcome="failed"), "failed")
        publish(output, 4, verdict(3, incident("resolved"), outcome="ok"))
        assert main(["alerts", str(output), config]) == 0
    assert kinds(server) == [("new", CARRIER), ("resolved", CARRIER)]
    first = server.documents[0]
    assert first["series"] == "flights"
    assert first["link"].startswith("https://pages.example/skew/runs/20261102T")
    assert capsys.readouterr().out.splitlines()[:2] == ["hook: 1 message sent", "hook: 0 messages sent"]


@pytest.mark.parametrize(
    ("keys", "flags", "series"),
    [
        ("", [], "skew"),
        ('model = "trips"', [], "trips"),
        ('baseline = "b"', [], "trueserve"),  # the file's own name, as `run` takes it
        ('model = "trips"', ["--series=other"], "other"),
    ],
)
def test_name_is_that_of_the_model(
    tmp_path: Path, keys: str, flags: list[str], series: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "trueserve.toml"
    path.write_text(f'{keys}\npage_url = "https://pages.example"\n{CONFIG}')
    publish(tmp_path / "skew", 1, verdict(1, incident()))
    with http_server() as server:
        monkeypatch.setenv("HOOK", server.url)
        assert main(["alerts", str(tmp_path / "skew"), f"--config={path}", *flags]) == 0
    (document,) = server.documents
    assert document["series"] == series
    assert document["link"].startswith("https://pages.example/")


def test_windows_without_a_verdict_are_alerted(
    tmp_path: Path, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "skew"
    publish(output, 1, verdict(1, outcome="ok"))
    publish(output, 3, verdict(3, outcome="ok"))
    with http_server() as server:
        monkeypatch.setenv("HOOK", server.url)
        # So late that the days since then, whatever day it is, are not yet missing.
        assert main(["alerts", str(output), config, "--every=P1D", "--delay=P30000D"]) == 0
        assert kinds(server) == []
        assert main(["alerts", str(output), config, "--every=P1D"]) == 0
    # Which days these are, beside the one between both, is a matter of today; 400 are the most.
    assert {kind for kind, _ in kinds(server)} == {"missing"}
    assert len(server.documents) == 1


def test_test_goes_to_each_receiver_and_leaves_no_trace(
    tmp_path: Path, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_server() as server:
        monkeypatch.setenv("HOOK", server.url)
        assert main(["alerts", str(tmp_path / "none"), config, "--test"]) == 0
    assert [kind for kind, _ in kinds(server)] == ["test"]
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_sent_is_said_without_the_secret(
    tmp_path: Path, config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with http_server((403, {}, b"no"), path="/s3cr3t-token") as server:
        monkeypatch.setenv("HOOK", server.url)
        assert main(["alerts", str(tmp_path), config, "--test"]) == 3
        monkeypatch.setenv("HOOK", "")
        assert main(["alerts", str(tmp_path), config, "--test"]) == 3
    out, err = capsys.readouterr()
    assert "the receiver answered HTTP 403: no" in out
    assert "env:HOOK is not set, or empty" in out
    assert "s3cr3t" not in out + err


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[alerts]]\nname = 1", "alerts[0].name: expected 1 to 40 of a-z"),
        (
            "[[alerts]]\nname = 'a'\ntype = 'slack'\nurl = 'https://h/T0KEN'",
            "alerts[0].url: expected a reference",
        ),
        ("alerts = 3", "expected at most 100 tables"),
        ("[run]", "has no table [[alerts]]"),
        ("[[alerts", "is no TOML"),
        ("a = " + "[" * 5000, "is no TOML"),
        ("model = 3" + CONFIG, "model: expected text"),
    ],
)
def test_mistake_in_the_configuration_is_one_line(
    tmp_path: Path, text: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trueserve.toml"
    path.write_text(text)
    assert main(["alerts", str(tmp_path), f"--config={path}"]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1
    assert "T0KEN" not in err


@pytest.mark.parametrize(
    "flags", [["--every=tomorrow"], ["--every=PT0S"], ["--delay=PT1H"], ["--config=none.toml"]]
)
def test_wrong_flags_are_refused(tmp_path: Path, config: str, flags: list[str]) -> None:
    assert main(["alerts", str(tmp_path), config, *flags]) == 2
    assert main(["alerts", str(tmp_path / "none"), config]) == 2
