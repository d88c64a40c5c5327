"""Hours of the day in which alerts wait."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import zoneinfo
from typing import Any

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclasses.dataclass(frozen=True)
class QuietHours:
    """A half-open span of each day, in the time of `zone`; past midnight where it ends before it starts."""

    start: dt.time
    end: dt.time
    zone: dt.tzinfo = dt.UTC

    def contain(self, now: dt.datetime) -> bool:
        """Whether they are now; clocks that are put forward or back shift them as people would expect."""
        time = now.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= time < self.end
        return time >= self.start or time < self.end


def parse(value: Any) -> QuietHours:
    """`22:00-07:00`, in UTC. Raises ValueError for anything else."""
    match = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[0][:5] == match[0][6:]:
        raise ValueError("expected two times of the day that differ, such as 22:00-07:00")
    return QuietHours(dt.time.fromisoformat(match[0][:5]), dt.time.fromisoformat(match[0][6:]))


def parse_zone(value: Any) -> dt.tzinfo:
    """A zone of the IANA data base. Raises ValueError where it is none that this machine knows."""
    try:
        return zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ValueError("expected a time zone that this machine knows, such as Europe/Berlin") from None
