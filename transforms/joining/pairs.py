"""Which rows of a partition have the same key, how many there are, and which pairs they make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from trueserve.transforms.joining.cells import cells_of
from trueserve.transforms.joining.counts import RowCounts
from trueserve.transforms.joining.keys import number_keys
from trueserve.transforms.joining.rows import SideRows
from trueserve.transforms.logs.features import Array

# Pairs that are compared at once.
AT_ONCE = 1 << 20


class Numbered(NamedTuple):
    """The number of each row's key on both sides, and how often each key stands on them."""

    base: Array
    test: Array
    base_counts: Array
    test_counts: Array


def number_rows(base: SideRows, test: SideRows) -> Numbered:
    """Numbers the keys of both sides; either may have no row."""
    # A side without rows has no columns either; it takes those of the other.
    keys = [
        side.keys or [column.slice(0, 0) for column in other.keys]
        for side, other in ((base, test), (test, base))
    ]
    key_cells = [[cells_of(column) for column in columns] for columns in keys]
    base_numbers, test_numbers, distinct = number_keys(key_cells, [base.hashes, test.hashes])
    return _counted(base_numbers, test_numbers, distinct)


def _counted(base: Array, test: Array, distinct: int) -> Numbered:
    often = (np.bincount(numbers, minlength=distinct) for numbers in (base, test))
    return Numbered(base, test, *often)


def row_counts(numbered: Numbered) -> RowCounts:
    """Rows, keys and pairs, before any pair is compared."""
    base, test = numbered.base_counts, numbered.test_counts

    def count(mask: Array) -> int:
        return int(np.count_nonzero(mask))

    return RowCounts(
        examples=int(base.sum()),
        requests=int(test.sum()),
        keys=len(base),
        keys_only_in_examples=count(test == 0),
        keys_only_in_requests=count(base == 0),
        duplicate_keys=count((base > 1) | (test > 1)),
        duplicate_keys_in_examples=count(base > 1),
        duplicate_keys_in_requests=count(test > 1),
        pairs=int((base * test).sum()),
    )


def pairs_of(numbered: Numbered, allow_duplicates: bool) -> Iterator[tuple[Array, Array]]:
    """The rows of both sides that are pairs, `AT_ONCE` at most; of a duplicate key each with each."""
    base, test = numbered.base_counts, numbered.test_counts
    keys = np.flatnonzero((base > 0) & (test > 0) if allow_duplicates else (base == 1) & (test == 1))
    ends = np.cumsum(base[keys] * test[keys])
    total = int(ends[-1]) if len(ends) else 0
    orders = np.argsort(numbered.base, kind="stable"), np.argsort(numbered.test, kind="stable")
    starts = np.cumsum(base) - base, np.cumsum(test) - test
    for first in range(0, total, AT_ONCE):
        pair = np.arange(first, min(first + AT_ONCE, total))
        at = np.searchsorted(ends, pair, side="right")
        key = keys[at]
        within, num_test = pair - (ends[at] - base[key] * test[key]), test[key]
        yield orders[0][starts[0][key] + within // num_test], orders[1][starts[1][key] + within % num_test]
