"""What follows a verdict is done once where nothing goes wrong, and again after a kill."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.page import make_verdict

from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.nightly import window_run
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.runs import run_folder, series

DAY = dt.timedelta(days=1)
JULY_14 = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)


@pytest.fixture
def config(tmp_path: Path) -> ModelConfig:
    """A series of three windows whose runs were killed once they had published."""
    config = ModelConfig("f.toml", "f", str(tmp_path), {})
    for days, outcome in enumerate(("ok", "failed", "skew")):
        folder = config.folder((JULY_14 + days * DAY, JULY_14 + (days + 1) * DAY))
        run_folder.publish(folder, make_verdict(outcome), {"report.html": b"x"})
    return config


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verdicts for which the hook is called."""
    outcomes = list[str]()

    def record(_: ModelConfig, document: Mapping[str, Any], *__: Any, **___: Any) -> None:
        outcomes.append(document["verdict"])

    monkeypatch.setattr(window_run, "after_window", record)
    return outcomes


def mended(config: ModelConfig) -> list[str]:
    """What stderr gets."""
    window_run.mend_latest(config, Console(io.StringIO(), errors := io.StringIO(), terminal=False))
    return errors.getvalue().splitlines()


def test_what_is_left_to_do_is_done_once_and_in_order(config: ModelConfig, calls: list[str]) -> None:
    assert mended(config) == []
    assert calls == ["ok", "failed", "skew"]
    assert mended(config) == []
    assert calls == ["ok", "failed", "skew"]


def test_where_it_cannot_be_done_the_next_run_tries_again(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise InputError("cannot write latest.json")

    with monkeypatch.context() as broken:
        broken.setattr(window_run, "after_window", fail)
        assert [line.split(": ")[2] for line in mended(config)] == series.window_names(config.output)
    assert mended(config) == []
    latest = series.read_json(f"{config.output}/latest.json")
    assert latest is not None
    assert latest["verdict"] == "skew"


def test_what_was_judged_is_not_missing(config: ModelConfig) -> None:
    folders = [config.window_path(name) for name in series.window_names(config.output)]
    assert [window_run.judged(folder) is not None for folder in folders] == [True, False, True]


def test_a_window_that_is_not_run_again_is_mended(config: ModelConfig, calls: list[str]) -> None:
    folder = config.window_path("2013-07-16T00Z_P1D")
    stands = window_run.judged(folder)
    assert stands is not None
    window_run.mend(config, folder, stands, Console())
    window_run.mend(config, folder, stands, Console())
    assert calls == ["skew"]
    (Path(folder) / "report.html").unlink()
    window_run.mend(config, folder, stands, Console())
    assert (Path(folder) / "report.html").exists()
    assert calls == ["skew"]
