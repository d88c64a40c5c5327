"""`backtest` in memory: requests of four days, in files that mix them, and what would have fired."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from support import hand_made_models, past_windows
from support.past_windows import DAY, START, write_log

from trueserve.pipelines import backtest
from trueserve.pipelines import plan as plans
from trueserve.pipelines.display.console import Console
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.core.errors import InputError, NothingExaminedError, UsageError


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Baseline:
    """Is loaded whatever folder is named; as many rows are of the carrier AA as of UA."""
    bare = hand_made_models.baseline(tmp_path / "baseline", probes_data=b"")
    statistics = past_windows.statistics(1000, 500)
    loaded = dataclasses.replace(bare, schema=past_windows.schema(), statistics=statistics)
    monkeypatch.setattr(plans, "load_baseline", lambda path: loaded)
    monkeypatch.setattr(plans, "_warm_ups", lambda of: frozenset())
    return loaded


def run(folder: Path, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    """backtest.json, and what was said."""
    out = io.StringIO()
    values: dict[str, Any] = {
        "baseline": str(folder / "baseline"),
        "logs": str(folder / "logs/*"),
        "output": str(folder / "out"),
        "spaces": ("raw",),
        "beam_args": ("--direct_running_mode=in_memory",),
    }
    options = past_windows.options(**values | changes)
    assert backtest.run(options, Console(out, io.StringIO())) == 0
    return json.loads((folder / "out/backtest.json").read_text()), out.getvalue().splitlines()


def test_each_window_has_its_own_rows_and_findings(tmp_path: Path, baseline: Baseline) -> None:
    for day, (rows, num_aa) in enumerate([(1000, 500), (1000, 700), (190, 95), (400, 200), (30, 30)]):
        write_log(tmp_path / f"logs/{day}", day, rows, num_aa)
    write_log(tmp_path / "logs/again", 3, 100, 50)
    document, lines = run(tmp_path)
    assert [window["rows"] for window in document["windows"]] == [1000, 1000, 190, 500]
    assert [window["state"] for window in document["windows"]] == [
        "judged",
        "judged",
        "too_few_rows",
        "judged",
    ]
    assert [window["fired"] for window in document["windows"]] == [False, True, False, False]
    assert document["counts"] == {
        "read": 272, "decoded": 269, "outside_window": 3, "no_time": 0, "rejected": 0, "excluded": 0,
        "rows": 2690, "in_windows": 2690,
    }  # fmt: skip
    assert document["alarms"] == {"allowed": 0.1, "before": 1, "after": 0}
    assert [(limit["feature"], limit["limit"]) for limit in document["suggested"]] == [
        ("carrier", "distribution")
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "backtest.html", "backtest.json", "schema.pbtxt", "thresholds.toml",
    }  # fmt: skip
    assert lines[0] == f"reading the training side: {tmp_path / 'baseline'}"
    assert "comparing 4 windows with the baseline" in lines
    assert "4 windows of 1 day, 3 judged, 1 with too few rows" in lines
    assert lines[-1] == f"backtest {tmp_path / 'out/backtest.html'}"


def test_a_log_that_ends_within_a_record_writes_nothing(tmp_path: Path, baseline: Baseline) -> None:
    write_log(tmp_path / "logs/a", 0, 1000, 500)
    file = tmp_path / "logs/a"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"logs/a at byte"):
        run(tmp_path)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_looked_back_on_is_refused_before_it_is_read(
    tmp_path: Path, baseline: Baseline
) -> None:
    with pytest.raises(UsageError, match="--every does not divide the time"):
        run(tmp_path, end=START + 1.5 * DAY)
    with pytest.raises(UsageError, match="is not between --start and --end"):
        run(tmp_path, known_bad=((START - DAY, START),))
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out/notes.txt").touch()
    with pytest.raises(UsageError, match=r"holds notes\.txt"):
        run(tmp_path)


def test_rows_in_no_window_are_too_few(tmp_path: Path, baseline: Baseline) -> None:
    write_log(tmp_path / "logs/a", 4, 20, 10)
    with pytest.raises(NothingExaminedError, match=r"the largest has 0; 2 of 2 records lie outside"):
        run(tmp_path)
