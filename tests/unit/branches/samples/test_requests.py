"""Some requests are kept, the same however the rows are cut."""

from __future__ import annotations

import functools
import itertools
import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ranking import OF_USER, Traffic, traffic

from benchmarks import in_memory
from trueserve.transforms.branches.samples import groups
from trueserve.transforms.branches.samples.requests import RequestsPartial
from trueserve.transforms.core.batches import METADATA_SCHEMA, Batch

Array = np.ndarray[Any, Any]


def metadata(record: Array, ids: list[str | None] | None = None) -> pa.RecordBatch:
    columns = {field.name: pa.nulls(len(record), field.type) for field in METADATA_SCHEMA}
    columns |= {"file": pa.array(["log"] * len(record), pa.string()), "record": pa.array(record, pa.int64())}
    if ids is not None:
        columns["request_id"] = pa.array(ids, pa.string())
    return pa.RecordBatch.from_arrays([*columns.values()], schema=METADATA_SCHEMA)


def batch(rows: Traffic, start: int = 0, end: int | None = None) -> Batch:
    columns = {name: values[start:end] for name, values in rows.columns.items()}
    return Batch(in_memory.batch(columns), metadata(rows.request[start:end]))


def groups_of(record: Array, ids: list[str | None] | None = None) -> tuple[Array, Array, Array, Array]:
    """Places and groups of rows of records, then of rows of ids."""
    values = in_memory.batch({"x": np.arange(len(record)).astype(np.float32)})
    of_records, of_ids, *_ = groups.groups_of(Batch(values, metadata(record, ids)))
    return *of_records, *of_ids


def test_rows_of_one_record_are_a_group() -> None:
    rows, of_records, others, _ = groups_of(np.array([4, 4, 5, 6, 6]), [*"abcde"])
    assert rows.tolist() == [0, 1, 3, 4]
    assert of_records[0] == of_records[1]
    assert of_records[2] == of_records[3] != of_records[0]
    assert others.tolist() == [2]


def test_other_rows_of_one_id_are_a_group_wherever_they_stand() -> None:
    rows, _, others, of_ids = groups_of(np.arange(5), ["a", None, "a", "b", None])
    assert not len(rows)
    assert others.tolist() == [0, 2, 3]
    assert of_ids[0] == of_ids[1] != of_ids[2]


def test_ids_are_told_apart_by_any_part_of_them() -> None:
    ids = [f"{'x' * first}{letter}{'y' * (30 - first)}" for first in (0, 15, 29) for letter in "ab"]
    *_, of_ids = groups_of(np.arange(len(ids) + 2), [*ids, "", "x"])
    assert len({*of_ids.tolist()}) == len(ids) + 2


def test_an_id_is_the_same_wherever_it_stands() -> None:
    *_, first = groups_of(np.arange(3), ["", "ä-7", "request 12"])
    *_, second = groups_of(np.arange(3), ["request 12", None, "ä-7"])
    assert first[[2, 1]].tolist() == second.tolist()


def test_records_of_one_number_in_copies_of_a_table_are_two() -> None:
    """Each copy of a reader of a table counts from 0."""
    first = in_memory.batch({"x": np.array([1, 2], np.float32)})
    second = in_memory.batch({"x": np.array([3, 4], np.float32)})
    record = metadata(np.array([7, 7]))
    hashes = {int(groups.groups_of(Batch(rows, record)).of_records[1][0]) for rows in (first, second)}
    assert len(hashes) == 2


def test_wherever_a_log_lies_its_groups_are_the_same() -> None:
    rows = in_memory.batch({"x": np.array([1, 2], np.float32)})
    of_records = []
    for folder in ("/logs/", "s3://bucket/", ""):
        record = metadata(np.array([7, 7]))
        files = pa.array([f"{folder}log-1"] * 2, pa.string())
        index = record.schema.get_field_index("file")
        columns = [files if i == index else column for i, column in enumerate(record.columns)]
        moved = pa.RecordBatch.from_arrays(columns, schema=record.schema)
        of_records.append(groups.groups_of(Batch(rows, moved)).of_records[1].tolist())
    assert of_records[0] == of_records[1] == of_records[2]


