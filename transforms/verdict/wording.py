"""Strangers' values and our numbers, as they may stand in a sentence."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Iterable, Sequence

_LONGEST = 40
_MOST = 5
_UNITS = {"W": "week", "D": "day", "H": "hour", "M": "minute", "S": "second"}


def quoted(value: str) -> str:
    """A value in quotes, cut to 40 characters, whatever cannot be printed escaped (bidi marks too)."""
    cut = value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
    return "'" + plain(cut) + "'"


def plain(value: str) -> str:
    """`value` with what cannot be printed escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in value
    )


def listing(values: Sequence[str]) -> str:
    """At most five values, quoted, and how many more there are."""
    shown = ", ".join(quoted(value) for value in values[:_MOST])
    more = len(values) - _MOST
    return shown if more <= 0 else f"{shown} and {more:,} more"


def percent(share: float) -> str:
    """`12.3 %`, and never `0.0 %` for a share that is not zero."""
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return f"{100 * share:.1f} %"


def number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.3g}"


def duration(text: str) -> str:
    """An ISO 8601 duration in words: `30 days` of P30D, `1 day 12 hours` of P1DT12H; other text as it is."""
    parts = [(int(count), _UNITS[unit]) for count, unit in re.findall(r"(\d+)([WDHMS])", text)]
    return " ".join(f"{count:,} {unit}{'s' * (count != 1)}" for count, unit in parts) or text


def iso(time: dt.datetime | None) -> str | None:
    """A moment as verdict.json has it, in UTC."""
    return None if time is None else time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def spans(numbers: Iterable[int], width: int = 1, length: int | None = None, most: int = 6) -> str:
    """Numbers in ascending order, neighbours as a range, the first few: `0, 3-7, 12 and 40 more`.

    Args:
      width: each stands for so many neighbours.
      length: of so many in all; the last number may stand for fewer neighbours.
    """
    ranges: list[list[int]] = []
    for each in sorted(numbers):
        if ranges and ranges[-1][1] == each - 1:
            ranges[-1][1] = each
        else:
            ranges.append([each, each])
    greatest = sys.maxsize if length is None else length - 1
    ends = [(first * width, min(last * width + width - 1, greatest)) for first, last in ranges]
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ends[:most])
    more = sum(last - first + 1 for first, last in ends[most:])
    return f"{shown} and {more:,} more" if more else shown
