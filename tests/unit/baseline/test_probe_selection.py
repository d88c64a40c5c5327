"""Which rows become probes: those at edges and at the ends of vocabularies, then others up to the count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trueserve.transforms.baseline import probe_selection
from trueserve.transforms.baseline.probe_selection import MAX_EDGES, Pool


def column(values: Sequence[Any], kind: Any) -> Any:
    lists = [value if isinstance(value, list) else None if value is None else [value] for value in values]
    return pa.array(lists, pa.large_list(kind))


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def pool(numbers: Sequence[Any], ids: Sequence[Any], kind: Any = None, raw: Sequence[str] = ("x",)) -> Pool:
    rows = batch(x=column(numbers, kind or pa.float32()))
    return Pool(rows, batch(b=column(ids, pa.int64())), {"b": raw}, ["x"])


def edges(made: Pool) -> list[tuple[list[int], list[int]]]:
    return [(edge.below.tolist(), edge.above.tolist()) for edge in probe_selection.edges(made)]


def test_an_edge_is_between_neighbours_in_the_order_of_the_numbers() -> None:
    [edge] = probe_selection.edges(pool([5, 1, 4, 2], [1, 0, 1, 0]))
    assert (edge.feature, edge.output) == ("x", "b")
    # 2 is in row 3, 4 in row 2.
    assert (edge.below.tolist(), edge.above.tolist()) == ([3], [2])
    assert edges(pool([1, 2, 3], [7, 7, 7])) == [([], [])]
    assert edges(pool([1, 2], [0, 1], pa.int64())) == [([0], [1])]


def test_rows_of_no_value_or_of_several_and_numbers_without_an_end_make_no_edge() -> None:
    assert edges(pool([1, [2, 3], None, 4], [0, 5, 6, 1])) == [([0], [3])]
    assert edges(pool([1, 2, 3], [0, [5, 6], 1])) == [([0], [2])]
    assert edges(pool([1, 2, np.inf], [0, 1, 2])) == [([0], [1])]
    assert edges(pool([-np.inf, 1, np.nan], [0, 1, 2])) == [([], [])]


def test_outputs_of_several_features_of_words_and_of_floats_have_no_edge() -> None:
    assert edges(pool([1, 2], [0, 1], raw=("x", "y"))) == []
    assert edges(pool([1, 2], [0, 1], raw=("y",))) == []
    assert edges(pool([b"a", b"b"], [0, 1], pa.large_binary())) == []
    floats = pool([1, 2], [0, 1])._replace(transformed=batch(b=column([0, 1], pa.float32())))
    assert edges(floats) == []
    assert edges(pool([1, 2], [0, 1])._replace(transformed=batch(c=column([0, 1], pa.int64())))) == []


@pytest.mark.parametrize(("count", "kept"), [(16, 16), (17, 16), (100, 16)])
def test_of_more_than_sixteen_edges_the_first_and_the_last_and_some_between(count: int, kept: int) -> None:
    [(below, above)] = edges(pool(range(count + 1), range(count + 1)))
    assert (len(below), below[0], above[-1]) == (kept, 0, count)
    assert [high - low for low, high in zip(below, above, strict=True)] == [1] * MAX_EDGES


def test_ids_at_the_ends_and_near_nought_are_probes() -> None:
    ids = [9, 3, 4, 9, -5, -1, 0, 1, 8, 7, [2, 6]]
    made = batch(b=column(ids, pa.int64()), f=column(range(11), pa.float32()))
    # The lowest, the two highest, -1, 0 and 1, each where it comes first.
    assert sorted(probe_selection._ids(made)) == [0, 4, 5, 6, 7, 8]


def test_as_many_are_chosen_as_were_asked_for_the_first_of_the_others_last() -> None:
    made = pool([float(i) for i in range(100)], [int(i >= 50) for i in range(100)])
    chosen = probe_selection.choose(made, 20).tolist()
    assert (len(chosen), len(set(chosen)), chosen) == (20, 20, sorted(chosen))
    assert {49, 50} <= {*chosen}
    assert probe_selection.choose(made, 200).tolist() == list(range(100))
    # Four fifths cover at most; the fifth is the first row that does not.
    covering = [int(i) for part in probe_selection._by_importance(made) for i in part]
    first = list(dict.fromkeys(covering))[:4]
    other = next(i for i in range(100) if i not in first)
    assert probe_selection.choose(made, 5).tolist() == sorted([*first, other])


def test_a_column_by_its_name() -> None:
    rows = batch(a=column([1], pa.int64()), b=column([2], pa.int64()))
    assert probe_selection.column_of(rows, "a").to_pylist() == [[1]]
    assert probe_selection.column_of(rows, "c") is None
