"""Which windows can stand in a history with one another."""

from __future__ import annotations

import datetime as dt

from transforms.core.batches import Window

_DAY = dt.timedelta(days=1)


def alike(first: Window, second: Window) -> bool:
    """Whether one is half to twice as long as the other."""
    lengths = (_length(first), _length(second))
    if None in lengths:
        return False
    short, long = sorted(length for length in lengths if length is not None)
    return long <= 2 * short


def _length(window: Window) -> dt.timedelta | None:
    return None if window.start is None or window.end is None else window.end - window.start


def same_time_of_day(first: Window, second: Window) -> bool:
    """Whether two windows begin at the same time of day, or the other is no shorter than a day."""
    length = _length(second)
    if length is None or length >= _DAY or first.start is None or second.start is None:
        return True
    return not (second.start - first.start) % _DAY
