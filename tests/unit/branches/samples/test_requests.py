"""Whole requests are kept, the same however the rows are cut."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ranking import OF_USER, Traffic, traffic

from benchmarks import in_memory
from trueserve.transforms.branches.samples import requests
from trueserve.transforms.branches.samples.requests import RequestsPartial, groups_of
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch

Array = np.ndarray[Any, Any]


def metadata(record: Array, ids: list[str | None] | None = None) -> pa.RecordBatch:
    columns = {field.name: pa.nulls(len(record), field.type) for field in METADATA_SCHEMA}
    columns |= {"file": pa.array(["log"] * len(record)), "record": pa.array(record, pa.int64())}
    if ids is not None:
        columns["request_id"] = pa.array(ids, pa.string())
    return pa.RecordBatch.from_arrays([*columns.values()], schema=METADATA_SCHEMA)


def batch(rows: Traffic, start: int = 0, end: int | None = None) -> Batch:
    columns = {name: values[start:end] for name, values in rows.columns.items()}
    return Batch(in_memory.batch(columns), metadata(rows.request[start:end]))


def test_rows_of_one_record_are_a_group() -> None:
    groups = groups_of(metadata(np.array([4, 4, 5, 6, 6])))
    assert groups is not None
    assert [*np.unique(groups, return_counts=True)[1]] != [1] * 5
    assert groups[0] == groups[1] != groups[2]
    assert groups[3] == groups[4]


def test_rows_of_one_id_are_a_group_wherever_they_stand() -> None:
    groups = groups_of(metadata(np.arange(5), ["a", None, "a", "b", None]))
    assert groups is not None
    assert groups[0] == groups[2]
    assert len({*groups.tolist()}) == 4


@pytest.mark.parametrize("ids", [None, ["a", "b", None, None]])
def test_requests_of_one_row_are_no_groups(ids: list[str | None] | None) -> None:
    assert groups_of(metadata(np.arange(4), ids)) is None


@given(st.lists(st.integers(1, 1199), max_size=5), st.permutations(range(3)))
def test_however_rows_are_cut_and_merged_the_effects_are_the_same(cuts: list[int], order: list[int]) -> None:
    rows = traffic(1, 60)
    bounds = [0, *sorted({*cuts}), len(rows.request)]
    parts = [RequestsPartial() for _ in range(3)]
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        parts[number % 3].add(batch(rows, start, end))
    merged = RequestsPartial()
    for number in order:
        merged.merge(pickle.loads(pickle.dumps(parts[number])))
    at_once = RequestsPartial()
    at_once.add(batch(rows))
    effects, wanted = merged.result(), at_once.result()
    assert set(wanted) == {*OF_USER}
    assert set(effects) == set(wanted)
    # A row that is alone in its part is taken for a request of its own.
    assert all(effects[name].values == pytest.approx(wanted[name].values, rel=0.02) for name in wanted)


def test_of_many_requests_some_are_kept_whole() -> None:
    rows = traffic(2, 2000)
    part = RequestsPartial()
    for start in range(0, len(rows.request), 3000):
        part.add(batch(rows, start, start + 3000))
    sent: RequestsPartial = pickle.loads(pickle.dumps(part))
    assert sent.num_bytes < 2 * requests.MOST_BYTES
    effects = sent.result()
    assert set(effects) == {*OF_USER}
    assert 20 < min(effect.values for effect in effects.values()) < 30


def test_rows_of_logs_without_groups_are_not_kept() -> None:
    part = RequestsPartial()
    rows = traffic(3, 100)
    part.add(Batch(batch(rows).features, metadata(np.arange(len(rows.request)))))
    assert part.num_bytes == 0
    assert part.result() == {}
