"""What the carriers share: rows as records, chunks of records, times, and errors of streams."""

from __future__ import annotations

import contextlib
import datetime as dt
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from trueserve.transforms.files.tfrecord import is_of_data
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.request import BadRecordError, Carried

#: The longest record, in bytes, that any carrier reads.
LARGEST_RECORD = 64 << 20
RECORD_TOO_LARGE = "record_too_large"
# A chunk of records ends where it has this many, or this many bytes, whatever comes first.
_MAX_RECORDS = 4096
_MAX_BYTES = 4 << 20
_DAY = 86_400_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def row(value: Mapping[str, Any]) -> Carried:
    """A row of a table as a record."""
    return Carried(value, payload_of(value))


def payload_of(value: Any) -> bytes:
    """A row as JSON, or as Python writes it where it has what JSON cannot hold."""
    try:
        return orjson.dumps(value, default=str)
    except TypeError:
        return repr(value).encode("utf-8", "backslashreplace")


def too_large() -> BadRecordError:
    """Why a record has no fields that is longer than `LARGEST_RECORD`."""
    limit = LARGEST_RECORD >> 20
    return BadRecordError(RECORD_TOO_LARGE, f"the record is longer than the {limit} MiB that are read of one")


def chunks(records: Iterable[Carried]) -> Iterator[list[Carried]]:
    """The records in lists of some thousands; those before a TableError are given before it is raised."""
    chunk: list[Carried] = []
    size = 0
    try:
        for record in records:
            chunk.append(record)
            size += len(record.payload)
            if len(chunk) >= _MAX_RECORDS or size >= _MAX_BYTES:
                yield chunk
                chunk, size = [], 0
    except TableError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raises TableError for what is wrong with compressed data; errors of a file system go through."""
    try:
        yield
    except EOFError as error:
        raise TableError("truncated", "truncated: compressed data end early") from error
    except (OSError, zlib.error) as error:
        if not is_of_data(error):
            raise
        raise TableError("compression", "compressed data cannot be read on") from error


def time_of_micros(micros: int) -> dt.datetime | int:
    """The UTC time so many microseconds after 1970; the number itself where Python has no such time."""
    try:
        return _EPOCH + dt.timedelta(microseconds=micros)
    except OverflowError:
        return micros


def local_time_of_micros(micros: int) -> dt.datetime | int:
    """The same of a time without a zone."""
    time = time_of_micros(micros)
    return time.replace(tzinfo=None) if isinstance(time, dt.datetime) else time


def date_of_micros(micros: int) -> dt.date | int:
    """The date so many microseconds after 1970 began; the number itself where Python has no such date."""
    time = time_of_micros(micros)
    return time.date() if isinstance(time, dt.datetime) else time


def time_of_day(micros: int) -> dt.time | int:
    """The time so many microseconds after midnight; the number itself where a day has none such."""
    return (_EPOCH + dt.timedelta(microseconds=micros)).time() if 0 <= micros < _DAY else micros
