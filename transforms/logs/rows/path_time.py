"""The time that a file's path tells, for records that have none of their own."""

from __future__ import annotations

import datetime as dt
import re

# Folders as `2023/05/31/09` or `year=2023/month=05/day=31/hour=09`, or in one as `dt=2023-05-31`.
_HOUR = "([01][0-9]|2[0-3])"
_FOLDERS = re.compile(
    r"(?<![0-9])(?:year=)?(20[0-9]{2})[/-](?:month=)?([0-9]{2})[/-](?:day=)?([0-9]{2})"
    rf"(?:[/T-](?:hour=|hr=|h=)?{_HOUR}(?=/))?(?![0-9])",
    re.ASCII,
)
_NAME = re.compile(rf"(?<![0-9])(20[0-9]{{2}})-?([0-9]{{2}})-?([0-9]{{2}})(?:T{_HOUR})?(?![0-9])", re.ASCII)


def micros_of_path(path: str) -> int | None:
    """The start of the day or hour in a path, in microseconds since 1970, UTC; None where it tells none.

    The last folders that are a date count, then those of the file's name.
    """
    folder, _, name = path.rpartition("/")
    for match in (*reversed([*_FOLDERS.finditer(folder + "/")]), *reversed([*_NAME.finditer(name)])):
        year, month, day, hour = (int(part or 0) for part in match.groups())
        try:
            time = dt.datetime(year, month, day, hour, tzinfo=dt.UTC)
        except ValueError:
            continue
        return int(time.timestamp()) * 1_000_000
    return None
