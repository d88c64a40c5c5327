"""Windows that should have a verdict and do not: the run never began, or died without one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from trueserve.transforms.alerts import published
from trueserve.transforms.alerts.context import Window

_MOST_WINDOWS = 400


def missing(
    output: str, every: dt.timedelta, now: dt.datetime, delay: dt.timedelta = dt.timedelta(0)
) -> tuple[Window, ...]:
    """The windows of the series at `output` that ended and have no verdict, the oldest first.

    Args:
      output: the folder of the series. Verdicts of runs that failed count: these were alerted as such.
      every: the length of a window, and the time between two.
      delay: how long after its end a window may be without a verdict, for logs that come late.

    Windows follow one another from the oldest verdict of this length on; of the newest 400 those without a
    verdict are missing. None is where there is no verdict yet. Raises InputError where the folder cannot be
    read, ValueError for a length that is not positive.
    """
    if every <= dt.timedelta(0):
        raise ValueError("expected a length of windows above 0")
    return absent(published.windows(output), every, now, delay)


def absent(
    windows: Iterable[Window], every: dt.timedelta, now: dt.datetime, delay: dt.timedelta
) -> tuple[Window, ...]:
    """Likewise, of the windows that have verdicts."""
    ends = {end for start, end in windows if start is not None and end is not None and end - start == every}
    if not ends:
        return ()
    return tuple(
        Window(end - every, end) for end in _expected(min(ends), every, now - delay) if end not in ends
    )


def _expected(first: dt.datetime, every: dt.timedelta, last: dt.datetime) -> Iterator[dt.datetime]:
    """The ends of the newest windows from the first on that are over."""
    count = (last - first) // every + 1
    for number in range(max(0, count - _MOST_WINDOWS), count):
        yield first + number * every
