"""Spans of time as people write them, and the files of a log whose names hold the time.

Light: the command line loads it. All times are UTC.
"""

from __future__ import annotations

import datetime as dt
import re

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import globs
from trueserve.transforms.files.file_systems import FileSize

Span = tuple[dt.datetime, dt.datetime]

MOST_PATTERNS = 10_000
FORMS = "2013-07, 2013-07-14, 2013-07-14T05, 2013-07-14/2013-07-16 or 2013-07-14T05/PT1H"
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}Z?")
_DURATION = re.compile(
    r"P(?=.)(?:([0-9]+)W|(?:([0-9]+)D)?(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?)"
)
_UNEVEN = re.compile(r"P[0-9.,YMWD]*[0-9][YM]")
_FIELD = re.compile(r"%(.?)", re.DOTALL)
# What a path may hold, from the coarsest to the finest, with the span that each one names.
_STEPS = {"Y": "year", "m": "month", "d": "day", "j": "day", "H": "hour", "M": "minute"}
_FINEST = ("minute", "hour", "day", "month", "year")


def parse_window(text: str) -> Span:
    """The half-open span `[start, end)` that `text` names.

    `2013-07` is that month, `2013-07-14` that day, `2013-07-14T05` that hour; `START/END` and
    `START/DURATION` are ISO 8601 intervals, whose ends may be written like these or as any ISO time.

    Raises:
      ValueError: it is none of these, for a person to read.
    """
    try:
        start, end = _interval(*text.split("/")) if text.count("/") == 1 else _single_period(text)
    except OverflowError:
        raise ValueError(f"{text!r} reaches beyond the years 1 to 9999") from None
    if start >= end:
        raise ValueError(f"expected a start before the end, got {text!r}")
    return start, end


def parse_time(text: str) -> dt.datetime:
    """An ISO 8601 date or time, or a month for its first moment; without an offset it is UTC.

    Raises:
      ValueError: it is none.
    """
    month = _MONTH.fullmatch(text)
    time = dt.datetime(int(month[1]), int(month[2]), 1) if month else dt.datetime.fromisoformat(text)
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)


def duration(text: str) -> dt.timedelta:
    """An ISO 8601 duration of weeks, or of days, hours, minutes and seconds: `P1D`, `PT6H`, `P2W`.

    Raises:
      ValueError: it is none, for a person to read.
      OverflowError: it is longer than time can be.
    """
    if not (match := _DURATION.fullmatch(text)):
        raise ValueError(f"expected a duration such as PT1H, P7D, P1DT12H30M or P2W, got {text!r}")
    names = ("weeks", "days", "hours", "minutes", "seconds")
    return dt.timedelta(**{n: int(v or 0) for n, v in zip(names, match.groups(), strict=True)})


def iso_duration(length: dt.timedelta) -> str:
    """`P1D`, `PT6H`, `P1DT12H`: the duration as it is written."""
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    units = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    time = "".join(f"{count}{unit}" for count, unit in units if count)
    return f"P{f'{length.days}D' if length.days else ''}{f'T{time}' if time else ''}"


def has_fields(logs: str) -> bool:
    """Whether `logs` is to be filled in with times. A BigQuery table is not, whatever its name holds."""
    return "%" in logs and not logs.startswith("bq://")


def patterns(logs: str, start: dt.datetime | None, end: dt.datetime | None) -> list[str]:
    """`logs` with its strftime fields filled in for the window `[start, end)`, each pattern once, in order.

    `logs` is one glob, or several with commas between. The fields are %Y, %m, %d, %j, %H and %M; %% is a
    percent sign. A pattern goes in steps of its finest field, from the one that holds the window's first
    moment to the one after that of its last: requests are logged a little later than they are made, so
    that the window's last ones may stand in the next file. Readers go by the requests' own times all the
    same.

    Raises:
      UsageError: an unknown field, a window without start or end, or more than `MOST_PATTERNS`.
    """
    filled: dict[str, None] = {}
    for part in filter(None, map(str.strip, logs.split(","))):
        unit = _finest(part)
        steps = [dt.datetime.min] if unit is None else _steps(part, unit, start, end)
        filled |= dict.fromkeys(_filled(part, at) for at in steps)
    return list(filled)


