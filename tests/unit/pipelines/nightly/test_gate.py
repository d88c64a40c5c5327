"""The exit code of a published verdict: of which window, by what it fails, and how old it may be."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from trueserve.pipelines import cli
from trueserve.pipelines.nightly import clock, gate
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.runs import series

DAY = dt.timedelta(days=1)
JULY_14 = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)
CODES = {"ok": 0, "skew": 1, "failed": 3, "not_examined": 4}


def publish(
    folder: Path, verdict: str, start: dt.datetime = JULY_14, incidents: Any = (), number: int = 1
) -> None:
    root = folder / "failed" if verdict == "failed" else folder
    root.mkdir(parents=True, exist_ok=True)
    path = f"runs/20130715T0000{number:02}Z-0123abcd-0123456789ab/report.html"
    document = {
        "format": 2,
        "verdict": verdict,
        "exit_code": CODES[verdict],
        "window": {"start": start.isoformat(), "end": (start + DAY).isoformat()},
        "artifacts": {"report.html": {"path": path, "bytes": 0, "sha256": ""}},
        "incidents": list(incidents),
        "findings": [],
        "counts": dict.fromkeys(("read", "decoded", "rows", "compared", "rejected", "outside_window"), 7),
        "slices": [],
        "effective_rows": None,
        "not_compared": [],
    }
    (root / "verdict.json").write_text(json.dumps(document))


def day(output: Path, days: int, verdict: str, **more: Any) -> None:
    start = JULY_14 + days * DAY
    publish(Path(series.window_folder(str(output), start, start + DAY)), verdict, start, **more)


def code_of(capsys: pytest.CaptureFixture[str], *argv: str) -> int:
    code = cli.main(["gate", *argv])
    lines = capsys.readouterr()
    assert len((lines.out + lines.err).splitlines()) == 1, lines
    return code


def test_it_is_that_of_the_latest_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day(tmp_path, 1, "skew", number=1)
    day(tmp_path, 0, "ok", number=2)
    (tmp_path / "latest.json").write_text("{}")
    for path in (tmp_path, tmp_path / "latest.json"):
        assert code_of(capsys, str(path)) == 1
    assert code_of(capsys, str(tmp_path), "--window=2013-07-14") == 0
    assert code_of(capsys, str(tmp_path), "--window=2013-07-15T00Z_P1D") == 1
    assert code_of(capsys, str(tmp_path / "windows/2013-07-15T00Z_P1D/verdict.json")) == 1
    assert code_of(capsys, str(tmp_path / "windows/2013-07-14T00Z_P1D")) == 0


@pytest.mark.parametrize("verdict", CODES)
def test_each_verdict_has_its_exit_code(
    verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path / "plain", verdict)
    day(tmp_path / "series", 0, verdict)
    for output in ("plain", "series"):
        assert code_of(capsys, str(tmp_path / output)) == CODES[verdict]
        # Who gates later wants to know of what failed all the same.
        never = code_of(capsys, str(tmp_path / output), "--fail_on=never")
        assert never == (0 if verdict == "skew" else CODES[verdict])


def incident(severity: str, state: str, acknowledged: Any = None) -> dict[str, Any]:
    return {"severity": severity, "state": state, "acknowledged": acknowledged}


@pytest.mark.parametrize(
    ("incidents", "fails_on"),
    [
        ([], ()),
        ([incident("error", "new")], ("error", "warning", "new")),
        ([incident("error", "worse")], ("error", "warning", "new")),
        ([incident("error", "ongoing")], ("error", "warning")),
        ([incident("warning", "new")], ("warning",)),
        ([incident("info", "new")], ()),
        ([incident("error", "resolved")], ()),
        ([incident("error", "new", {"is_valid": True})], ()),
        ([incident("error", "new", {"is_valid": False})], ("error", "warning", "new")),
    ],
)
def test_what_fails_may_be_another_than_the_runs(incidents: list[Any], fails_on: tuple[str, ...]) -> None:
    document = {"verdict": "skew", "incidents": incidents}
    failing = {what for what in ("error", "warning", "new", "never") if gate.exit_code(document, what)}
    assert failing == {*fails_on}
    assert gate.exit_code(document, None) == 1


@pytest.mark.parametrize(("now", "code"), [("2013-07-16T00:00", 0), ("2013-07-17T00:01", 4)])
def test_a_window_may_be_too_old(
    now: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    day(tmp_path, 0, "ok")
    monkeypatch.setattr(clock, "now", lambda: dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC))
    assert code_of(capsys, str(tmp_path), "--max_age=P2D") == code


def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day(tmp_path, 0, "skew")
    assert cli.main(["gate", str(tmp_path), "--json"]) == 1
    captured = capsys.readouterr()
    [line] = captured.out.splitlines()
    result = json.loads(line)
    assert (result["command"], result["exit_code"], result["verdict"], result["errors"]) == (
        "gate",
        1,
        "skew",
        [],
    )
    assert Path(result["path"]).is_file()
    assert cli.main(["gate", str(tmp_path / "gone"), "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert (result["exit_code"], len(result["errors"])) == (2, 1)


@pytest.mark.parametrize("argv", [("gone",), ("windows",), (".", "--window=2013-07-20"), (".", "--window=x")])
def test_without_a_verdict_there_is_none(
    argv: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day(tmp_path, 0, "ok")
    monkeypatch.chdir(tmp_path)
    path, *more = argv
    with pytest.raises(UsageError):
        gate.find(path, more[0].partition("=")[2] if more else None)


@pytest.mark.parametrize("content", ["", "[]", '{"verdict": 7}', '{"verdict": "other", "format": 2}'])
def test_what_strangers_wrote_is_no_verdict(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "verdict.json").write_text(content)
    for path in (tmp_path, tmp_path / "verdict.json"):
        assert code_of(capsys, str(path)) == 2
