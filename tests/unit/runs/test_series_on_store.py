"""A series on an object store, which has no folders, no locks and no renames."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from support import memory_files
from support.page import make_verdict

from trueserve.pipelines.config.model_config import ModelConfig, Retention
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.nightly import clock, gate, old_windows, window_run
from trueserve.transforms.runs import run_folder, series

OUTPUT = "memory://bucket/nights"
CONFIG = ModelConfig("f.toml", "f", OUTPUT, {})
DAY = dt.timedelta(days=1)
JULY_14 = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _empty() -> None:
    memory_files.OBJECTS.clear()


def publish(days: int, outcome: str) -> None:
    folder = CONFIG.folder((JULY_14 + days * DAY, JULY_14 + (days + 1) * DAY))
    run_folder.publish(folder, make_verdict(outcome), {"report.html": b"<!doctype html>"})
    window_run.finish(CONFIG, folder)


def names() -> list[str]:
    return sorted(name.removeprefix(f"{OUTPUT}/") for name in memory_files.OBJECTS)


def test_windows_are_kept_replaced_gated_and_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(1, "skew")
    publish(0, "failed")
    publish(0, "ok")
    publish(0, "ok")
    assert series.window_names(OUTPUT) == ["2013-07-14T00Z_P1D", "2013-07-15T00Z_P1D"]
    latest = json.loads(memory_files.OBJECTS[f"{OUTPUT}/latest.json"])
    assert (latest["window"]["name"], latest["verdict"]) == ("2013-07-15T00Z_P1D", "skew")
    assert (
        len([name for name in names() if name.endswith("verdict.json")]) == 4
    )  # two, and their runs' copies
    assert not [name for name in names() if "/failed/" in name]
    assert gate.find(OUTPUT, None).outcome == "skew"
    assert gate.find(f"{OUTPUT}/latest.json", "2013-07-14").outcome == "ok"
    monkeypatch.setattr(clock, "now", lambda: JULY_14 + 3 * DAY)
    assert old_windows.prune(OUTPUT, Retention(keep=DAY), Console()) == 1
    assert series.window_names(OUTPUT) == ["2013-07-15T00Z_P1D"]
    assert [name for name in names() if "2013-07-14" in name] == []
