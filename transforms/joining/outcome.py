"""All that a join puts out, as one kind of element: what was joined, and how both sides were read."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from trueserve.transforms.core import accounting
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Fault, Reject
from trueserve.transforms.joining import counts, report
from trueserve.transforms.joining.counts import Joined
from trueserve.transforms.joining.piece import Side

# Rejects and faults that are told of, on each side.
KEPT = 3


class SideOutput(NamedTuple):
    """What reading one side put out beside its batches."""

    side: Side
    item: Accounting | Reject | Fault


Element = Joined | SideOutput


def compact(elements: Iterable[Element], samples: int) -> list[Element]:
    """A few elements that say the same, but for rejects and faults beyond the first of each side."""
    everything = list(elements)
    parts = (element for element in everything if isinstance(element, Joined))
    result: list[Element] = [counts.total(parts, samples)]
    for side in Side:
        items = _items(everything, side)
        result.append(SideOutput(side, accounting.total(i for i in items if isinstance(i, Accounting))))
        for kind in (Reject, Fault):
            first = heapq.nsmallest(KEPT, (item for item in items if isinstance(item, kind)), key=_sort_key)
            result += [SideOutput(side, item) for item in first]
    return result


def to_json(elements: Iterable[Element], samples: int) -> dict[str, Any]:
    """What compacting leaves, for the launcher: `report.to_json`, and `reading` by side."""
    compacted = compact(elements, samples)
    (joined,) = (element for element in compacted if isinstance(element, Joined))
    reading = {side.name.lower(): reading_of(_items(compacted, side)) for side in Side}
    return {**report.to_json(joined), "reading": reading}


def _items(elements: Iterable[Element], side: Side) -> list[Accounting | Reject | Fault]:
    return [output.item for output in elements if isinstance(output, SideOutput) and output.side is side]


def reading_of(items: Sequence[Accounting | Reject | Fault]) -> Mapping[str, Any]:
    """How one side was read: the counts of its one accounting, and its first troubles as text."""
    (total,) = (item for item in items if isinstance(item, Accounting))
    rejects = [item for item in items if isinstance(item, Reject)]
    return {
        "counts": report.reading(total),
        "unaccounted": total.balance(),
        "faults": [str(item) for item in items if isinstance(item, Fault)],
        "rejects": [f"{reject.file}, record {reject.record}: {reject.detail}" for reject in rejects],
    }


def _sort_key(item: Reject | Fault) -> tuple[str, int]:
    position = item.record if isinstance(item, Reject) else item.offset
    return item.file, -1 if position is None else position
