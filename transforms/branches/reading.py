"""How reading went: the counts of all records, and the first that were rejected, and the faults."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterable
from typing import TypeVar

from trueserve.transforms.branches.partial import Kind, Partial
from trueserve.transforms.branches.ranges_read import Numbering, RangesRead
from trueserve.transforms.core import accounting
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Decoded, Element, Fault, InRange, Reject, decoded_of

READING: Kind = ("reading", 0)
#: So many rejects and so many faults are kept, the first by file and position.
KEPT = 1000
#: A kept payload is there to be looked at; a thousand of them must fit into a worker's memory.
KEPT_PAYLOAD = 64 * 1024
# So many accountings wait before they are summed.
_UNSUMMED = 100

T = TypeVar("T", Reject, Fault)


@dataclasses.dataclass(frozen=True)
class ReadSummary:
    """How reading went: the counts of all, and the first faults and rejects by place.

    Attributes:
      numbering: of the files that were read in ranges.
    """

    accounting: Accounting
    faults: tuple[Fault, ...] = ()
    rejects: tuple[Reject, ...] = ()
    numbering: Numbering = dataclasses.field(default_factory=Numbering)


@dataclasses.dataclass
class Reading(Partial):
    """Accountings, rejects and faults, as they are met; what is kept of them is bounded.

    Rejects of ranges have the numbers that their ranges give them.
    """

    accountings: list[Accounting] = dataclasses.field(default_factory=list)
    rejects: list[Reject] = dataclasses.field(default_factory=list)
    faults: list[Fault] = dataclasses.field(default_factory=list)
    ranges: RangesRead = dataclasses.field(default_factory=RangesRead)

    def add(self, element: Element | Accounting | Reject) -> None:
        """Takes something that was read, or its account."""
        match element:
            case InRange():
                self.ranges.add(element)
                if (decoded := decoded_of(element)) is not None:
                    self.rejects += map(_cut, decoded.rejects)
            case Decoded():
                self.accountings.append(element.accounting)
                self.rejects += map(_cut, element.rejects)
            case Accounting():
                self.accountings.append(element)
            case Reject():
                self.rejects.append(_cut(element))
            case Fault():
                self.faults.append(element)
        self._bound()

    def merge(self, other: Reading) -> None:
        self.accountings += other.accountings
        self.rejects += other.rejects
        self.faults += other.faults
        self.ranges.merge(other.ranges)
        self._bound()

    def result(self) -> ReadSummary:
        accountings, faults, numbering = self.ranges.result()
        rejects = [numbered for reject in self.rejects if (numbered := numbering.of_reject(reject))]
        return ReadSummary(
            accounting.total([*self.accountings, *accountings]),
            tuple(_first([*self.faults, *faults])),
            tuple(_first(rejects)),
            numbering,
        )

    def __getstate__(self) -> dict[str, object]:
        # What goes to another worker is as small as it can be.
        self.ranges.join()
        return {
            "accountings": [accounting.total(self.accountings)],
            "rejects": _first(self.rejects),
            "faults": _first(self.faults),
            "ranges": self.ranges,
        }

    def _bound(self) -> None:
        if len(self.accountings) >= _UNSUMMED:
            self.accountings = [accounting.total(self.accountings)]
        # Cutting at twice the limit costs little for each element.
        if len(self.rejects) >= 2 * KEPT:
            self.rejects = _first(self.rejects)
        if len(self.faults) >= 2 * KEPT:
            self.faults = _first(self.faults)


def _first(elements: Iterable[T]) -> list[T]:
    return heapq.nsmallest(KEPT, elements, key=_sort_key)


def _sort_key(element: Reject | Fault) -> tuple[str, int, str, str]:
    position = element.record if isinstance(element, Reject) else element.offset
    return (element.file, -1 if position is None else position, element.reason, element.detail)


def _cut(reject: Reject) -> Reject:
    if reject.payload is None or len(reject.payload) <= KEPT_PAYLOAD:
        return reject
    detail = f"{reject.detail} (the first {KEPT_PAYLOAD:,} of {len(reject.payload):,} bytes are kept)"
    return dataclasses.replace(reject, detail=detail, payload=reject.payload[:KEPT_PAYLOAD])
