"""Numbers as people read them."""

from __future__ import annotations

import pytest

from transforms.publish import formatting
from transforms.verdict import wording


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0123, "0.0123"), (0.1, "0.1"), (1234.0, "1,234"), (1.5e7, "15M"), (2.5e-7, "2.5e-07"), (0, "0")],
)
def test_numbers_are_short(value: float, expected: str) -> None:
    assert formatting.number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 alarms"),
        (1, "1 alarm"),
        (123_456, "123,456 alarms"),
        (6.033, "6.03 alarms"),
        (0.09167, "0.0917 alarms"),
    ],
)
def test_alarms_are_whole_or_have_three_digits(value: float, expected: str) -> None:
    assert formatting.alarms(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P30D", "30 days"),
        ("PT1H", "1 hour"),
        ("P1DT12H", "1 day 12 hours"),
        ("PT1M30S", "1 minute 30 seconds"),
        ("P2W", "2 weeks"),
        ("ever", "ever"),
    ],
)
def test_durations_are_words(text: str, expected: str) -> None:
    assert wording.duration(text) == expected
