"""The rows of a batch that a function refuses, found by halving it; bounded work, nothing else lost."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.core.arrow import pa

# How often the function is called for one batch, at most. One bad row of 8192 takes 26 calls, ten that are
# far apart some 200; of a hundred, the last halvings are left undone.
MAX_CALLS = 1024
# After so many calls of which none went well, as many single rows as `SAMPLE` are tried: if most of them are
# bad too, nothing more is sought, as each further call would be for little.
MAX_IN_VAIN = 32
SAMPLE = 16


Refusals = tuple[type[Exception], ...]


class Applied(NamedTuple):
    """What was made of the rows that are not refused, and a mask of those."""

    rows: pa.Table | None
    taken: np.ndarray[Any, np.dtype[np.bool_]]


def apply_in_parts(
    function: Callable[[pa.RecordBatch], pa.RecordBatch], batch: pa.RecordBatch, refusals: Refusals
) -> Applied:
    """Applies a function that has raised one of `refusals` for `batch` to parts of it.

    Parts that raise are halved, the largest first, down to single rows. After `MAX_CALLS` calls, or when
    most rows are bad, what is left is refused as a whole, good rows in it too. `rows` are in the order of
    the batch; it is None if there is none.
    """
    waiting = _halves(0, batch.num_rows)
    heapq.heapify(waiting)
    done: dict[int, pa.RecordBatch] = {}
    taken = np.zeros(batch.num_rows, dtype=bool)
    calls = 0
    while waiting and calls < MAX_CALLS:
        if calls == MAX_IN_VAIN and not done and _most_are_bad(function, batch, refusals):
            break
        size, start = heapq.heappop(waiting)
        calls += 1
        try:
            done[start] = function(batch.slice(start, -size))
        except refusals:
            for half in _halves(start, -size):
                heapq.heappush(waiting, half)
        else:
            taken[start : start - size] = True
    return Applied(pa.Table.from_batches([done[start] for start in sorted(done)]) if done else None, taken)


def _most_are_bad(
    function: Callable[[pa.RecordBatch], pa.RecordBatch], batch: pa.RecordBatch, refusals: Refusals
) -> bool:
    bad = 0
    for row in np.linspace(0, batch.num_rows - 1, SAMPLE, dtype=int):
        try:
            function(batch.slice(int(row), 1))
        except refusals:
            bad += 1
    return 2 * bad > SAMPLE


def _halves(start: int, size: int) -> list[tuple[int, int]]:
    """The halves of a part as (size, start), negative so that a heap gives the largest; [] of one row."""
    half = size // 2
    return [(-half, start), (half - size, start + half)] if half else []
