"""Rows with equal keys make pairs, which are counted."""

from __future__ import annotations

import numpy as np
from support.join import comparison, joined
from support.logs import example

from trueserve.transforms.joining import pairs


def test_counts_of_rows_keys_and_pairs() -> None:
    base = [example(id=[i]) for i in (1, 1, 2, 3, 4, 5)]
    test = [example(id=[i]) for i in (1, 2, 2, 3, 6, 7)] + [example(x=[1.0])]
    rows = joined(base, test, comparison(["id"])).rows
    assert (rows.examples, rows.requests, rows.examples_without_key, rows.requests_without_key) == (
        6,
        6,
        0,
        1,
    )
    assert (rows.keys, rows.keys_only_in_examples, rows.keys_only_in_requests) == (7, 2, 2)
    assert (rows.duplicate_keys, rows.duplicate_keys_in_examples, rows.duplicate_keys_in_requests) == (
        2,
        1,
        1,
    )
    assert (rows.pairs, rows.compared, rows.matched, rows.mismatched) == (5, 1, 1, 0)
    each = joined(base, test, comparison(["id"], allow_duplicates=True)).rows
    assert (each.pairs, each.compared, each.matched) == (5, 5, 5)


def test_pairs_are_those_with_equal_keys() -> None:
    numbered = pairs._counted(np.array([0, 1, 1, 2]), np.array([1, 1, 0, 3, 3]), 4)
    matches = [
        tuple(pair)
        for i, j in pairs.pairs_of(numbered, True)
        for pair in zip(i.tolist(), j.tolist(), strict=True)
    ]
    assert sorted(matches) == [(0, 2), (1, 0), (1, 1), (2, 0), (2, 1)]
    [(i, j)] = pairs.pairs_of(numbered, False)
    assert (i.tolist(), j.tolist()) == ([0], [2])
    nothing = pairs._counted(np.array([0]), np.array([1]), 2)
    assert list(pairs.pairs_of(nothing, True)) == []
