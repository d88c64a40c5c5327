"""What a window of a series has of those before it: the run that stands of each, whenever published."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.runs import past_runs, previous_runs, series

DAY = dt.timedelta(days=1)
MAY_1 = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)


def window(number: int) -> Window:
    return Window(MAY_1 + number * DAY, MAY_1 + (number + 1) * DAY)


def folder_of(output: Path, number: int) -> Path:
    start = MAY_1 + number * DAY
    return Path(series.window_folder(str(output), start, start + DAY))


def publish(output: Path, number: int, run: int, verdict: str = "skew", incident: str = "") -> str:
    """A verdict that stands; the name of its run, by whose clock it is number `run`."""
    name = f"20240601T0000{run:02}Z-0123abcd-0123456789ab"
    measured = dict.fromkeys(("share", "metric", "effect", "least_effect", "effective_rows", "since"))
    entry = {
        "id": incident,
        "kind": "other",
        "key": "k",
        "title": "t",
        "severity": "error",
        "what_to_do": "Look.",
        "features": [],
        "state": "new",
        "findings": 1,
        "acknowledged": None,
        "sliced_by": "",
    }
    document: dict[str, Any] = {
        "format": 2,
        "verdict": verdict,
        "window": {
            "start": window(number).start.isoformat(),  # type: ignore[union-attr]
            "end": window(number).end.isoformat(),  # type: ignore[union-attr]
        },
        "artifacts": {"report.html": {"path": f"runs/{name}/report.html", "bytes": 0, "sha256": ""}},
        "contract": None,
        "incidents": [entry | measured] if incident else [],
        "features": [],
        "findings": [],
    }
    folder = folder_of(output, number)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "verdict.json").write_text(json.dumps(document))
    return name


def previous(output: Path, number: int) -> str | None:
    run = previous_runs.find("auto", str(folder_of(output, number)), window(number), None).previous
    return None if run is None else run.name


def past(output: Path, number: int) -> tuple[list[str], list[str]]:
    """The names of the windows that are shown, and the ids of incidents that are followed."""
    runs = past_runs.read(str(folder_of(output, number)), window(number))
    assert runs.in_series
    return [name for name, _ in past_runs.unpacked(runs.packed)], [each.id for each in runs.incidents]


def test_the_window_before_is_found_in_the_series(tmp_path: Path) -> None:
    names = [publish(tmp_path, number, run=9 - number, incident=f"a-{number}") for number in range(4)]
    assert previous(tmp_path, 3) == names[2]
    assert past(tmp_path, 3) == (
        ["2024-05-03T00Z_P1D", "2024-05-02T00Z_P1D", "2024-05-01T00Z_P1D"],
        ["a-2"],
    )


def test_a_rerun_of_an_old_window_sees_only_those_before_it(tmp_path: Path) -> None:
    names = [publish(tmp_path, number, run=number, incident=f"a-{number}") for number in range(4)]
    assert previous(tmp_path, 1) == names[0]
    assert past(tmp_path, 1) == (["2024-05-01T00Z_P1D"], ["a-0"])
    assert previous(tmp_path, 0) is None
    assert past(tmp_path, 0) == ([], [])


def test_windows_that_examined_nothing_or_failed_are_stepped_over(tmp_path: Path) -> None:
    first = publish(tmp_path, 0, run=0, incident="a-0")
    publish(tmp_path, 1, run=1, verdict="not_examined")
    publish(tmp_path, 2, run=2)
    (folder_of(tmp_path, 2) / "verdict.json").rename(folder_of(tmp_path, 2) / "failed.json")
    assert previous(tmp_path, 3) == first
    assert past(tmp_path, 3)[1] == ["a-0"]


def test_the_files_of_a_run_are_in_its_own_window(tmp_path: Path) -> None:
    name = publish(tmp_path, 0, run=0)
    run = previous_runs.find("auto", str(folder_of(tmp_path, 1)), window(1), None).previous
    assert run is not None
    assert run.folder == str(folder_of(tmp_path, 0) / "runs" / name)


def test_the_history_is_bounded(tmp_path: Path) -> None:
    for number in range(past_runs.MOST_RUNS + 5):
        publish(tmp_path, number, run=number % 60)
    shown, _ = past(tmp_path, past_runs.MOST_RUNS + 5)
    assert len(shown) == past_runs.MOST_RUNS
    runs = previous_runs.find("auto", str(folder_of(tmp_path, 95)), window(95), None)
    assert len(runs.comparable_runs) == previous_runs.MOST_WINDOWS


def test_a_window_is_named_by_its_folder(tmp_path: Path) -> None:
    names = [publish(tmp_path, number, run=number) for number in range(3)]
    named = previous_runs.find("2024-05-01T00Z_P1D", str(folder_of(tmp_path, 2)), window(2), None)
    assert named.previous is not None
    assert named.previous.name == names[0]
    with pytest.raises(UsageError, match="no verdict"):
        previous_runs.find("2024-04-01T00Z_P1D", str(folder_of(tmp_path, 2)), window(2), None)
