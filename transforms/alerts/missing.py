"""Windows that should have a verdict and do not: the run never began, or died without one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator

from trueserve.transforms.alerts.context import Window, window_of
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.runs.run_ids import ATTEMPT, RUNS, VERDICT

_FAILED = "failed"
_LARGEST = 256 << 20  # bytes of a verdict
_MOST_WINDOWS = 400
_MOST_READ = 2_000


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
    return absent(published(output), every, now, delay)


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


def published(output: str) -> set[Window]:
    """The windows of all verdicts below a folder, those that failed too."""
    windows = set[Window]()
    for root in (output, paths.join(output, _FAILED)):
        for path in [paths.join(root, VERDICT), *_of_runs(root)]:
            if (window := _window(path)) is not None:
                windows.add(window)
    return windows


def _of_runs(root: str) -> list[str]:
    """The newest verdicts of single runs."""
    names = (name.replace("\\", "/").split("/") for name in paths.list_files(paths.join(root, RUNS)))
    runs = sorted(parts[0] for parts in names if parts[1:] == [VERDICT] and ATTEMPT.fullmatch(parts[0]))
    return [paths.join(root, RUNS, name, VERDICT) for name in runs[-_MOST_READ:]]


def _window(path: str) -> Window | None:
    """The window of the verdict in a file; None where there is none."""
    try:
        if not paths.is_plain(path):
            return None
        with paths.open_stored(path) as stream, file_systems.explained("read", path):
            return window_of(json.loads(stream.read(_LARGEST)))
    except (InputError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None
