"""What a branch is, and how all that were asked for run over one range."""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from trueserve.transforms.branches.partial import Kind, Partial, RowsPartial
from trueserve.transforms.branches.reading import READING, Reading
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Batch, Element, decoded_of

PartialResults: TypeAlias = Iterator[tuple[Kind, Partial]]


class Branch(abc.ABC):
    """Something to find out about the rows of a range. It is pickled before its first `start`."""

    @abc.abstractmethod
    def start(self) -> None:
        """Begins a range; nothing of the one before is kept."""

    @abc.abstractmethod
    def add(self, batch: Batch) -> None:
        """Takes the next rows of the range."""

    @abc.abstractmethod
    def result(self) -> PartialResults:
        """What was found in the range. A kind has a partial result even if there was no row."""


class Single(Branch):
    """A branch with one partial result, which `new` makes and to which every batch is added."""

    def __init__(self, kind: Kind, new: Callable[[], RowsPartial]) -> None:
        self._kind, self._new = kind, new

    def start(self) -> None:
        self._partial = self._new()

    def add(self, batch: Batch) -> None:
        self._partial.add(batch)

    def result(self) -> PartialResults:
        partial = self._partial
        # It may be large, and is not this branch's any more: nothing is kept until the next range.
        del self._partial
        yield self._kind, partial


class Fork(Branch):
    """A branch whose batches, changed in some way, go to several others.

    Attributes:
      forms: rows of the range that are counted besides, see `Accounting.forms`.
    """

    def __init__(self, branches: Sequence[Branch]) -> None:
        self._branches = tuple(branches)

    def start(self) -> None:
        self.forms: Counter[tuple[str, str]] = Counter()
        for branch in self._branches:
            branch.start()

    def add(self, batch: Batch) -> None:
        for branch in self._branches:
            branch.add(batch)

    def result(self) -> PartialResults:
        for branch in self._branches:
            yield from branch.result()
        if forms := +self.forms:
            yield READING, Reading([Accounting(forms=forms)])


def examine(elements: Iterable[Element], branches: Sequence[Branch], *, compact: int = 0) -> PartialResults:
    """Runs the branches over what was read of ranges, and accounts for all of it.

    If `compact` is given, results are made small (`Partial.compact`), in a job of so many ranges that the
    errors of all cancel.
    """
    reading, fork = Reading(), Fork(branches)
    fork.start()
    for element in elements:
        reading.add(element)
        if (decoded := decoded_of(element)) is not None and decoded.batch is not None:
            fork.add(decoded.batch)
    yield READING, reading
    for kind, partial in fork.result():
        if compact:
            partial.compact(compact)
        yield kind, partial
