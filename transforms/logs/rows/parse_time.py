"""The time of one record, from the value that a log has for it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

# Whole numbers tell their unit by their size: today is 1.8e9 seconds after 1970, 1.8e12 milliseconds, ...
# As seconds, numbers below the first limit reach to the year 5138.
UNITS = ((10**11, 1_000_000, 1), (10**14, 1_000, 1), (10**17, 1, 1), (2**63 - 1, 1, 1_000))
#: Whole numbers from the one up to the other are dates, such as 20240714: as seconds they are of August 1970.
FIRST_DATE, LAST_DATE = 19_000_101, 21_001_231
LAST_MICROSECOND = 253_402_300_799_999_999  # the end of the year 9999, Python's last

_NUMBER = re.compile(
    r"[0-9]{9,20}|[0-9]{1,20}\.[0-9]{1,20}([eE]\+?[0-9]{1,2})?|[0-9][eE]\+?[0-9]{1,2}", re.ASCII
)
_LONGEST = 64
#: What a message says of the forms that are read.
FORMS = (
    "2024-07-14T05:00:00Z, 2024-07-14 05:00:00 UTC, 2024-07-14, Sun, 14 Jul 2024 05:00:00 GMT,"
    " or a number since 1970 (seconds, milliseconds, ...)"
)
_FLAGS = re.ASCII | re.IGNORECASE
_TIME = r"(?P<time>[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?)"
_ZONE = r"(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)"
# Where Python does not read it as ISO 8601: slashes after the year, blanks before the zone, UTC or GMT; and
# where the month has its name, as in HTTP and mail, and in access logs.
_FORMS = (
    re.compile(
        rf"(?P<year>[0-9]{{4}})([-/])(?P<month>[0-9]{{2}})\2(?P<day>[0-9]{{2}})[T ]{_TIME}\s*{_ZONE}?", _FLAGS
    ),
    re.compile(r"(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/(?P<day>[0-9]{2})", _FLAGS),
    re.compile(
        r"([a-z]{3},\s*)?(?P<day>[0-9]{1,2})[ -](?P<month>[a-z]{3})[ -](?P<year>[0-9]{4})\s+"
        rf"{_TIME}\s*{_ZONE}",
        _FLAGS,
    ),
    re.compile(
        rf"\[?(?P<day>[0-9]{{2}})/(?P<month>[a-z]{{3}})/(?P<year>[0-9]{{4}}):{_TIME}\s*{_ZONE}\]?", _FLAGS
    ),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def micros_of(value: Any) -> int | None:
    """Microseconds since 1970, UTC; None for what is no time, is not above 0, or past the year 9999.

    Numbers are seconds, milliseconds, microseconds or nanoseconds since 1970, told by their size (see
    `UNITS`); of seconds as float the fraction counts. Text is ISO 8601, also as people write it (see
    `_FORMS`), or such a number; digits alone are a number from the ninth on, and eight are a date. Without a
    zone a time is UTC. A date is its midnight. What can be two times (07/08/2024) is none.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        value = _parse_text(value)
    if isinstance(value, dt.date):
        return _micros_of_datetime(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _micros_of_number(value)


def _parse_text(text: str) -> dt.datetime | float | int | None:
    if len(text) > _LONGEST:
        return None
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return int(text) if text.isdigit() else float(text)
    try:
        return dt.datetime.fromisoformat(text.removesuffix("UTC").rstrip())
    except ValueError:
        return _parse_other_form(text)


def _parse_other_form(text: str) -> dt.datetime | None:
    """A time in one of `_FORMS`."""
    match = next((match for form in _FORMS if (match := form.fullmatch(text)) is not None), None)
    if match is None:
        return None
    parts, month = match.groupdict(), match["month"].lower()
    if month in _MONTHS:
        month = f"{_MONTHS.index(month) + 1:02}"
    zone = (parts.get("zone") or "").upper()
    date = f"{parts['year']}-{month}-{int(parts['day']):02}"
    try:
        zone = "Z" if zone in {"UTC", "GMT"} else zone
        return dt.datetime.fromisoformat(f"{date}T{parts.get('time') or '00:00'}{zone}")
    except ValueError:
        return None


def _micros_of_datetime(time: dt.date) -> int | None:
    if not isinstance(time, dt.datetime):
        time = dt.datetime(time.year, time.month, time.day, tzinfo=dt.UTC)
    zoned = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return _bounded((zoned - _EPOCH) // dt.timedelta(microseconds=1))


def _micros_of_number(number: int | float) -> int | None:
    if not number > 0:
        return None
    if FIRST_DATE <= number <= LAST_DATE and isinstance(number, int):
        return micros_of(str(number))
    for limit, factor, divisor in UNITS:
        if number <= limit:
            scaled = number * factor
            return _bounded(scaled // divisor if isinstance(scaled, int) else round(scaled / divisor))
    return None


def _bounded(micros: int) -> int | None:
    return micros if 0 < micros <= LAST_MICROSECOND else None
