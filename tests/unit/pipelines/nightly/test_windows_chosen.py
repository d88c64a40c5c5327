"""Which windows `run` and `backfill` take: those that have ended, and whose logs have had time to come."""

from __future__ import annotations

import datetime as dt

import pytest

from trueserve.pipelines.config.model_config import ModelConfig, WindowSettings
from trueserve.pipelines.flags.nightly.backfill import BackfillOptions
from trueserve.pipelines.nightly import backfill, clock, run
from trueserve.transforms.core.errors import NothingExaminedError, UsageError
from trueserve.transforms.runs import series

HOUR = dt.timedelta(hours=1)
BERLIN = WindowSettings(timezone="Europe/Berlin", lateness=2 * HOUR)


def config_of(window: WindowSettings) -> ModelConfig:
    return ModelConfig("f.toml", "f", "out", {}, window)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "now", "name"),
    [
        (None, "2013-07-15T00:30", "2013-07-13T22Z_P1D"),
        # Two hours after midnight in Berlin the day before has all its logs, and not a second before.
        (None, "2013-07-15T23:59:59", "2013-07-13T22Z_P1D"),
        (None, "2013-07-16T00:00", "2013-07-14T22Z_P1D"),
        ("yesterday", "2013-04-01T05:00", "2013-03-30T23Z_PT23H"),
        ("last-hour", "2013-07-15T05:10", "2013-07-15T02Z_PT1H"),
        ("PT6H", "2013-07-15T05:10", "2013-07-14T21Z_PT6H"),
        ("2013-07-01", "2013-07-15T05:10", "2013-06-30T22Z_P1D"),
        ("2013-07-01T00Z_P1D", "2013-07-15T05:10", "2013-07-01T00Z_P1D"),
    ],
)
def test_the_window_of_a_run(text: str | None, now: str, name: str) -> None:
    span = run.chosen_window(config_of(BERLIN), text, utc(now))
    assert series.window_name(*span) == name
    run._check_age(config_of(BERLIN), span, utc(now))


def test_a_window_that_is_too_young_is_incomplete() -> None:
    span = run.chosen_window(config_of(BERLIN), "2013-07-14", utc("2013-07-14T23:00"))
    with pytest.raises(NothingExaminedError, match=r"incomplete.*after 2013-07-15 02:00:00") as raised:
        run._check_age(config_of(BERLIN), span, utc("2013-07-14T23:00"))
    assert raised.value.exit_code == 4
    with pytest.raises(NothingExaminedError, match="has not ended"):
        run._check_age(config_of(WindowSettings()), span, utc("2013-07-14T12:00"))


@pytest.mark.parametrize("text", ["tomorrow", "", "2013-07-14T05:00:00.5Z/PT1H"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--window"):
        run.chosen_window(config_of(BERLIN), text, utc("2013-07-14T12:00"))


def names(options: BackfillOptions, window: WindowSettings = BERLIN) -> list[str]:
    return [series.window_name(*span) for span in backfill.spans_of(config_of(window), options)]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: utc("2013-07-15T05:10"))


def test_a_backfill_goes_up_to_what_has_come() -> None:
    assert names(BackfillOptions("f.toml", "2013-07-12")) == [
        "2013-07-11T22Z_P1D",
        "2013-07-12T22Z_P1D",
        "2013-07-13T22Z_P1D",
    ]
    assert names(BackfillOptions("f.toml", "2013-07-12", "2099-01-01")) == names(
        BackfillOptions("f.toml", "2013-07-12")
    )
    assert names(BackfillOptions("f.toml", "2013-07-12", "2013-07-13")) == ["2013-07-11T22Z_P1D"]
    hours = names(BackfillOptions("f.toml", "2013-03-31", "2013-04-01", every=HOUR))
    assert (len(hours), hours[0], hours[-1]) == (23, "2013-03-30T23Z_PT1H", "2013-03-31T21Z_PT1H")


@pytest.mark.parametrize(
    ("first", "until", "says"),
    [
        ("x", None, "--from: expected a date"),
        ("2013-07-01", "x", "--to: expected a date"),
        ("2013-07-15", None, "no window"),
        ("2013-07-02", "2013-07-01", "no window"),
        ("1900-01-01", None, "more than 100,000 windows"),
        ("2013-07-01T00:00:00.5", None, "full second"),
    ],
)
def test_a_span_that_is_none(first: str, until: str | None, says: str) -> None:
    every = dt.timedelta(minutes=1) if first.startswith("1900") else None
    with pytest.raises(UsageError, match=says):
        names(BackfillOptions("f.toml", first, until, every))
