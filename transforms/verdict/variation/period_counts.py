"""Rows counted by period and cell: an accumulator that merges, of bounded size, whatever the input.

Of too many periods those are kept whose day has the smallest hash, so that a day has all of its hours. A
period that is among these at the end was among them in every part, so none of its rows was left out, and the
sample does not depend on the order of rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.verdict.variation import bins as cell
from trueserve.transforms.verdict.variation.bins import Bins

Array = np.ndarray[Any, Any]

#: Microseconds of a period, and how many periods of the kind are kept.
UNITS: Mapping[str, tuple[int, int]] = {"day": (86_400_000_000, 750), "hour": (3_600_000_000, 1_680)}
# All counts together take no more than this: four thousand features have some hundred periods less.
_MOST_BYTES = 512 << 20
_NEVER = np.iinfo(np.int64)


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where a feature's counts stand in a period's row: its rows, cells, cells of lengths, two moments."""

    cells: Mapping[str, Bins]
    starts: Mapping[str, int]
    width: int

    @classmethod
    def of(cls, cells: Mapping[str, Bins]) -> Layout:
        starts, width = {}, 1  # the first count is of rows
        for name, feature_cells in cells.items():
            starts[name] = width
            width += 1 + feature_cells.size + feature_cells.length_size + 2 * feature_cells.has_moments
        return cls(cells, starts, width)

    def most_periods(self, unit: str) -> int:
        """How many periods can be kept."""
        return max(min(UNITS[unit][1], _MOST_BYTES // len(UNITS) // (8 * self.width)), 10)


@dataclasses.dataclass
class UnitCounts:
    """The counts of the periods of one unit.

    Attributes:
      rows: for each period that is kept, by its number since 1970, the place of its counts.
      counts: float64 [places, Layout.width].
      first, last: for each known value of a category the first and the last period that it came in.
      left_out: whether periods were given up.
    """

    unit: str
    layout: Layout
    rows: dict[int, int] = dataclasses.field(default_factory=dict)
    counts: Array = dataclasses.field(default_factory=lambda: np.zeros((0, 0), np.float64))
    first: dict[str, Array] = dataclasses.field(default_factory=dict)
    last: dict[str, Array] = dataclasses.field(default_factory=dict)
    left_out: bool = False

    def indices_of(self, numbers: Array) -> Array:
        """The place of each period, -1 for one that is not kept; room is made for new ones."""
        wanted = np.union1d(np.fromiter(self.rows, np.int64, len(self.rows)), numbers)
        most = self.layout.most_periods(self.unit)
        if len(wanted) > most:
            self.left_out = True
            wanted = wanted[np.argsort(_hashes(wanted // self._of_day), kind="stable")[:most]]
        self._keep(wanted)
        return np.array([self.rows.get(int(number), -1) for number in numbers], np.int64)

    @property
    def _of_day(self) -> int:
        """How many periods a day has."""
        return UNITS["day"][0] // UNITS[self.unit][0]

    def _keep(self, wanted: Array) -> None:
        new = [number for number in wanted.tolist() if number not in self.rows]
        if not new:
            return
        staying = set(wanted.tolist())
        kept = [number for number in self.rows if number in staying]
        counts = np.zeros((len(kept) + len(new), self.layout.width), np.float64)
        counts[: len(kept)] = self.counts[[self.rows[number] for number in kept]] if kept else 0
        self.counts, self.rows = counts, {number: index for index, number in enumerate([*kept, *new])}

    def span_of_values(self, name: str, values: Array, first: Array, last: Array) -> None:
        """Notes that these known values (by their place) came in periods from `first` to `last`."""
        size = len(self.layout.cells[name].known)
        np.minimum.at(self.first.setdefault(name, np.full(size, _NEVER.max, np.int64)), values, first)
        np.maximum.at(self.last.setdefault(name, np.full(size, _NEVER.min, np.int64)), values, last)

    def merge(self, other: UnitCounts) -> None:
        """Adds what `other` counted."""
        self.left_out |= other.left_out
        numbers = np.fromiter(other.rows, np.int64, len(other.rows))
        indices = self.indices_of(numbers)
        for index, other_index in zip(indices, other.rows.values(), strict=True):
            if index >= 0:
                self.counts[index] += other.counts[other_index]
        for name, first in other.first.items():
            self.span_of_values(name, np.arange(len(first)), first, other.last[name])

    @property
    def num_bytes(self) -> int:
        return self.counts.nbytes + sum(16 * len(first) for first in self.first.values())


@dataclasses.dataclass
class PeriodCounts:
    """Rows by day and by hour (UTC), and those without a time, which are in no period."""

    layout: Layout
    units: dict[str, UnitCounts] = dataclasses.field(default_factory=dict)
    num_rows: int = 0
    without_time: int = 0

    def __post_init__(self) -> None:
        self.units = self.units or {unit: UnitCounts(unit, self.layout) for unit in UNITS}

    def add(self, features: pa.RecordBatch, time: pa.Array) -> None:
        """Adds a batch; `time` is `timestamp[us]` or null, a row each."""
        has_time = np.asarray(time.is_valid())
        self.num_rows += len(has_time)
        self.without_time += int(np.count_nonzero(~has_time))
        microseconds = pc.fill_null(time.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)[has_time]
        columns = {
            name: _Column.of(features, name, feature_cells)
            for name, feature_cells in self.layout.cells.items()
        }
        for unit, counts in self.units.items():
            _add(counts, columns, microseconds // UNITS[unit][0], np.flatnonzero(has_time), len(has_time))

    def merge(self, other: PeriodCounts) -> None:
        """Adds what `other` counted; it is not changed."""
        self.num_rows += other.num_rows
        self.without_time += other.without_time
        for unit, counts in other.units.items():
            self.units[unit].merge(counts)

    @property
    def num_bytes(self) -> int:
        return sum(counts.num_bytes for counts in self.units.values())


@dataclasses.dataclass(frozen=True)
class _Column:
    """A feature of a batch, placed in its cells.

    Attributes:
      present: whether each row has it; lengths: how many values.
      where, parents: the cell and the row of each value that has a cell.
      standard: for a number, such values as `Bins.standard` has them.
      known: for a category, the place of each such value among the known ones, -1 for others.
    """

    present: Array
    lengths: Array
    where: Array
    parents: Array
    known: Array
    standard: Array

    @classmethod
    def of(cls, batch: pa.RecordBatch, name: str, cells: Bins) -> _Column | None:
        index = batch.schema.get_field_index(name)
        if index < 0 or pa.types.is_null(batch.schema.field(index).type):
            return None
        column = batch.column(index)
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        parents = np.repeat(np.arange(len(lengths)), lengths)
        present, flat = np.asarray(column.is_valid()), column.flatten()
        if cells.kind == cell.NUMBER:
            values = flat.to_numpy(zero_copy_only=False).astype(float)
            finite = np.isfinite(values)
            where, nothing = cell.cell_indices(cells.edges, values[finite]), np.zeros(0, np.int64)
            return cls(present, lengths, where, parents[finite], nothing, cells.standard(values[finite]))
        return cls(present, lengths, *_of_category(flat, cells, parents), np.zeros(0))


def _of_category(flat: pa.Array, cells: Bins, parents: Array) -> tuple[Array, Array, Array]:
    encoded = flat.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    own_cells = {value: index for index, value in enumerate(cells.values)}
    known = {value: index for index, value in enumerate(cells.known)}
    labels = [_label(value) for value in encoded.dictionary.to_pylist()]
    cell_of_label = np.array([own_cells.get(label, len(own_cells)) for label in labels], np.int64)
    known_indices = np.array([known.get(label, -1) for label in labels], np.int64)
    return cell_of_label[codes], parents, known_indices[codes]


def _label(value: Any) -> str:
    """A value as TFDV's statistics name it."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _add(
    counts: UnitCounts, columns: Mapping[str, _Column | None], numbers: Array, rows: Array, num_rows: int
) -> None:
    """Adds the rows at `rows`, of the periods `numbers`, of a batch of `num_rows`."""
    distinct, inverse = np.unique(numbers, return_inverse=True)
    rows_of_periods = counts.indices_of(distinct)
    period, number = np.full(num_rows, -1, np.int64), np.full(num_rows, _NEVER.min, np.int64)
    period[rows], number[rows] = rows_of_periods[inverse.reshape(-1)], numbers
    _tally(counts, 0, 1, period, np.zeros(num_rows, np.int64))
    for name, column in columns.items():
        if column is not None:
            _add_column(counts, name, column, period, number)


def _add_column(counts: UnitCounts, name: str, column: _Column, period: Array, number: Array) -> None:
    feature_cells, start = counts.layout.cells[name], counts.layout.starts[name]
    present = np.where(column.present, period, -1)
    _tally(counts, start, 1, present, np.zeros(len(present), np.int64))
    _tally(counts, start + 1, feature_cells.size, period[column.parents], column.where)
    end = start + 1 + feature_cells.size
    if feature_cells.length_size:
        _tally(
            counts,
            end,
            feature_cells.length_size,
            present,
            cell.cell_indices(feature_cells.lengths, column.lengths),
        )
    if feature_cells.has_moments:
        zeros = np.zeros(len(column.parents), np.int64)
        for power in (1, 2):
            weights, at = column.standard**power, end + feature_cells.length_size + power - 1
            _tally(counts, at, 1, period[column.parents], zeros, weights)
    if feature_cells.known:
        of_value = number[column.parents]
        is_counted = (column.known >= 0) & (of_value != _NEVER.min)  # rows without a time are in no period
        counts.span_of_values(name, column.known[is_counted], of_value[is_counted], of_value[is_counted])


def _tally(  # noqa: PLR0917 - what is added, and where
    counts: UnitCounts, start: int, size: int, period: Array, cell_index: Array, weights: Array | None = None
) -> None:
    """Adds one (or its weight) at `start + cell_index` for each entry whose period is kept; `size` cells."""
    kept = period >= 0
    if not kept.any():
        return
    weighed = None if weights is None else weights[kept]
    flat = np.bincount(period[kept] * size + cell_index[kept], weighed, minlength=len(counts.rows) * size)
    counts.counts[:, start : start + size] += flat.reshape(len(counts.rows), size).astype(np.float64)


def _hashes(numbers: Array) -> Array:
    """The finaliser of splitmix64: neighbouring periods get unrelated hashes."""
    with np.errstate(over="ignore"):
        mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        result: Array = mixed ^ (mixed >> np.uint64(31))
    return result
