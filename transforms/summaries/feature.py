"""What is known of one feature: presence, list lengths, and of its values what its use asks for."""

from __future__ import annotations

import dataclasses
import enum
import sys
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.summaries import central_moments, counting, lists
from trueserve.transforms.summaries.columns import ListColumn, ValueType, list_column, without_gaps
from trueserve.transforms.summaries.quantiles import Quantiles, Scratch
from trueserve.transforms.summaries.value_counts import CAPACITY, ValueCounts
from trueserve.transforms.summaries.vectors.vector import Vectors

Array = np.ndarray[Any, Any]


class Use(enum.Enum):
    """What a schema says that a feature's values are, where it matters for statistics."""

    BY_TYPE = enum.auto()  # numbers are numbers, strings are categories
    CATEGORY = enum.auto()  # ints are categories too, and strings are however long they are
    TEXT = enum.auto()  # strings that are no categories
    BLOB = enum.auto()  # bytes of which only the length matters


@dataclasses.dataclass
class Lengths:
    """How long byte values are."""

    total: int = 0
    least: int | None = None
    most: int | None = None
    invalid: int = 0

    def add(self, offsets: Array) -> None:
        """Adds values by their offsets."""
        if len(offsets) > 1:
            sizes = np.diff(offsets)
            self.merge(Lengths(int(offsets[-1] - offsets[0]), int(sizes.min()), int(sizes.max())))

    def merge(self, other: Lengths) -> None:
        """Adds what `other` has seen; it is not changed."""
        self.total += other.total
        self.invalid += other.invalid
        self.least = min((n for n in (self.least, other.least) if n is not None), default=None)
        self.most = max((n for n in (self.most, other.most) if n is not None), default=None)


class FeatureSummary:
    """The summary of one feature.

    Attributes:
      value_type: that of its values; None before the first.
      lists: presence and list lengths.
      numbers, quantiles: of values that are numbers.
      lengths: of values that are bytes, or ints that are categories: written in decimals.
      counts: of values that are categories.
      vectors: of lists of numbers, ints that are categories too, by position; None before the first.
    """

    __slots__ = ("counts", "lengths", "lists", "numbers", "quantiles", "use", "value_type", "vectors")

    def __init__(self, use: Use = Use.BY_TYPE) -> None:
        self.use = use
        self.value_type: ValueType | None = None
        self.lists = lists.Lists()
        self.numbers: central_moments.CentralMoments | None = None
        self.quantiles: Quantiles | None = None
        self.lengths: Lengths | None = None
        self.counts: ValueCounts | None = None
        self.vectors: Vectors | None = None

    @property
    def num_bytes(self) -> int:
        """Memory that the sketch, the table and what is known of positions take."""
        return sum(part.num_bytes for part in (self.quantiles, self.counts, self.vectors) if part is not None)

    def add(self, array: pa.Array, scratch: Scratch, left: int | None = None) -> None:
        """Adds the rows of a column. Raises TypeError where its type is not the one seen before.

        If `left` is given, all is added but so many numbers, the last, which have no place in the sketch yet.
        """
        column = list_column(array)
        if column is None:
            return
        if left is not None:
            self._add_quantiles(column, scratch, left)
            return
        self.hold(column.value_type)
        total = self.lists.add(column.offsets, column.valid, column.first_bit, scratch)
        self._add_vectors(column)
        if total != column.num_values:
            column = without_gaps(column, array)
        if total:
            self._add_values(column, scratch)

    def merge(self, other: FeatureSummary, scratch: Scratch) -> None:
        """Adds what `other` has seen; it is not changed. Raises TypeError where their types differ."""
        if other.value_type is None:
            return
        self.hold(other.value_type)
        self.lists.merge(other.lists, scratch)
        if self.numbers is not None and other.numbers is not None:
            self.numbers.merge(other.numbers)
        if self.quantiles is not None and other.quantiles is not None:
            self.quantiles.merge(other.quantiles, scratch)
        if self.lengths is not None and other.lengths is not None:
            self.lengths.merge(other.lengths)
        if self.counts is not None and other.counts is not None:
            self.counts.merge(other.counts)
        if other.vectors is not None:
            self._vectors().merge(other.vectors)

    def compact(self, most: int) -> None:
        """Makes the sketches of numbers small, and less exact, see `Quantiles.compact`."""
        for sketch in (self.quantiles, self.lists.long):
            if sketch is not None:
                sketch.compact(most)

    def hold(self, value_type: ValueType) -> None:
        """Says that the feature has values of a type. Raises TypeError where it had those of another one."""
        if self.value_type is None:
            self.value_type = value_type
            self._begin()
        elif self.value_type is not value_type:
            raise TypeError(
                f"the feature has {value_type} values here and had {self.value_type} values before"
            )

    def add_positions(self, array: pa.Array) -> None:
        """Adds the positions of rows of which all else was added."""
        column = list_column(array)
        if column is not None:
            self._add_vectors(column)

    def _add_vectors(self, column: ListColumn) -> None:
        is_number = self.use is not Use.BLOB and column.value_type is not ValueType.STRING
        if is_number and self.lists.most > 1 and not self._vectors().are_ragged:
            offsets = column.offsets - column.offsets[0]
            self._vectors().add(offsets, column.are_present, column.numbers)

    def _vectors(self) -> Vectors:
        if self.vectors is None:
            self.vectors = Vectors()
        return self.vectors

    def _begin(self) -> None:
        is_category = self.use is Use.CATEGORY or self.value_type is ValueType.STRING
        if self.value_type is ValueType.FLOAT or not is_category:
            self.numbers = central_moments.CentralMoments()
            self.quantiles = Quantiles(np.uint32 if self.value_type is ValueType.FLOAT else np.uint64)
            return
        self.lengths = Lengths()
        if self.use not in (Use.TEXT, Use.BLOB):
            self.counts = ValueCounts(CAPACITY, sys.maxsize if self.use is Use.CATEGORY else counting.LONG)

    def _add_values(self, column: ListColumn, scratch: Scratch) -> None:
        if column.value_type is ValueType.STRING:
            self._add_strings(*column.strings)
        elif self.counts is not None and self.lengths is not None:
            self.counts.add_ints(column.numbers)
            self.lengths.total += counting.decimal_digits(column.numbers)
        elif self.numbers is not None:
            self.numbers.add(column.numbers)
            self._add_quantiles(column, scratch, column.num_values)

    def _add_quantiles(self, column: ListColumn, scratch: Scratch, count: int) -> None:
        assert self.quantiles is not None
        values = column.numbers[column.num_values - count :]
        if column.value_type is ValueType.FLOAT:
            self.quantiles.add_floats(values, values.view(np.uint32), scratch)
        else:
            self.quantiles.add_ints(values, scratch)

    def _add_strings(self, offsets: Array, data: Array) -> None:
        assert self.lengths is not None
        self.lengths.add(offsets)
        if self.counts is not None:
            self.counts.add_bytes(offsets, data)
        elif self.use is Use.TEXT:
            self.lengths.invalid += counting.count_invalid(offsets, data)
