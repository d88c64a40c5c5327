"""Windows in words, and windows one after the other, in a time zone: a local day has 23, 24 or 25 hours.

Light: the command line loads it. All times that are given back are UTC.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterator

from trueserve.transforms.files import windows
from trueserve.transforms.files.windows import Span

#: Words for the last whole one of these that has ended.
LAST = {
    "yesterday": "day",
    "last-hour": "hour",
    "last-week": "week",
    "last-month": "month",
}
FORMS = "yesterday, last-hour, last-week, last-month, a duration such as P1D, or a span such as 2013-07-14"
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_HOUR = dt.timedelta(hours=1)


def time_zone(name: str) -> dt.tzinfo:
    """A zone of the IANA database, such as Europe/Berlin or UTC.

    Raises:
      ValueError: there is none of this name, for a person to read.
    """
    if name.upper() in {"UTC", "Z"}:
        return dt.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"expected a time zone such as Europe/Berlin or UTC, got {name!r}") from None


def resolve(text: str, zone: dt.tzinfo, now: dt.datetime) -> Span:
    """The window that `text` means for whoever looks at `now`.

    Args:
      text: one of `LAST`; a duration, which ends at `now` without its minutes (or, for less than an hour,
        without its seconds); or a span as `windows.parse_window` takes it, in local time where it names no
        offset.
      now: the time up to which logs have come.

    Raises:
      ValueError: it is none of these, for a person to read.
    """
    try:
        if text in LAST:
            return last(LAST[text], zone, now)
        if text.startswith("P"):
            return _before(windows.duration(text), now)
        return _span(text, zone)
    except OverflowError:
        raise ValueError(f"{text!r} reaches beyond the years 1 to 9999") from None


def last(unit: str, zone: dt.tzinfo, now: dt.datetime) -> Span:
    """The last whole `hour`, `day`, `week` (from Monday) or `month` that ended at or before `now`."""
    local = now.astimezone(zone)
    if unit == "hour":
        # Clocks change by whole and half hours: an hour of the clock lasts one, if its offset does.
        offset = local.utcoffset() or dt.timedelta()
        past = dt.timedelta(minutes=(now.astimezone(dt.UTC) + offset).minute)
        end = now.astimezone(dt.UTC).replace(second=0, microsecond=0) - past
        return end - _HOUR, end
    today = local.date()
    if unit == "day":
        first, until = today - dt.timedelta(days=1), today
    elif unit == "week":
        until = today - dt.timedelta(days=today.weekday())
        first = until - dt.timedelta(days=7)
    else:
        until = today.replace(day=1)
        first = (until - dt.timedelta(days=1)).replace(day=1)
    return midnight(first, zone), midnight(until, zone)


def last_of(every: dt.timedelta, zone: dt.tzinfo, now: dt.datetime) -> Span:
    """The last whole window of this length that ended at or before `now`.

    Whole days begin at local midnight, and weeks on Monday. Parts of a day follow one another from local
    midnight on; other lengths from the beginning of 1970 in UTC.
    """
    day = dt.timedelta(days=1)
    local = now.astimezone(zone)
    if not every % day:
        days = every.days
        # Day 1 of the calendar of `datetime` is a Monday.
        until = local.date() - dt.timedelta(days=(local.date().toordinal() - 1) % days)
        return midnight(until - every, zone), midnight(until, zone)
    if day % every:
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        end = epoch + (now - epoch) // every * every
        return end - every, end
    for midnight_before in (local.date(), local.date() - day):
        begin = midnight(midnight_before, zone)
        spans = list(consecutive(begin, min(now, midnight(midnight_before + day, zone)), every, zone))
        if spans:
            return spans[-1]
    raise ValueError(f"no window of {every} has ended by {now}")


def midnight(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    """When a local day begins, in UTC; where clocks skip midnight, the moment at which they do."""
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def parse_local(text: str, zone: dt.tzinfo) -> dt.datetime:
    """An ISO date or time, or a month for its first moment; without an offset it is local.

    Raises:
      ValueError: it is none.
    """
    time = windows.parse_time(text)
    return time.replace(tzinfo=zone).astimezone(dt.UTC) if _is_local(text) else time


def consecutive(start: dt.datetime, end: dt.datetime, every: dt.timedelta, zone: dt.tzinfo) -> Iterator[Span]:
    """The windows from `start` on, each of length `every`, as long as they end by `end`.

    Whole days are local ones: each begins at the time of day at which the first does.

    Raises:
      ValueError: `every` is not above 0.
    """
    if every <= dt.timedelta():
        raise ValueError("expected a length above 0")
    first, is_days = start.astimezone(zone), not every % dt.timedelta(days=1)

    def bound(number: int) -> dt.datetime:
        if not is_days:
            return start.astimezone(dt.UTC) + number * every
        # Arithmetic of a time with a zone is that of its clock.
        return (first.replace(fold=0) + number * every).astimezone(dt.UTC)

    number, begin = 0, bound(0)
    while (until := bound(number + 1)) <= end:
        yield begin, until
        number, begin = number + 1, until


def _before(length: dt.timedelta, now: dt.datetime) -> Span:
    if length <= dt.timedelta():
        raise ValueError("expected a duration above 0, such as P1D or PT1H")
    end = now.astimezone(dt.UTC).replace(second=0, microsecond=0)
    if length >= _HOUR:
        end = end.replace(minute=0)
    return end - length, end


def _span(text: str, zone: dt.tzinfo) -> Span:
    """What `windows.parse_window` gives, moved to the local clock where the text names no offset."""
    try:
        start, end = windows.parse_window(text)
    except ValueError as error:
        raise ValueError(f"expected {FORMS}; {error}") from None
    parts = text.split("/")
    first = _moved(start, parts[0], zone)
    if len(parts) > 1 and parts[1].startswith("P"):
        length = end - start
        is_days = not length % dt.timedelta(days=1)
        until = (first.astimezone(zone) + length).astimezone(dt.UTC) if is_days else first + length
    else:
        until = _moved(end, parts[-1], zone)
    if first >= until:
        raise ValueError(f"expected a start before the end, got {text!r} in {zone}")
    return first, until


def _is_local(text: str) -> bool:
    """Whether a date or time, or a month, says nothing of its offset."""
    try:
        return bool(_MONTH.fullmatch(text)) or dt.datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _moved(time: dt.datetime, text: str, zone: dt.tzinfo) -> dt.datetime:
    return time.replace(tzinfo=zone).astimezone(dt.UTC) if _is_local(text) else time
