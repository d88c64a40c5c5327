"""Hashes of rows: by their values alone, the same in both ways, whatever the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueserve.transforms.columnar.row_hashes import hashes_of, row_hashes

LISTS = {
    "int": (pa.large_list(pa.int64()), st.integers(-(2**63), 2**63 - 1)),
    "float": (pa.large_list(pa.float32()), st.floats(width=32)),
    "text": (pa.large_list(pa.large_binary()), st.binary(max_size=20)),
}


def columns() -> st.SearchStrategy[dict[str, list[Any]]]:
    each = {name: st.one_of(st.none(), st.lists(values, max_size=3)) for name, (_, values) in LISTS.items()}
    rows = st.lists(st.fixed_dictionaries(each), min_size=1, max_size=20)
    return rows.map(lambda drawn: {name: [row[name] for row in drawn] for name in LISTS})


def batch(values: dict[str, list[Any]]) -> pa.RecordBatch:
    arrays = [pa.array(values[name], kind) for name, (kind, _) in LISTS.items()]
    return pa.RecordBatch.from_arrays(arrays, names=list(LISTS))


def every(rows: pa.RecordBatch) -> list[int]:
    named = zip(rows.schema.names, rows.columns, strict=True)
    return [*map(int, row_hashes(named, rows.num_rows))]


@given(columns(), st.integers(0, 5), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_both_ways_give_the_same_of_any_rows(values: dict[str, list[Any]], first: int, random: Any) -> None:
    rows = batch(values).slice(min(first, len(values["int"]) - 1))
    chosen = np.array([random.randrange(rows.num_rows) for _ in range(5)], np.int64)
    expected = np.array(every(rows), np.uint64)[chosen]
    assert hashes_of(rows, LISTS.keys(), chosen).tolist() == expected.tolist()


def test_equal_rows_have_equal_hashes_and_others_do_not() -> None:
    values: dict[str, list[Any]] = {
        "int": [[1], [1], [2], [1], None],
        "float": [[0.5]] * 5,
        "text": [[b"a"]] * 3 + [[b"b"], [b"a"]],
    }
    first, second, *others = every(batch(values))
    assert first == second
    assert len({first, *others}) == 4


def test_the_order_of_columns_says_nothing_and_their_names_do() -> None:
    rows = batch({"int": [[1]], "float": [None], "text": [[b"a"]]})
    turned = pa.RecordBatch.from_arrays(rows.columns[::-1], names=rows.schema.names[::-1])
    assert every(turned) == every(rows)
    renamed = pa.RecordBatch.from_arrays(rows.columns, names=["integer", "float", "text"])
    assert every(renamed) != every(rows)


@pytest.mark.parametrize("names", [("int",), ("text", "float"), ()])
def test_only_what_is_named_counts(names: tuple[str, ...]) -> None:
    rows = batch({"int": [[1], [2]], "float": [[0.5], None], "text": [[b"a"], [b""]]})
    named = [(name, rows.column(name)) for name in names]
    assert hashes_of(rows, names, np.arange(2)).tolist() == row_hashes(named, 2).tolist()


def test_rows_without_values_and_columns_without_a_type_are_zero() -> None:
    rows = pa.RecordBatch.from_arrays([pa.nulls(2), pa.nulls(2, LISTS["text"][0])], names=["a", "b"])
    assert hashes_of(rows, ("a", "b"), np.arange(2)).tolist() == [0, 0] == every(rows)
