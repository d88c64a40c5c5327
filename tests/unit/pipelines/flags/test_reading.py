"""What of a log is read: windows that are half-open, and rules of what is left out."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

import pytest

from trueserve.pipelines.flags import reading
from trueserve.transforms.core.errors import UsageError

START = dt.datetime(2013, 7, 1, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def test_rules_have_a_field_and_a_pattern() -> None:
    rules = reading.parse_exclude("version=canary*, model = a=b")
    assert rules == (("version", "canary*"), ("model", "a=b"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [("user=b", "user=b"), ("version=", "version="), ("canary", "canary"), ("model=a,=b", "=b"), ("", "")],
)
def test_what_is_no_rule_is_refused(text: str, rule: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        reading.parse_exclude(text)
    assert str(caught.value) == (
        "expected FIELD=PATTERN, such as version=canary*, and as field"
        f" {'|'.join(reading.EXCLUDE_FIELDS)}; got {rule!r}"
    )


def resolved(**values: Any) -> dict[str, Any]:
    reading.resolve_window(values)
    return values


def test_a_window_is_a_start_and_an_end() -> None:
    window = (START, START + SECOND)
    both = {"start": START, "end": START + SECOND}
    assert resolved(window=window, start=None, end=None) == both
    assert resolved(window=None, **both) == both
    assert resolved(**both) == both
    for given in ({"start": START, "end": None}, {"start": None, "end": START}, both):
        with pytest.raises(UsageError) as caught:
            resolved(window=window, **given)
        assert str(caught.value) == "--window cannot be combined with --start or --end"


def test_a_window_ends_after_it_starts() -> None:
    for start, end in ((START, START + SECOND), (None, START), (START, None), (None, None)):
        reading.check_log_window("logs/*", start, end)
    for end in (START, START - SECOND):
        with pytest.raises(UsageError) as caught:
            reading.check_log_window("logs/*", START, end)
        assert str(caught.value) == (
            f"--start must be before --end, got {START.isoformat()} and {end.isoformat()}"
        )


def test_time_fields_need_a_window() -> None:
    reading.check_log_window("logs/%Y", START, START + SECOND)
    with pytest.raises(UsageError, match="--logs"):
        reading.check_log_window("logs/%Y", START, None)
    reading.check_log_window("bq://p.d.t%Y", None, None)
