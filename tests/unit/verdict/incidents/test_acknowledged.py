"""`[[acknowledged]]` of thresholds.toml: what is read, and the one line for what is not."""

from __future__ import annotations

import datetime as dt

import pytest

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict import thresholds
from trueserve.transforms.verdict.incidents.acknowledged import Acknowledged

ENTRY = '[[acknowledged]]\nincident = "miles-00000a"\nuntil = {until}\nnote = "known"\n'


def parse(text: str) -> tuple[Acknowledged, ...]:
    return thresholds.parse(f"format = 1\n{text}".encode(), "t.toml").acknowledged


@pytest.mark.parametrize("until", ["2024-06-01", '"2024-06-01"'])
def test_an_entry_is_read(until: str) -> None:
    expected = Acknowledged("miles-00000a", dt.date(2024, 6, 1), "known")
    assert parse(ENTRY.format(until=until)) == (expected,)
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acknowledged = 7", "expected tables [[acknowledged]]"),
        ("[acknowledged]\nincident = 'a'", "expected tables [[acknowledged]]"),
        (ENTRY.format(until="7"), "1: until: expected a day, such as 2026-12-24, got 7"),
        (ENTRY.format(until="2024-06-01T00:00:00Z"), "1: until: expected a day"),
        (ENTRY.format(until="'soon'"), "1: until: expected a day, such as 2026-12-24, got soon"),
        ("[[acknowledged]]\nincident = 'a-00000a'", "1: until: expected a day, such as 2026-12-24, got none"),
        ("[[acknowledged]]\nincident = 'A B'", "1: incident: expected the id of an incident"),
        (f"{ENTRY.format(until='2024-06-01')}by = 'me'", "1: by is no key here, which are incident"),
        (ENTRY.format(until="2024-06-01") * 2, "names miles-00000a twice"),
        (ENTRY.format(until="2024-06-01").replace("known", "x" * 201), "1: note: expected a line"),
    ],
)
def test_what_is_none_is_one_line(text: str, expected: str) -> None:
    with pytest.raises(UsageError, match=r"^t\.toml: ") as raised:
        parse(text)
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)
