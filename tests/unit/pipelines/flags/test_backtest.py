"""What `backtest` may be asked: durations, spans and how many windows."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

import pytest
from support.past_windows import DAY, START, options

from trueserve.pipelines.flags.backtest import parse_duration, parse_spans
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files.windows import iso_duration

SECOND = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P1D", DAY),
        ("PT6H", DAY / 4),
        ("PT1S", SECOND),
        ("P1DT12H30M5S", dt.timedelta(days=1, hours=12, minutes=30, seconds=5)),
        ("PT90M", dt.timedelta(minutes=90)),
        ("P2W", 14 * DAY),
    ],
)
def test_a_duration_is_read_and_written(text: str, length: dt.timedelta) -> None:
    assert parse_duration(text) == length
    assert parse_duration(iso_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1d", "expected a duration such as PT1H, P7D, P1DT12H30M or P2W, got '1d'"),
        ("P99999999999D", "'P99999999999D' is longer than time"),
        ("PT0S", "expected a duration above zero, got 'PT0S'"),
    ],
)
def test_what_is_no_duration_is_refused(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        parse_duration(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (DAY, "P1D"),
        (DAY / 4, "PT6H"),
        (400 * DAY, "P400D"),
        (dt.timedelta(seconds=59), "PT59S"),
        (dt.timedelta(seconds=60), "PT1M"),
        (dt.timedelta(seconds=3599), "PT59M59S"),
        (dt.timedelta(seconds=3600), "PT1H"),
        (dt.timedelta(days=2, hours=3, seconds=4), "P2DT3H4S"),
        (dt.timedelta(hours=23, minutes=1), "PT23H1M"),
    ],
)
def test_a_duration_is_written_in_the_largest_units(length: dt.timedelta, text: str) -> None:
    assert iso_duration(length) == text


def test_spans_are_separated_by_commas() -> None:
    bad = dt.datetime(2013, 2, 9, tzinfo=dt.UTC)
    assert parse_spans("2013-02-09,2013-02-09T01/PT2H") == (
        (bad, bad + DAY),
        (bad + DAY / 24, bad + DAY / 8),
    )
    with pytest.raises(argparse.ArgumentTypeError):
        parse_spans("yesterday")


def test_the_budget_is_one_alarm_a_month() -> None:
    assert options().budget == 30 * DAY


@pytest.mark.parametrize("changes", [{"start": None}, {"end": None}, {"start": None, "end": None}])
def test_a_time_to_look_back_on_is_needed(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        options(**changes)
    assert str(caught.value) == "expected --start and --end, or --window: the time that the windows fill"


def test_a_thousand_windows_can_be_held() -> None:
    assert options(end=START + 1000 * SECOND, every=SECOND).every == SECOND
    assert options(end=START + 1000.5 * SECOND, every=SECOND).every == SECOND
    with pytest.raises(UsageError) as caught:
        options(end=START + 1001 * SECOND, every=SECOND)
    assert str(caught.value) == (
        "--every makes 1,001 windows; the maximum is 1,000. Use a longer --every, or a shorter time from"
        " --start to --end"
    )


def test_what_validate_checks_is_checked_too() -> None:
    shared = options(ignore=("hour",), max_rejects=0.25, beam_args=("--x",)).as_validate()
    assert (shared.start, shared.end, shared.output) == (START, START + 4 * DAY, "backtest")
    assert (shared.ignore, shared.max_rejects, shared.beam_args) == (("hour",), 0.25, ("--x",))
    with pytest.raises(UsageError, match="--max_rejects"):
        options(max_rejects=1.5)
    with pytest.raises(UsageError, match="--start must be before --end"):
        options(end=START)
