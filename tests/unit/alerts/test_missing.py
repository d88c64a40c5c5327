"""Windows that should have a verdict, of what lies below an output folder."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest
from support.alerts import DAY, FIRST, moment, verdict

from trueserve.transforms.alerts.context import Window
from trueserve.transforms.alerts.missing import absent, missing

HOUR = dt.timedelta(hours=1)


def publish(output: Path, *days: int, folder: str = ".") -> None:
    for day in days:
        path = (
            output / folder / "runs" / f"2026{day:04}T030000Z.000001-1f3a5c7e-0123456789ab" / "verdict.json"
        )
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(verdict(day)))


def ends(windows: tuple[Window, ...]) -> list[int]:
    """The numbers of their days."""
    return [(window.end - FIRST) // DAY for window in windows if window.end]


def test_gap_and_the_night_that_never_came_are_missing(tmp_path: Path) -> None:
    publish(tmp_path, 2, 3, 5)
    assert ends(missing(str(tmp_path), DAY, moment(6, hour=1))) == [4, 6]
    # A run that failed has said so itself.
    publish(tmp_path, 4, folder="failed")
    assert ends(missing(str(tmp_path), DAY, moment(6, hour=1))) == [6]


def test_window_has_the_time_that_its_logs_take(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    assert ends(missing(str(tmp_path), DAY, moment(2, hour=0), delay=HOUR)) == []
    assert ends(missing(str(tmp_path), DAY, moment(2, hour=1), delay=HOUR)) == [2]
    assert ends(missing(str(tmp_path), DAY, moment(2, hour=0))) == [2]


def test_nothing_is_missing_where_there_is_nothing(tmp_path: Path) -> None:
    assert missing(str(tmp_path), DAY, moment(9)) == ()
    assert missing(str(tmp_path / "none"), DAY, moment(9)) == ()
    publish(tmp_path, 1)
    # A window of another length is no sign of this series.
    assert missing(str(tmp_path), HOUR, moment(9)) == ()
    with pytest.raises(ValueError, match="above 0"):
        missing(str(tmp_path), dt.timedelta(0), moment(9))


def test_what_is_no_verdict_is_passed_over(tmp_path: Path) -> None:
    publish(tmp_path, 1, 3)
    for number, content in enumerate(
        [b"", b"[]", b"\xff", b"[" * 10_000, b'{"window": {"start": 1, "end": 2}}']
    ):
        folder = tmp_path / "runs" / f"2026{number:04}T020000Z.000001-1f3a5c7e-0123456789ab"
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_bytes(content)
    os.mkfifo(tmp_path / "verdict.json")
    assert ends(missing(str(tmp_path), DAY, moment(3))) == [2]


def test_long_silence_is_bounded() -> None:
    every = dt.timedelta(minutes=1)
    windows = absent([Window(FIRST - every, FIRST)], every, moment(400), dt.timedelta(0))
    assert len(windows) == 400
    assert windows[-1].end == moment(400)
