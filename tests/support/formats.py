"""One set of flights, and what a log of them must give; the writers of each format are beside this.

The writers follow the vendors' documentation (docs/logs.md names it) and never the decoders, so that reader
and writer are not of one mind.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from examples.flights import data

FLIGHTS = 5_000
MODEL, VERSION = "flights", "3"
ROWS_A_REQUEST = 4
# Records beside the flights', as odd as can be: were one of them compared, the statistics would say so.
OUTSIDE, WITHOUT_TIME, BROKEN = 7, 5, 3
ODD: dict[str, Any] = dict.fromkeys(data.CATEGORIES, "odd") | dict.fromkeys(
    (*data.COUNTS, *data.MEASURES, *data.WEATHER), 1_000_000
)

#: The values of a flight by feature; a feature that it lacks is absent.
Row: TypeAlias = Mapping[str, Any]


class Request(NamedTuple):
    """A request as any system would know it. `seconds` since 1970; None where the log has no time."""

    rows: Sequence[Row]
    seconds: int | None
    request_id: int


#: Requests in the order in which they are logged; None is a record that nothing can read.
Traffic: TypeAlias = Sequence[Request | None]


class Span(NamedTuple):
    """The half-open window of all flights, in seconds since 1970."""

    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Log:
    """A format in a carrier.

    Attributes:
      name: the format, a slash, and what tells it from the others of the format.
      suffix: of its file's name.
      write: writes a file.
      timed: whether it has a time for each request.
      breakable: whether one record can be unreadable and the next readable.
      single: whether a record is one row.
      responses: whether each response is a record of its own.
      settings: fields of `Settings` that it needs.
      knows: columns of the metadata that it fills, beside the time.
    """

    name: str
    suffix: str
    write: Callable[[Path, Traffic], None]
    timed: bool = True
    breakable: bool = True
    single: bool = False
    responses: bool = False
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    knows: frozenset[str] = frozenset()

    @property
    def format(self) -> str:
        return self.name.split("/")[0]


class Expected(NamedTuple):
    """What must become of the records of a log."""

    read: int
    decoded: int
    rejected: int
    outside_window: int
    no_time: int


def some_flights() -> tuple[pa.Table, pa.Table]:
    """Training flights of January to June with their label, and the 5,000 of July that are served.

    Those stand in no order, so that flights of one request are no more alike than others.
    """
    parts = data.split(data.read_flights(), 0.5)
    training = parts.training.take(_chosen(parts.training.num_rows, 20_000))
    served = parts.july.take(_chosen(parts.july.num_rows, FLIGHTS)).drop([data.LABEL])
    return training, served.take(np.random.default_rng(7).permutation(served.num_rows))


def rows_of(flights: pa.Table) -> list[Row]:
    """A mapping a flight, without the features that are missing; floats have the precision of float32."""
    names = list(data.FEATURES)
    rows = flights.select(names).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def traffic_of(flights: pa.Table, log: Log) -> tuple[Traffic, Span, Expected]:
    """The records of a log with these flights, and a few that must not be compared among them."""
    rows, seconds = rows_of(flights), _seconds(flights)
    each = 1 if log.single else ROWS_A_REQUEST
    starts = range(0, len(rows), each)
    regular = [Request(rows[i : i + each], seconds[i], 1_000 + i) for i in starts]
    span = Span(min(r.seconds or 0 for r in regular), 1 + max(r.seconds or 0 for r in regular))
    extra = [*_untimely(span)] if log.timed else []
    broken = [None] * (BROKEN if log.breakable else 0)
    traffic = _spread(regular, [*extra, *broken])
    answers = len(regular) + len(extra) if log.responses else 0
    outside, no_time = (OUTSIDE, WITHOUT_TIME) if log.timed else (0, 0)
    read = len(traffic) + answers
    return traffic, span, Expected(read, len(regular) + answers, len(broken), outside, no_time)


def shortest(value: float) -> float:
    """The number with the fewest digits that is the same float32, as most clients write it."""
    return float(str(np.float32(value)))


def shortened(row: Row, *, integral: bool = False) -> dict[str, Any]:
    """The row with its floats as clients write them; `integral` as JavaScript does: 2475, not 2475.0."""

    def number(value: Any) -> Any:
        if not isinstance(value, float):
            return value
        return int(value) if integral and value.is_integer() else shortest(value)

    return {name: number(value) for name, value in row.items()}


def columns_of(rows: Sequence[Row], *, integral: bool = False) -> dict[str, list[Any]]:
    """The rows as columns; a missing number is NaN, as a tensor has no other way to say it."""
    short = [shortened(row, integral=integral) for row in rows]
    return {name: [row.get(name, math.nan) for row in short] for name in data.FEATURES}


def iso(seconds: int) -> str:
    """RFC 3339 in UTC, with a Z."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _chosen(available: int, count: int) -> Any:
    return np.sort(np.random.default_rng(2013).choice(available, count, replace=False))


def _seconds(flights: pa.Table) -> list[int]:
    """The hour of each flight, and a second within it, so that times differ."""
    hours = pc.cast(pc.cast(flights[data.TIME], pa.timestamp("s")), pa.int64()).to_pylist()
    return [hour + index % 3_600 for index, hour in enumerate(hours)]


def _untimely(span: Span) -> list[Request]:
    """Requests before the window, at its very end and after it, and some without a time."""
    before = [span.start - 1 - i for i in range(OUTSIDE // 2)]
    outside = [span.end, *before, span.end + 99, span.end + 9**7]
    times = [*itertools.islice(itertools.cycle(outside), OUTSIDE), *[None] * WITHOUT_TIME]
    return [Request([ODD], time, i) for i, time in enumerate(times)]


def _spread(regular: Sequence[Request], extra: Sequence[Request | None]) -> list[Request | None]:
    """The odd ones among the others."""
    result: list[Request | None] = list(regular)
    for number, request in enumerate(extra, 1):
        result.insert(number * (len(regular) // len(extra)) - 1, request)
    return result