@pytest.mark.parametrize("rows", [0, 4])
def test_requests_of_one_row_are_no_groups(rows: int) -> None:
    of_records, _, of_ids, _ = groups_of(np.arange(rows))
    assert (len(of_records), len(of_ids)) == (0, 0)


def test_few_ids_are_no_requests() -> None:
    """A constant, or the names of some clients."""
    rows = traffic(1, 300)
    for ids in (["same"] * len(rows.request), [f"client {number % 50}" for number in rows.request]):
        part = RequestsPartial()
        part.add(Batch(batch(rows).features, metadata(np.arange(len(rows.request)), [*ids])))
        assert part.result() == {}


def test_ids_that_lie_apart_are_groups() -> None:
    rows = traffic(1, 300)
    order = np.random.default_rng(0).permutation(len(rows.request))
    part = RequestsPartial()
    for start in range(0, len(order), 500):
        chosen = order[start : start + 500]
        columns = {name: values[chosen] for name, values in rows.columns.items()}
        ids: list[str | None] = [f"request {number}" for number in rows.request[chosen]]
        part.add(Batch(in_memory.batch(columns), metadata(np.arange(start, start + len(chosen)), ids)))
    assert set(part.result()) == {*OF_USER}


@given(st.lists(st.integers(1, 1199), max_size=5), st.permutations(range(3)))
@settings(max_examples=30, deadline=None)
def test_however_rows_are_cut_and_merged_the_effects_are_alike(cuts: list[int], order: list[int]) -> None:
    rows = traffic(1, 60)
    bounds = [0, *sorted({min(cut, len(rows.request) - 1) for cut in cuts}), len(rows.request)]
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
    # A record that is cut is taken for two.
    assert all(effects[name].values == pytest.approx(wanted[name].values, rel=0.1) for name in wanted)


@functools.cache
def of_all_at_once() -> Any:
    at_once = RequestsPartial()
    at_once.add(batch(traffic(5, 3000)))
    return at_once.result()


@given(st.permutations(range(4)), st.lists(st.integers(20, 50_000), max_size=6))
@settings(max_examples=10, deadline=None)
def test_of_more_requests_than_are_kept_the_same_are(order: list[int], cuts: list[int]) -> None:
    rows = traffic(5, 3000)
    edges = np.flatnonzero(np.diff(rows.request)) + 1
    bounds = [0, *sorted({int(edges[np.searchsorted(edges, cut) - 1]) for cut in cuts}), len(rows.request)]
    parts = [RequestsPartial() for _ in range(4)]
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        parts[number % 4].add(batch(rows, start, end))
    merged = RequestsPartial()
    for number in order:
        merged.merge(parts[number])
    assert merged.result() == of_all_at_once()


def test_of_many_requests_some_are_kept() -> None:
    rows = traffic(2, 4000)
    part = RequestsPartial()
    for start in range(0, len(rows.request), 3000):
        part.add(batch(rows, start, start + 3000))
    sent: RequestsPartial = pickle.loads(pickle.dumps(part))
    assert sent.num_bytes < 1 << 19
    effects = sent.result()
    assert set(effects) == {*OF_USER}
    assert 20 < min(effect.values for effect in effects.values()) < 23


def test_of_wide_rows_fewer_requests_are_kept() -> None:
    rng, request = np.random.default_rng(3), np.repeat(np.arange(200), 10)
    users = rng.normal(size=(200, 1500)).astype(np.float32)[request]
    part = RequestsPartial(50)
    for start in range(0, 2000, 500):
        rows = users[start : start + 500]
        columns = {f"x{number}": rows[:, number] for number in range(1500)}
        part.add(batch(Traffic(columns, request[start : start + 500])))
    effects = part.result()
    assert part.num_bytes < 50 * 8 * (1500 * 5 + 32)
    assert len(effects) == 1500
    assert min(effect.values for effect in effects.values()) == pytest.approx(10.0)


def test_rows_of_logs_without_groups_are_not_kept() -> None:
    part = RequestsPartial()
    rows = traffic(3, 100)
    part.add(Batch(batch(rows).features, metadata(np.arange(len(rows.request)))))
    assert part.num_bytes == 0
    assert part.result() == {}
