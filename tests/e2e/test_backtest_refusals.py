"""`trueserve backtest`: what it cannot look back on is one line, and writes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import e2e, logs
from support.backtest import SPAN, backtest, written
from support.homes import Home

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def log(home: Home, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(home.serving, tmp_path_factory.mktemp("past") / "logs")


def test_a_document_that_is_none_is_told(home: Home, log: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o/backtest.json").write_bytes(b"[" * 100_000)
    result = backtest(capsys, home.baseline, log, tmp_path / "o", *SPAN)
    assert (result.code, "written by `backtest`" in e2e.one_error(result)) == (2, True)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--every=P99999999D"], "--every does not divide the time"),
        (["--every=P1M"], "argument --every: expected a duration"),
        (["--every=PT0S"], "argument --every: expected a duration above zero"),
        (["--every=1d"], "argument --every: expected a duration"),
        (["--every=P99999999999D"], "argument --every: 'P99999999999D' is longer than time"),
        (["--every=PT1M"], "--every makes 5,040 windows; the maximum is 1,000"),
        (["--every=P1D"], "--every does not divide the time"),
        (["--budget=P0D"], "argument --budget: expected a duration above zero"),
        (["--known_bad=yesterday"], "argument --known_bad: expected a span"),
        (["--known_bad=,"], "argument --known_bad: expected one or more values"),
        (["--known_bad=2012-07-01"], "--known_bad: 2012-07-01T00:00:00+00:00 to 2012-07-02"),
        (["--end=2013-06-01"], "--start must be before --end"),
        (["--only=distanze"], "--only: no compared feature has the name distanze"),
        (["--only=hour", "--ignore=hour"], "--only and --ignore both name hour"),
        (["--thresholds=none.toml"], "--thresholds: there is no file"),
        (["--max_rejects=2"], "--max_rejects: expected a fraction"),
        (["--baseline=none"], "no baseline at none"),
        (["--bugdet=P1D"], "unknown flag --bugdet: did you mean --budget?"),
    ],
)
def test_wrong_usage_is_one_line(
    home: Home, log: str, tmp_path: Path, capsys: Capture, flags: list[str], message: str
) -> None:
    result = backtest(capsys, home.baseline, log, tmp_path / "o", *SPAN, *flags)
    assert result.code == 2
    assert message in e2e.one_error(result)
    assert not (tmp_path / "o").exists() or not list((tmp_path / "o").iterdir())


def test_a_time_to_look_back_on_is_needed(home: Home, log: str, tmp_path: Path, capsys: Capture) -> None:
    result = backtest(capsys, home.baseline, log, tmp_path / "o", "--every=P1D")
    assert (result.code, e2e.one_error(result)) == (
        2,
        "expected --start and --end, or --window: the time that the windows fill",
    )


def test_too_few_rows_everywhere_examine_nothing(
    home: Home, log: str, tmp_path: Path, capsys: Capture
) -> None:
    span = ("--window=2013-07-01", "--every=PT1H")
    result = backtest(capsys, home.baseline, log, tmp_path / "o", *span)
    assert result.code == 4
    assert "no window has enough rows: 200 are needed, the largest has 120" in e2e.one_error(result)
    assert "records lie outside [2013-07-01T00:00:00Z, 2013-07-02T00:00:00Z)" in result.err[-1]
    bad = ("--window=2013-07-01", "--every=P1D", "--known_bad=2013-07")
    result = backtest(capsys, home.baseline, log, tmp_path / "o", *bad)
    assert result.code == 4
    assert "1 of 1 windows are in --known_bad" in e2e.one_error(result)
    assert not (tmp_path / "o").exists()


def test_a_log_that_cannot_be_read_writes_nothing(
    home: Home, log: str, tmp_path: Path, capsys: Capture
) -> None:
    folder = Path(log).parent
    shutil.copytree(folder, tmp_path / "logs")
    log_bytes = (tmp_path / "logs/log-1").read_bytes()
    (tmp_path / "logs/log-1").write_bytes(log_bytes[:-9])
    result = backtest(capsys, home.baseline, f"{tmp_path}/logs/*", tmp_path / "o", *SPAN)
    assert result.code == 3
    assert "log-1" in e2e.one_error(result)
    logs.write_records(tmp_path / "logs/log-1", [b"\x0a\xffnoise"])
    result = backtest(capsys, home.baseline, f"{tmp_path}/logs/*", tmp_path / "o", *SPAN)
    assert result.code == 3
    assert "1 of " in e2e.one_error(result)
    assert "--max_rejects=0 allows" in e2e.one_error(result)
    assert not (tmp_path / "o").exists()
