"""What features tell of a row's request, its time and version, and whether the time lies in the window."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Window
from trueserve.transforms.logs.features import Array, FeatureType, type_of
from trueserve.transforms.logs.rows.parse_time import (
    FIRST_DATE,
    LAST_DATE,
    LAST_MICROSECOND,
    UNITS,
    micros_of,
)

TIME = pa.timestamp("us", tz="UTC")

# Python writes no number of very many digits.
_LARGEST_VERSION = 10**40
_LONGEST_VERSION = 1000


def times(column: pa.Array) -> pa.Array:
    """The first value of each row as UTC time, null where there is none or it is no time.

    Whole numbers are seconds, milliseconds, microseconds or nanoseconds since 1970, told by their size; 0
    and less is not set. Bytes are as `parse_time.micros_of` takes text. A float of 32 bits cannot hold a time
    of today to the second, so it is none: readers of tables keep longer ones (`micros_of_floats`).
    """
    kind = type_of(column)
    if kind is FeatureType.INT:
        return epoch_times(_first_ints(column))
    if kind is FeatureType.BYTES:
        micros = [micros_of(row[0]) if row else None for row in column.to_pylist()]
        return pa.array(micros, pa.int64()).cast(TIME)
    return pa.nulls(len(column), TIME)


def texts(column: pa.Array) -> pa.Array:
    """The first value of each row as text, null where there is none, or an empty one: numbers in decimals."""
    if type_of(column) is None:
        return pa.nulls(len(column), pa.string())
    flat = column.flatten()
    lengths = np.asarray(column.value_lengths().fill_null(0))
    first = flat.take(pa.array(np.cumsum(lengths) - lengths, mask=lengths == 0))
    # A log has few versions: each is made a text once, not row by row.
    encoded = first.dictionary_encode()
    distinct = pa.array([_text(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return distinct.take(encoded.indices)


def text_of_version(value: Any) -> str | None:
    """A version as text that UTF-8 can hold, whole numbers without `.0`; None for what names no version."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value[:_LONGEST_VERSION].encode("utf-8", "replace").decode() or None
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else str(value)
    return str(value) if isinstance(value, int) and abs(value) < _LARGEST_VERSION else None


def epoch_times(values: Array) -> pa.Array:
    """int64 numbers since 1970, or dates such as 20240714, as UTC times; null as in `micros_of`."""
    micros = np.zeros(len(values), np.int64)
    above = 0
    for limit, factor, divisor in UNITS:
        in_unit = (values > above) & (values <= limit)
        micros[in_unit] = values[in_unit] // divisor * factor
        above = limit
    is_date = (values >= FIRST_DATE) & (values <= LAST_DATE)
    if is_date.any():
        micros[is_date] = [micros_of(value) or 0 for value in values[is_date].tolist()]
    return times_of_micros(micros)


def micros_of_floats(values: Array) -> Array:
    """float64 numbers since 1970 as int64 microseconds; 0 for those that are no time, as in `epoch_times`.

    Of seconds the fraction counts.
    """
    micros = np.zeros(len(values), np.int64)
    above = 0
    for limit, factor, divisor in UNITS:
        in_unit = (values > above) & (values <= limit)
        micros[in_unit] = np.rint(values[in_unit] / divisor * factor)
        above = limit
    return micros


def times_of_micros(micros: Array) -> pa.Array:
    """int64 microseconds since 1970 as UTC times; those not above 0, or past the year 9999, are null."""
    bad = (micros <= 0) | (micros > LAST_MICROSECOND)
    return pa.array(micros, mask=bad).cast(TIME)


def inside(column: pa.Array, window: Window) -> Array:
    """For each time, whether it is in the half-open window; a null is in none that is bounded."""
    if not window.bounded:
        return np.ones(len(column), bool)
    micros = np.asarray(column.cast(pa.int64()).fill_null(0))
    result = np.asarray(column.is_valid())
    if window.start is not None:
        result = result & (micros >= _micros(window.start))
    if window.end is not None:
        result = result & (micros < _micros(window.end))
    return result


def _micros(time: dt.datetime) -> int:
    return (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _first_ints(column: pa.Array) -> Array:
    flat = column.flatten()
    lengths = np.asarray(column.value_lengths().fill_null(0))
    starts = np.cumsum(lengths) - lengths
    result = np.zeros(len(column), np.int64)
    result[lengths > 0] = np.asarray(flat)[starts[lengths > 0]]
    return result


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or None
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
