"""The counts of a feature's values: exact up to a number of distinct ones, then within a bound.

Up to CAPACITY distinct values every count is exact. Beyond, the table is pruned as Misra and Gries do
("Finding Repeated Elements", 1982), in the mergeable form (Agarwal and others, "Mergeable Summaries", 2012):
where there are more than twice CAPACITY values, the CAPACITY + 1st greatest count is taken from all, and what
has none left is dropped. A count is then too low by at most n / (CAPACITY + 1) of n values, never too high.

How many values there were is then estimated by the smallest of their hashes, as many as the capacity and 1024
at least (Bar-Yossef and others, "Counting Distinct Elements in a Data Stream", 2002): for K of them the
standard error is 1 / sqrt(K - 2), 0.8 % for 16,384.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.summaries import counting
from trueserve.transforms.summaries.counting import DONE, ENTRIES, INVALID, MORE_ENTRIES, PRINTS, HashTable

Array = np.ndarray[Any, Any]

CAPACITY = 16_384
_LEAST_FINGERPRINTS = 1024
_FIRST_ENTRIES, _FIRST_BYTES = 16, 256
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_BY_ENTRY = ("hashes", "counts", "starts", "lengths", "kinds")


def _new_table(entries: int, num_bytes: int, limits: Array) -> HashTable:
    return HashTable(
        slots=np.full(2 * entries, -1, np.int32),
        hashes=np.empty(entries, np.uint64),
        counts=np.empty(entries, np.int64),
        starts=np.empty(entries, np.int64),
        lengths=np.empty(entries, np.int64),
        kinds=np.empty(entries, np.uint8),
        arena=np.empty(num_bytes, np.uint8),
        fingerprints=np.empty(0, np.uint64),
        limits=limits,
        used=np.zeros(4, np.int64),
    )


class ValueCounts:
    """The table of one feature.

    Attributes:
      capacity: how many distinct values are counted exactly, whatever else comes.
      invalid: how many values were not UTF-8.
    """

    __slots__ = ("_table", "capacity")

    def __init__(self, capacity: int = CAPACITY, longest: int = counting.LONG) -> None:
        """Longer values than `longest` bytes are counted, but not kept."""
        self.capacity = capacity
        self._table = _new_table(_FIRST_ENTRIES, _FIRST_BYTES, np.array([_ALL, longest], np.uint64))

    @property
    def invalid(self) -> int:
        """How many values were not UTF-8."""
        return int(self._table.used[INVALID])

    @property
    def exact(self) -> bool:
        """Whether every value seen is in the table with its count."""
        return len(self._table.fingerprints) == 0

    @property
    def num_bytes(self) -> int:
        """Memory in use."""
        return sum(part.nbytes for part in self._table)

    def add_bytes(self, offsets: Array, data: Array) -> None:
        """Counts the values `data[offsets[i]:offsets[i + 1]]`."""
        self._count_with_room(counting.count_bytes, offsets, data)

    def add_ints(self, values: Array) -> None:
        """Counts int64 values."""
        self._count_with_room(counting.count_longs, values, values.view(np.uint8))

    def merge(self, other: ValueCounts) -> None:
        """Adds what `other` has counted; it is not changed."""
        if not other.exact and self.exact:
            self._start_fingerprints()
        invalid = self.invalid + other.invalid
        self._count_with_room(counting.count_entries, other._table)
        self._table.used[INVALID] = invalid
        if not other.exact:
            self._add_fingerprints(other)

    def lower_capacity(self, capacity: int) -> None:
        """Counts no more than that many distinct values exactly from now on."""
        self.capacity = min(self.capacity, capacity)
        used = int(self._table.used[ENTRIES])
        if used > 2 * self.capacity:
            self._prune()
        table = self._table
        num_entries = max(int(table.used[ENTRIES]), min(2 * self.capacity, len(table.hashes)))
        self._table = self._resized(_power_of_two(num_entries), int(table.used[counting.ARENA]))
        if not self.exact:
            self._settle_fingerprints(self._distinct_fingerprints())

    def distinct(self) -> int:
        """How many distinct values there were: exact, or the estimate."""
        if self.exact:
            return int(self._table.used[ENTRIES])
        self._settle_fingerprints(self._distinct_fingerprints())
        count, limit = int(self._table.used[PRINTS]), self._table.limits[counting.PRINT_LIMIT]
        return count if limit == _ALL else round((count - 1) * 2.0**64 / float(limit))

    def entries(self) -> list[tuple[bytes, int, int]]:
        """Value, kind and count of each entry; the value of a long one is empty."""
        table = self._table
        arena, result = table.arena.tobytes(), []
        for i in range(int(table.used[ENTRIES])):
            start, kind = int(table.starts[i]), int(table.kinds[i])
            length = 0 if kind >= counting.LONG_TEXT else int(table.lengths[i])
            result.append((arena[start : start + length], kind, int(table.counts[i])))
        return result

    def _count_with_room(self, count: Any, *values: Any) -> None:
        done, state = count(*values, 0, self._table)
        while state != DONE:
            if state == MORE_ENTRIES:
                self._more_entries()
            else:
                self._table = self._resized(
                    len(self._table.hashes), 2 * len(self._table.arena) + counting.LONG
                )
            done, state = count(*values, done, self._table)

    def _more_entries(self) -> None:
        entries = int(self._table.used[ENTRIES])
        if entries >= 2 * self.capacity:
            self._prune()
        elif entries == len(self._table.hashes):
            self._table = self._resized(2 * entries, len(self._table.arena))
        else:
            self._settle_fingerprints(self._distinct_fingerprints())

    def _resized(self, entries: int, num_bytes: int) -> HashTable:
        """The same table with other room."""
        return self._copied(np.arange(int(self._table.used[ENTRIES])), self._table.counts, entries, num_bytes)

    def _copied(self, kept: Array, counts: Array, entries: int, num_bytes: int) -> HashTable:
        old, new = self._table, _new_table(entries, num_bytes, self._table.limits)
        for i, name in enumerate(_BY_ENTRY):
            getattr(new, name)[: len(kept)] = (counts if i == 1 else getattr(old, name))[kept]
        lengths = np.where(new.kinds[: len(kept)] >= counting.LONG_TEXT, 0, new.lengths[: len(kept)])
        stops = np.cumsum(lengths)
        hashes, starts = new.hashes[: len(kept)], new.starts[: len(kept)]
        counting.move_values(old.arena, starts, lengths, new.arena, new.slots, hashes)
        new.starts[: len(kept)] = stops - lengths
        new.used[:] = old.used
        new.used[:2] = len(kept), (stops[-1] if len(stops) else 0)
        return new._replace(fingerprints=old.fingerprints)

    def _prune(self) -> None:
        if self.exact:
            self._start_fingerprints()
        used = int(self._table.used[ENTRIES])
        counts = self._table.counts[:used]
        less = np.partition(counts, used - self.capacity - 1)[used - self.capacity - 1]
        kept = np.flatnonzero(counts > less)
        num_entries = _power_of_two(2 * self.capacity)
        self._table = self._copied(kept, counts - less, num_entries, len(self._table.arena))

    def _start_fingerprints(self) -> None:
        used = int(self._table.used[ENTRIES])
        self._settle_fingerprints(np.sort(self._table.hashes[:used]))

    def _add_fingerprints(self, other: ValueCounts) -> None:
        limits = self._table.limits
        limits[counting.PRINT_LIMIT] = min(
            limits[counting.PRINT_LIMIT], other._table.limits[counting.PRINT_LIMIT]
        )
        prints = np.union1d(self._distinct_fingerprints(), other._distinct_fingerprints())
        self._settle_fingerprints(prints[prints <= limits[counting.PRINT_LIMIT]])

    def _distinct_fingerprints(self) -> Array:
        prints: Array = np.unique(self._table.fingerprints[: int(self._table.used[PRINTS])])
        return prints

    def _settle_fingerprints(self, prints: Array) -> None:
        """Keeps the smallest of `prints`, which are sorted."""
        most = max(self.capacity, _LEAST_FINGERPRINTS)
        kept = np.empty(2 * most, np.uint64)
        count = min(most, len(prints))
        kept[:count] = prints[:count]
        self._table = self._table._replace(fingerprints=kept)
        self._table.used[PRINTS] = count
        if count == most:
            self._table.limits[counting.PRINT_LIMIT] = prints[most - 1]

    def __getstate__(self) -> tuple[Any, ...]:
        table, entries = self._table, slice(int(self._table.used[ENTRIES]))
        parts = {name: getattr(table, name)[entries] for name in _BY_ENTRY}
        arena = table.arena[: int(table.used[counting.ARENA])]
        small = table._replace(
            **parts, arena=arena, slots=np.empty(0, np.int32), fingerprints=self._distinct_fingerprints()
        )
        return self.capacity, self.exact, tuple(part.copy() for part in small)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.capacity, exact, parts = state
        self._table = HashTable(*parts)
        prints = self._table.fingerprints
        self._table = self._resized(_power_of_two(len(self._table.hashes)), len(self._table.arena))
        if not exact:
            self._settle_fingerprints(prints)


def _power_of_two(least: int) -> int:
    return 1 << max(4, (least - 1).bit_length())
