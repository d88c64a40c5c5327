"""The one table of conversions: values of the types that carriers have, as requests and schemas have them.

Avro and Parquet have booleans, dates, times and decimals. CSV and JSON have texts for them, which are read
where a schema has numbers. So a row gives the same features in every carrier, whichever wrote the training
data. docs/logs.md has the table, made by `tests/unit/logs/test_same_row.py`.

    came             for int                      for float              for bytes
    boolean          1, 0                         1.0, 0.0               true, false, or as the schema spells
    date             microseconds since 1970      the same               2024-05-09
    time             microseconds since midnight  the same               05:30:00, with six digits if any
    timestamp (UTC)  microseconds since 1970      the same               2024-05-01 03:00:00 UTC
    local timestamp  the same, as if it were UTC  the same               2024-05-01T03:00:00
    decimal          the number if it is whole    the number             its digits, without zeros at the end
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Callable
from typing import Any

from trueserve.transforms.logs.features import BOOLEANS, FeatureType

#: The form of a date or a time that is written as text where the schema has a number.
TIME_TEXT = "time_text"
BOOLEAN = "boolean"

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_LONGEST = 40
_DATE, _TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
_IS_TIME = re.compile(_TIME, re.ASCII)
_IS_DATE_OR_TIMESTAMP = re.compile(rf"{_DATE}([T ]{_TIME}(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?| UTC)?)?", re.ASCII)
_TRUTHS = {"true": 1, "True": 1, "TRUE": 1, "false": 0, "False": 0, "FALSE": 0}


def plain_value(value: Any, wanted: FeatureType | None, booleans: tuple[str, str] = BOOLEANS) -> Any:
    """A value of a carrier's type as a number or text; others, and booleans for numbers, as they are.

    Args:
      wanted: the type that the schema has, None for a feature that it does not know.
      booleans: how the schema's texts spell true and false.
    """
    if (convert := _PLAIN.get(type(value))) is not None:
        return convert(value, wanted)
    if isinstance(value, bool) and wanted is FeatureType.BYTES:
        return booleans[not value]
    return [plain_value(item, wanted, booleans) for item in value] if isinstance(value, list) else value


def number_of_text(text: str | bytes) -> tuple[int, str] | None:
    """The number that a boolean, a date or a time has that is written as text, and its form."""
    if len(text) > _LONGEST:
        return None
    text = (text if isinstance(text, str) else text.decode("utf-8", "replace")).strip()
    if (truth := _TRUTHS.get(text)) is not None:
        return truth, BOOLEAN
    try:
        if _IS_TIME.fullmatch(text):
            return _micros_of_day(dt.time.fromisoformat(text)), TIME_TEXT
        if _IS_DATE_OR_TIMESTAMP.fullmatch(text):
            return _micros(dt.datetime.fromisoformat(text.removesuffix(" UTC"))), TIME_TEXT
    except ValueError:
        pass  # the 30th of February
    return None


def _timestamp(value: dt.datetime, wanted: FeatureType | None) -> Any:
    if wanted is not FeatureType.BYTES:
        return _micros(value)
    if value.tzinfo is None:
        return value.isoformat()
    plain = value.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{plain.isoformat(' ')} UTC"


def _date(value: dt.date, wanted: FeatureType | None) -> Any:
    is_text = wanted is FeatureType.BYTES
    return value.isoformat() if is_text else _micros(dt.datetime(value.year, value.month, value.day))


def _time(value: dt.time, wanted: FeatureType | None) -> Any:
    return value.isoformat() if wanted is FeatureType.BYTES else _micros_of_day(value)


def _duration(value: dt.timedelta, _wanted: FeatureType | None) -> Any:
    return value // _MICROSECOND


def _decimal(value: decimal.Decimal, wanted: FeatureType | None) -> Any:
    if not value.is_finite():
        return float(value)
    if wanted is FeatureType.BYTES:
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    is_whole = wanted is FeatureType.INT and value == value.to_integral_value()
    return int(value) if is_whole else float(value)


def _micros(time: dt.datetime) -> int:
    return ((time if time.tzinfo else time.replace(tzinfo=dt.UTC)) - _EPOCH) // _MICROSECOND


def _micros_of_day(time: dt.time) -> int:
    seconds = (time.hour * 60 + time.minute) * 60 + time.second
    return seconds * 1_000_000 + time.microsecond


_PLAIN: dict[type, Callable[[Any, FeatureType | None], Any]] = {
    dt.datetime: _timestamp,
    dt.date: _date,
    dt.time: _time,
    dt.timedelta: _duration,
    decimal.Decimal: _decimal,
}