def expand(logs: str, start: dt.datetime | None, end: dt.datetime | None) -> list[FileSize]:
    """The files of a log, as `globs.expand` gives them, of the window's times where `logs` has fields.

    Raises:
      InputError: no file is there.
      UsageError: see `patterns`.
    """
    if not has_fields(logs):
        return globs.expand(logs)
    tried = patterns(logs, start, end)
    if files := globs.matching(tried):
        return files
    last = f" to {tried[-1]!r}" if len(tried) > 1 else ""
    raise InputError(f"no file matches any of {len(tried):,} patterns, {tried[0]!r}{last}")


def _single_period(text: str) -> Span:
    if _MONTH.fullmatch(text):
        return _checked(text), _next_period(_checked(text), "month")
    if _DAY.fullmatch(text):
        return _checked(text), _checked(text) + dt.timedelta(days=1)
    if _HOUR.fullmatch(text):
        return _checked(text), _checked(text) + dt.timedelta(hours=1)
    raise ValueError(f"expected a span such as {FORMS}, got {text!r}")


def _interval(first: str, second: str) -> Span:
    start = _checked(first)
    if not second.startswith("P"):
        return start, _checked(second)
    if _UNEVEN.match(second):
        raise ValueError(
            f"{second!r} has months or years, which are not all of one length; write both ends, such as"
            " 2013-07/2013-09"
        )
    return start, start + duration(second)


def _checked(text: str) -> dt.datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise ValueError(f"expected a span such as {FORMS}; {text!r} is no time") from None


def _finest(pattern: str) -> str | None:
    """The unit of the finest field of a pattern; None if it has none."""
    fields = [match[1] for match in _FIELD.finditer(pattern)]
    unknown = next((field for field in fields if field != "%" and field not in _STEPS), None)
    if unknown is not None:
        known = ", ".join(f"%{field}" for field in _STEPS)
        raise UsageError(
            f"--logs: %{unknown} is no field that a window fills in, which are {known} (%% is a percent sign)"
        )
    units = {_STEPS[field] for field in fields if field != "%"}
    return next((unit for unit in _FINEST if unit in units), None)


def _steps(pattern: str, unit: str, start: dt.datetime | None, end: dt.datetime | None) -> list[dt.datetime]:
    """The beginnings of the years, months, ... that a pattern goes through."""
    if start is None or end is None:
        raise UsageError(
            f"--logs: the fields of {pattern!r} are filled in with the times of a window; give its start and"
            " end, --window=2013-07-14 or --start and --end"
        )
    steps = [_floor(start, unit)]
    while steps[-1] < end:
        if len(steps) > MOST_PATTERNS:
            raise UsageError(
                f"--logs: {pattern!r} stands for more than {MOST_PATTERNS:,} patterns in this window;"
                " leave its finest field to a glob, or take a shorter window"
            )
        try:
            steps.append(_next_period(steps[-1], unit))
        except OverflowError:  # the end of the year 9999 is the end of time
            break
    return steps


def _floor(time: dt.datetime, unit: str) -> dt.datetime:
    year, month, day, hour, minute = time.astimezone(dt.UTC).timetuple()[:5]
    floors = {
        "year": (year, 1, 1, 0, 0),
        "month": (year, month, 1, 0, 0),
        "day": (year, month, day, 0, 0),
        "hour": (year, month, day, hour, 0),
        "minute": (year, month, day, hour, minute),
    }
    return dt.datetime(*floors[unit], 0, 0, dt.UTC)


def _next_period(time: dt.datetime, unit: str) -> dt.datetime:
    """The beginning of the next year, month, day, hour or minute; OverflowError beyond the year 9999."""
    if unit in {"year", "month"}:
        months = 12 * time.year + (time.month if unit == "month" else 12)
        if months >= 12 * (dt.MAXYEAR + 1):
            raise OverflowError
        return dt.datetime(months // 12, months % 12 + 1, 1, tzinfo=dt.UTC)
    return time + dt.timedelta(**{f"{unit}s": 1})


def _filled(pattern: str, time: dt.datetime) -> str:
    fields = {
        "Y": f"{time.year:04}",
        "m": f"{time.month:02}",
        "d": f"{time.day:02}",
        "j": f"{time.timetuple().tm_yday:03}",
        "H": f"{time.hour:02}",
        "M": f"{time.minute:02}",
        "%": "%",
    }
    return _FIELD.sub(lambda match: fields[match[1]], pattern)
