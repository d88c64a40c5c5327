"""All that a join puts out, as one kind of element: what was joined, and how both sides were read."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from transforms.core import accounting
from transforms.core.accounting import Accounting
from transforms.core.batches import Fault, Reject
from transforms.joining import counts, report
from transforms.joining.counts import Joined
from transforms.joining.piece import Side

# Rejects and faults that are told of, on each side.
KEPT = 3


class SideOutput(NamedTuple):
    """What reading one side put out beside its batches."""

    side: Side
    what: Accounting | Reject | Fault


Element = Joined | SideOutput


def compact(elements: Iterable[Element], samples: int) -> list[Element]:
    """A few elements that say the same, but for rejects and faults beyond the first of each side."""
    found = list(elements)
    result: list[Element] = [counts.total((one for one in found if isinstance(one, Joined)), samples)]
    for side in Side:
        told = [one.what for one in found if isinstance(one, SideOutput) and one.side is side]
        result.append(SideOutput(side, accounting.total(one for one in told if isinstance(one, Accounting))))
        for kind in (Reject, Fault):
            first = heapq.nsmallest(KEPT, (one for one in told if isinstance(one, kind)), key=_place)
            result += [SideOutput(side, one) for one in first]
    return result


def to_json(elements: Iterable[Element], samples: int) -> dict[str, Any]:
    """What compacting leaves, for the launcher: `report.found`, and `reading` by side."""
    compacted = compact(elements, samples)
    (joined,) = (one for one in compacted if isinstance(one, Joined))
    of_sides = [one for one in compacted if isinstance(one, SideOutput)]
    reading = {side.name.lower(): reading_of([o.what for o in of_sides if o.side is side]) for side in Side}
    return {**report.found(joined), "reading": reading}


def reading_of(told: Sequence[Accounting | Reject | Fault]) -> Mapping[str, Any]:
    """How one side was read: the counts of its one accounting, and its first troubles as text."""
    (total,) = (one for one in told if isinstance(one, Accounting))
    rejects = [one for one in told if isinstance(one, Reject)]
    return {
        "counts": report.reading(total),
        "unaccounted": total.balance(),
        "faults": [str(one) for one in told if isinstance(one, Fault)],
        "rejects": [f"{one.file}, record {one.record}: {one.detail}" for one in rejects],
    }


def _place(what: Reject | Fault) -> tuple[str, int]:
    place = what.record if isinstance(what, Reject) else what.offset
    return what.file, -1 if place is None else place
