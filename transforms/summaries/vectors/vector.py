"""What is known of vectors of one length, and of lists of which some are vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.summaries.vectors import column_moments, projections
from trueserve.transforms.summaries.vectors.column_moments import COUNT, FOURTH, SECOND, THIRD, ZEROS

Array = np.ndarray[Any, Any]

#: A vector of more positions is taken in blocks of neighbours, each with its mean.
MOST_COLUMNS = 4096
#: Lists of more lengths than this are pools of values, and no vectors of any.
MOST_LENGTHS = 4
# So many values are done at a time: they stay in the cache between the passes over them.
_VALUES_AT_ONCE = 1 << 16
_ROWS_AT_ONCE = 16


class VectorSummary:
    """The moments of each position, or block of positions, and of projections.

    Attributes:
      length: positions of a vector.
      rows: vectors seen.
      array: [column_moments.FIELDS, columns and then projections], see `moments`.
    """

    __slots__ = ("array", "length", "rows")

    def __init__(self, length: int) -> None:
        self.length, self.rows = length, 0
        self.array = column_moments.nothing(self.columns + projections.count(length))

    @property
    def width(self) -> int:
        """How many positions a column is the mean of."""
        return -(-self.length // MOST_COLUMNS)

    @property
    def columns(self) -> int:
        """Positions, or blocks of them."""
        return -(-self.length // self.width)

    @property
    def num_bytes(self) -> int:
        """Memory that it takes."""
        return int(self.array.nbytes)

    def add(self, values: Array) -> None:
        """Adds float32 or int64 values of vectors, one vector after another."""
        own_signs = projections.signs(self.length)
        step = max(_VALUES_AT_ONCE // self.length, _ROWS_AT_ONCE) * self.length
        for start in range(0, len(values), step):
            self._add(values[start : start + step], own_signs)

    def merge(self, other: VectorSummary) -> None:
        """Adds what `other`, of the same length, has seen; it is not changed."""
        self.rows += other.rows
        column_moments.merge(self.array, other.array)

    def repeated(self, times: int) -> VectorSummary:
        """What would be known had each vector come so many times."""
        result = VectorSummary(self.length)
        result.rows, result.array[:] = self.rows * times, self.array
        result.array[[COUNT, SECOND, THIRD, FOURTH, ZEROS]] *= times
        return result

    def _add(self, values: Array, own_signs: Array) -> None:
        rows, work = len(values) // self.length, column_moments.workspace()
        self.rows += rows
        projected = np.empty((rows, projections.count(self.length)))
        written = projections.project(values, own_signs, projected)
        if self.width > 1:
            values = _blocks(values.reshape(rows, self.length), self.width)
        column_moments.add_rows(values, self.columns, 0, self.array, work)
        if written:
            of_all = projected[:written].reshape(-1)
            column_moments.add_rows(of_all, projected.shape[1], self.columns, self.array, work)

    def __getstate__(self) -> tuple[int, int, bytes]:
        return self.length, self.rows, self.array.tobytes()

    def __setstate__(self, state: tuple[int, int, bytes]) -> None:
        self.length, self.rows, array = state
        self.array = np.frombuffer(array).reshape(column_moments.FIELDS, -1).copy()


class Vectors:
    """Of lists, those of up to MOST_LENGTHS lengths of two values or more.

    Which lengths are kept does not depend on their order: where there are more, none is.

    Attributes:
      by_length: empty where the lists have too many lengths.
      are_ragged: whether they have.
    """

    __slots__ = ("are_ragged", "by_length")

    def __init__(self) -> None:
        self.by_length: dict[int, VectorSummary] = {}
        self.are_ragged = False

    @property
    def num_bytes(self) -> int:
        """Memory that it takes."""
        return sum(each.num_bytes for each in self.by_length.values())

    @property
    def commonest(self) -> VectorSummary | None:
        """Those of the length that most lists have; None where there are none."""
        return max(self.by_length.values(), key=lambda each: (each.rows, -each.length), default=None)

    def add(self, offsets: Array, are_present: Array | None, values: Array) -> None:
        """Adds lists.

        Args:
          offsets: where each list begins in `values`, and where the last one ends.
          are_present: which lists count; None for all.
          values: float32 or int64.
        """
        if self.are_ragged:
            return
        lengths = np.diff(offsets)
        if len(lengths) and are_present is None and lengths[0] > 1 and (lengths == lengths[0]).all():
            self._add(int(lengths[0]), values[offsets[0] : offsets[-1]])
            return
        present = lengths if are_present is None else np.where(are_present, lengths, 0)
        lengths = np.unique(present[present > 1]).tolist()
        if len(self.by_length.keys() | set(lengths)) > MOST_LENGTHS:
            self._give_up()
            return
        for length in lengths:
            starts = offsets[:-1][present == length]
            self._add(length, values[(starts[:, None] + np.arange(length)).reshape(-1)])

    def merge(self, other: Vectors) -> None:
        """Adds what `other` has seen; it is not changed."""
        if self.are_ragged or other.are_ragged:
            self._give_up()
            return
        for length, summary in other.by_length.items():
            if (own := self._of(length)) is not None:
                own.merge(summary)

    def repeated(self, times: int) -> Vectors:
        """What would be known had each list come so many times."""
        result = Vectors()
        result.are_ragged = self.are_ragged
        result.by_length = {length: each.repeated(times) for length, each in self.by_length.items()}
        return result

    def _add(self, length: int, values: Array) -> None:
        if (own := self._of(length)) is not None:
            own.add(values)

    def _of(self, length: int) -> VectorSummary | None:
        if length not in self.by_length and not self.are_ragged:
            self.by_length[length] = VectorSummary(length)
            if len(self.by_length) > MOST_LENGTHS:
                self._give_up()
        return self.by_length.get(length)

    def _give_up(self) -> None:
        self.are_ragged, self.by_length = True, {}

    def __getstate__(self) -> tuple[bool, dict[int, VectorSummary]]:
        return self.are_ragged, self.by_length

    def __setstate__(self, state: tuple[bool, dict[int, VectorSummary]]) -> None:
        self.are_ragged, self.by_length = state


def _blocks(rows: Array, width: int) -> Array:
    """The mean of each `width` values of a row, of the last ones that are left: one row after another."""
    starts = np.arange(0, rows.shape[1], width)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.add.reduceat(rows.astype(np.float64), starts, axis=1)
    sizes = np.diff(np.append(starts, rows.shape[1]))
    return np.ascontiguousarray(sums / sizes).reshape(-1)
