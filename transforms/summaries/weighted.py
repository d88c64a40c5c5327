"""Summaries of rows of which not all count the same: one logged at a sampling rate stands for 1 / rate.

There is one summary for each rate that comes, and one alone where all rows have the same. `folding` makes of
them statistics in TFDV's plain fields, not in its weighted ones, which its comparison passes over.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.summaries.dataset import DatasetSummary, bound_tables
from trueserve.transforms.summaries.feature import Use
from trueserve.transforms.summaries.quantiles import Scratch

Array = np.ndarray[Any, Any]

#: More rates than this are brought to a grid, whose cells are 2 % wide: a weight is then off by 1 % at most
#: while the rates lie within a factor of 3.5, and the cells grow twice as wide as often as needed beyond it.
MOST_RATES = 64
#: A smaller rate is no rate: one row would outweigh all others.
LEAST_RATE = 1e-9
_STEP = 2 * math.log(1.01)


def rates_of(column: pa.Array) -> Array | None:
    """The sampling rate of each row, 1 where it is unset (null, 0) or odd; None where all are unset."""
    if column.null_count == len(column):
        return None
    rates: Array = pc.fill_null(column, 1.0).to_numpy(zero_copy_only=False)
    usable = _is_usable_rate(rates)
    return rates if usable.all() else np.where(usable, rates, 1.0)


def odd_rates(column: pa.Array) -> int:
    """How many rows have a rate that is none: NaN, negative, above 1, or above 0 and below `LEAST_RATE`."""
    if column.null_count == len(column):
        return 0
    rates: Array = pc.fill_null(column, 0.0).to_numpy(zero_copy_only=False)
    return int(np.count_nonzero(~_is_usable_rate(rates) & (rates != 0)))


def rows_at(batch: pa.RecordBatch, row_indices: Array) -> pa.RecordBatch:
    """The rows at these positions."""
    chosen = pa.array(row_indices)
    arrays = [column.take(chosen) for column in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def groups(codes: Array) -> Iterator[tuple[Any, Array]]:
    """Each distinct code, in ascending order, and the positions where it stands, in ascending order."""
    if not len(codes):
        return
    order = np.argsort(codes, kind="stable")
    distinct, firsts = np.unique(codes[order], return_index=True)
    yield from zip(distinct.tolist(), np.split(order, firsts[1:]), strict=True)


@dataclasses.dataclass
class WeightedSummary:
    """The summaries of a set of rows by sampling rate; an accumulator for a CombineFn.

    Attributes:
      uses: what a schema says of features' values; see `uses_of`.
      level: how coarse the grid of rates is; 0 for none.
      parts: by rate, or by cell of the grid.
    """

    uses: Mapping[str, Use] = dataclasses.field(default_factory=dict)
    level: int = 0
    parts: dict[float, DatasetSummary] = dataclasses.field(default_factory=dict)

    def add(self, rows: pa.RecordBatch, rates: Array | None, scratch: Scratch) -> None:
        """Adds the rows of a batch, with their rates as `rates_of` gives them."""
        if rates is None or not len(rates) or (rates == rates[0]).all():
            rate = 1.0 if rates is None or not len(rates) else float(rates[0])
            self._part(self._cell(rate)).add(rows, scratch)
        else:
            for cell, row_indices in groups(self._cells(rates, scratch)):
                self._part(cell).add(rows_at(rows, row_indices), scratch)
        self._bound(scratch)

    def merge(self, other: WeightedSummary, scratch: Scratch) -> None:
        """Adds what `other` has seen; it is not changed."""
        self._coarsen(other.level, scratch)
        for cell, summary in other.parts.items():
            self._part(_coarser(cell, other.level, self.level)).merge(summary, scratch)
        self._bound(scratch)

    def compact(self, most: int) -> None:
        """Makes the sketches of numbers small, and less exact, see `Quantiles.compact`."""
        for part in self.parts.values():
            part.compact(most)

    @property
    def num_examples(self) -> int:
        """Rows seen."""
        return sum(part.num_examples for part in self.parts.values())

    @property
    def num_bytes(self) -> int:
        """Memory that sketches and tables take."""
        return sum(part.num_bytes for part in self.parts.values())

    def by_rate(self) -> list[tuple[float, DatasetSummary]]:
        """The summaries of the rates that rows had, with these; one of no row where there was none."""
        summaries = [
            (_rate(cell, self.level), part) for cell, part in self.parts.items() if part.num_examples
        ]
        return summaries or [(1.0, next(iter(self.parts.values()), DatasetSummary(self.uses)))]

    def _part(self, cell: float) -> DatasetSummary:
        part = self.parts.get(cell)
        if part is None:
            part = self.parts[cell] = DatasetSummary(self.uses)
        return part

    def _cell(self, rate: float) -> float:
        return rate if self.level == 0 else float(_cells_of(np.array([rate]), self.level)[0])

    def _cells(self, rates: Array, scratch: Scratch) -> Array:
        """The cell of each row's rate, after the grid is made so coarse that there are not too many."""
        while True:
            cells = rates if self.level == 0 else _cells_of(rates, self.level)
            if len({*np.unique(cells).tolist(), *self.parts}) <= MOST_RATES:
                return cells
            self._coarsen(self.level + 1, scratch)

    def _coarsen(self, level: int, scratch: Scratch) -> None:
        if level <= self.level:
            return
        fine, before, self.parts, self.level = self.parts, self.level, {}, level
        for cell, summary in fine.items():
            target = _coarser(cell, before, level)
            if target in self.parts:
                self.parts[target].merge(summary, scratch)
            else:
                self.parts[target] = summary

    def _bound(self, scratch: Scratch) -> None:
        while len(self.parts) > MOST_RATES:
            self._coarsen(self.level + 1, scratch)
        if len(self.parts) > 1:  # one alone keeps to its bound itself
            bound_tables(self.parts.values())


def _is_usable_rate(rates: Array) -> Array:
    return (rates >= LEAST_RATE) & (rates <= 1)


def _cells_of(rates: Array, level: int) -> Array:
    """Numbers of cells: 0 for rates next to 1, and the greater the smaller the rate. A cell at a level is two
    of the level before, so that it does not matter in which order rates come."""
    fine = np.rint(np.log(rates) / -_STEP).astype(np.int64)
    cells: Array = (fine >> (level - 1)).astype(np.float64)
    return cells


def _coarser(cell: float, before: int, level: int) -> float:
    if before == level:
        return cell
    if before == 0:
        return float(_cells_of(np.array([cell]), level)[0])
    return float(int(cell) >> (level - before))


def _rate(cell: float, level: int) -> float:
    """The rate in the middle of a cell."""
    if level == 0:
        return cell
    width = 1 << (level - 1)
    return math.exp(-_STEP * (cell * width + (width - 1) / 2))
