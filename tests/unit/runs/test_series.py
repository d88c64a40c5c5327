"""Names of windows, what stands of each, and which one is the latest."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.runs import series

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
JULY_14 = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)


def publish(
    output: Path, start: dt.datetime, verdict: str = "ok", number: int = 1, length: dt.timedelta = DAY
) -> None:
    """A verdict that stands, of run `number`."""
    folder = Path(series.window_folder(str(output), start, start + length))
    root = folder / "failed" if verdict == "failed" else folder
    path = f"runs/20130715T0000{number:02}Z-0123abcd-0123456789ab/report.html"
    document: dict[str, Any] = {
        "format": 2,
        "verdict": verdict,
        "exit_code": {"ok": 0, "skew": 1, "failed": 3, "not_examined": 4}[verdict],
        "window": {"start": start.isoformat(), "end": (start + length).isoformat()},
        "artifacts": {"report.html": {"path": path, "bytes": 0, "sha256": ""}},
        "incidents": [{"state": "new"}, {"state": "resolved"}] if verdict == "skew" else [],
    }
    root.mkdir(parents=True, exist_ok=True)
    (root / "verdict.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("start", "length", "name"),
    [
        (JULY_14, DAY, "2013-07-14T00Z_P1D"),
        (JULY_14 + 5 * HOUR, HOUR, "2013-07-14T05Z_PT1H"),
        (JULY_14 + dt.timedelta(minutes=330), HOUR, "2013-07-14T0530Z_PT1H"),
        (JULY_14 + dt.timedelta(seconds=1), HOUR, "2013-07-14T000001Z_PT1H"),
        (JULY_14, 25 * HOUR, "2013-07-14T00Z_P1DT1H"),
        (JULY_14, 23 * HOUR, "2013-07-14T00Z_PT23H"),
    ],
)
def test_a_name_is_the_start_and_the_length(start: dt.datetime, length: dt.timedelta, name: str) -> None:
    assert series.window_name(start, start + length) == name
    assert series.parsed_name(name) == (start, start + length)


@given(
    st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9000, 1, 1)),
    st.integers(1, 400 * 86_400),
    st.sampled_from([0, 2, -5]),
)
def test_names_go_there_and_back(start: dt.datetime, seconds: int, offset: int) -> None:
    first = start.replace(microsecond=0, tzinfo=dt.timezone(offset * HOUR) if start.year > 1 else dt.UTC)
    end = first + dt.timedelta(seconds=seconds)
    name = series.window_name(first, end)
    assert series.parsed_name(name) == (first, end)
    assert "/" not in name
    assert ":" not in name


@given(st.text(alphabet="0123456789-TZ_PDHMSW", max_size=30))
def test_other_names_are_none(text: str) -> None:
    span = series.parsed_name(text)
    assert span is None or series.window_name(*span) == text


@pytest.mark.parametrize(
    "name",
    [
        "2013-07-14T00Z_PT24H",
        "2013-07-14T0000Z_P1D",
        "2013-07-14T24Z_P1D",
        "2013-07-14T00Z",
        "x",
        "2013-07-14T00Z_P0D",
    ],
)
def test_a_window_has_one_name(name: str) -> None:
    assert series.parsed_name(name) is None


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (JULY_14, JULY_14),
        (JULY_14, JULY_14 + dt.timedelta(microseconds=1_000_001)),
        (JULY_14.replace(tzinfo=None), JULY_14.replace(tzinfo=None) + DAY),
    ],
)
def test_what_has_no_name_is_refused(start: dt.datetime, end: dt.datetime) -> None:
    with pytest.raises(ValueError, match=r"full seconds|before the end"):
        series.window_name(start, end)


@pytest.mark.parametrize(
    ("folder", "output"),
    [
        ("out/windows/2013-07-14T00Z_P1D", "out"),
        ("out/windows/2013-07-14T00Z_P1D/", "out"),
        ("/windows/2013-07-14T00Z_P1D", "/"),
        ("windows/2013-07-14T00Z_P1D", "."),
        ("gs://bucket/out/windows/2013-07-14T00Z_P1D", "gs://bucket/out"),
    ],
)
def test_a_window_knows_its_series(folder: str, output: str) -> None:
    assert series.series_of(folder) == (output, "2013-07-14T00Z_P1D")


@pytest.mark.parametrize("folder", ["out", "out/windows", "out/windows/july", "out/runs/2013-07-14T00Z_P1D"])
def test_another_folder_is_of_no_series(folder: str) -> None:
    assert series.series_of(folder) is None


def test_the_latest_is_the_latest_window_and_not_the_last_published(tmp_path: Path) -> None:
    publish(tmp_path, JULY_14 + DAY, "skew", 1)
    publish(tmp_path, JULY_14, "ok", 2)
    (tmp_path / "windows" / "2013-07-16T00Z_P1D").mkdir()  # a run is at work there, or was killed
    document = series.latest_document(str(tmp_path))
    assert document is not None
    assert document["window"]["name"] == "2013-07-15T00Z_P1D"
    assert (document["verdict"], document["exit_code"], document["open_incidents"]) == ("skew", 1, 1)
    assert document["path"] == "windows/2013-07-15T00Z_P1D/verdict.json"


def test_a_window_that_failed_stands_until_it_succeeds(tmp_path: Path) -> None:
    publish(tmp_path, JULY_14, "ok", 1)
    publish(tmp_path, JULY_14, "failed", 2)
    document = series.latest_document(str(tmp_path))
    assert document is not None
    assert (document["verdict"], document["path"].split("/")[2]) == ("failed", "failed")
    publish(tmp_path, JULY_14, "ok", 3)
    document = series.latest_document(str(tmp_path))
    assert document is not None
    assert document["verdict"] == "ok"


def test_windows_before_a_time_are_the_latest_first(tmp_path: Path) -> None:
    for days in (0, 1, 2, 3):
        publish(tmp_path, JULY_14 + days * DAY)
    publish(tmp_path, JULY_14, length=2 * DAY)
    (tmp_path / "windows" / "notes.txt").write_text("mine")
    before = series.names_before(str(tmp_path), JULY_14 + 2 * DAY)
    assert before == ["2013-07-15T00Z_P1D", "2013-07-14T00Z_P2D", "2013-07-14T00Z_P1D"]
    assert series.window_names(str(tmp_path))[0] == "2013-07-14T00Z_P1D"
    assert series.window_names(str(tmp_path / "gone")) == []


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": 2}', "\xff"])
def test_what_is_no_verdict_does_not_stand(content: str, tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text(content, encoding="latin-1")
    assert series.standing(str(tmp_path)) is None
    assert series.latest_document(str(tmp_path)) is None


def test_a_document_that_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "latest.json"
    series.write_json(str(path), {"a": 1})
    before = path.stat().st_ino
    series.write_json(str(path), {"a": 1})
    assert path.stat().st_ino == before
    series.write_json(str(path), {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}
