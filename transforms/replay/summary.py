"""What replaying some rows found, in a form that adds up: the same however rows are cut and ordered."""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

#: How much is kept. What is beyond is in the totals; which are kept does not hang on the order of parts.
MAX_WORST = 20
MAX_VERSIONS = 200
MAX_HOURS = 24 * 100

K = TypeVar("K")
V = TypeVar("V")


@dataclasses.dataclass(frozen=True)
class Differences:
    """Rows that were compared, and how far apart both sides are.

    Attributes:
      rows: compared; `differing` of them are not within the tolerance.
      odd: of those that differ, where one side alone is a finite number.
      largest, total: of the absolute differences of the others.
    """

    rows: int = 0
    differing: int = 0
    odd: int = 0
    largest: float = 0.0
    total: float = 0.0

    @property
    def share(self) -> float:
        return self.differing / self.rows if self.rows else 0.0

    @property
    def mean(self) -> float | None:
        """Of the absolute differences, over all rows where there is one; those within tolerance are 0."""
        counted = self.rows - self.odd
        return self.total / counted if counted else None

    def plus(self, other: Differences) -> Differences:
        return Differences(
            self.rows + other.rows,
            self.differing + other.differing,
            self.odd + other.odd,
            max(self.largest, other.largest),
            self.total + other.total,
        )


@dataclasses.dataclass(frozen=True)
class OutputDifferences:
    """One output of the model.

    Attributes:
      width: how many values a row has.
      flipped: rows that are put into another class.
      low, high: the finite values of the reference; (inf, -inf) where there are none.
    """

    differences: Differences
    width: int
    flipped: int
    low: float
    high: float

    @property
    def flips(self) -> int | None:
        """Rows whose class is another; None for a single value that is no probability, and has no class."""
        is_class = self.width > 1 or (self.low >= 0 and self.high <= 1)
        return self.flipped if is_class else None

    def plus(self, other: OutputDifferences) -> OutputDifferences:
        return OutputDifferences(
            self.differences.plus(other.differences),
            max(self.width, other.width),
            self.flipped + other.flipped,
            min(self.low, other.low),
            max(self.high, other.high),
        )


@dataclasses.dataclass(frozen=True)
class Worst:
    """A row that differs, and where its request stands.

    Attributes:
      record, row: the record's number in the file, and the row's in the request, both from 0.
      time: hours since 1970; None where the log has none.
      output: the one that is furthest off, by `apart` (infinite where one side alone is finite).
      payload: features and answers as JSON values, only where the user asked to keep payloads.
    """

    apart: float
    file: str
    record: int
    row: int
    version: str | None
    hour: int | None
    output: str
    payload: Mapping[str, Any] | None = None

    @property
    def sort_key(self) -> tuple[float, str, int, int]:
        """Sort key: the furthest off first, the same in every run."""
        return (-self.apart, self.file, self.record, self.row)


@dataclasses.dataclass(frozen=True)
class ReplaySummary:
    """What replaying found.

    Attributes:
      rows: all that were met.
      unmatched: those of them that were not compared, by reason (see `answers`).
      total: those that were.
      again: those on which the reference model ran twice, its own answers compared with each other.
      versions, hours: `total` by the version that answered and by hours since 1970 (None: not known);
        `MAX_VERSIONS` of them, and the last `MAX_HOURS`.
      worst: at most `MAX_WORST`, the worst first.
    """

    rows: int = 0
    unmatched: Counter[str] = dataclasses.field(default_factory=Counter)
    total: Differences = dataclasses.field(default_factory=Differences)
    again: Differences = dataclasses.field(default_factory=Differences)
    outputs: Mapping[str, OutputDifferences] = dataclasses.field(default_factory=dict)
    versions: Mapping[str | None, Differences] = dataclasses.field(default_factory=dict)
    hours: Mapping[int | None, Differences] = dataclasses.field(default_factory=dict)
    worst: tuple[Worst, ...] = ()


def merge(parts: Iterable[ReplaySummary]) -> ReplaySummary:
    """The summary of all rows of some summaries."""
    result = ReplaySummary()
    for part in parts:
        result = _merged(result, part)
    return result


def _merged(first_summary: ReplaySummary, second_summary: ReplaySummary) -> ReplaySummary:
    return ReplaySummary(
        rows=first_summary.rows + second_summary.rows,
        unmatched=first_summary.unmatched + second_summary.unmatched,
        total=first_summary.total.plus(second_summary.total),
        again=first_summary.again.plus(second_summary.again),
        outputs=_added(first_summary.outputs, second_summary.outputs, OutputDifferences.plus),
        versions=first(
            _added(first_summary.versions, second_summary.versions, Differences.plus), MAX_VERSIONS, by_hash
        ),
        hours=first(_added(first_summary.hours, second_summary.hours, Differences.plus), MAX_HOURS, _latest),
        worst=worst_of([*first_summary.worst, *second_summary.worst]),
    )


def worst_of(rows: Iterable[Worst]) -> tuple[Worst, ...]:
    """The worst `MAX_WORST` of some rows."""
    return tuple(heapq.nsmallest(MAX_WORST, rows, key=lambda row: row.sort_key))


def first(counts: Mapping[K, V], limit: int, order: Callable[[K], Any]) -> Mapping[K, V]:
    """The first `limit` keys by an order of their own: a key that is kept of all was kept of every part."""
    if len(counts) <= limit:
        return counts
    return {key: counts[key] for key in heapq.nsmallest(limit, counts, key=order)}


def _added(left: Mapping[K, Any], right: Mapping[K, Any], plus: Callable[[Any, Any], Any]) -> dict[K, Any]:
    shared = {key: plus(left[key], right[key]) for key in left.keys() & right.keys()}
    return {**left, **right, **shared}


def by_hash(version: str | None) -> tuple[bool, bytes]:
    """An order of versions that strangers who make some up do not choose; None comes first."""
    return version is not None, hashlib.sha256((version or "").encode("utf-8", "replace")).digest()


def _latest(hour: int | None) -> float:
    return -math.inf if hour is None else -hour
