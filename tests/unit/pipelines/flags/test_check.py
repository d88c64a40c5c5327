"""What `check` may be asked: seconds or a duration, above zero and a week at most."""

from __future__ import annotations

import argparse

import pytest

from trueserve.pipelines.flags.check import TIMEOUT, parse_timeout


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.5", 0.5),
        ("300", 300.0),
        ("PT5M", 300.0),
        ("PT1S", 1.0),
        ("604800", 604_800.0),
        ("P7D", 604_800.0),
    ],
)
def test_a_time_limit_is_seconds_or_a_duration(text: str, seconds: float) -> None:
    assert parse_timeout(text) == seconds


@pytest.mark.parametrize(
    "text", ["0", "-1", "PT0S", "soon", "nan", "inf", "604801", "604800.5", "P7DT1S", "P8D"]
)
def test_no_time_and_more_than_a_week_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        parse_timeout(text)
    assert str(caught.value) == f"expected seconds, or a duration such as PT5M, got {text!r}"


def test_the_default_is_five_minutes() -> None:
    assert TIMEOUT.default == 300.0
