"""Rows in few bytes: the same ones however the input is cut, with the request that each is of."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from trueserve.transforms.branches.samples.row_sample import ROWS, RowSample, _hashes, _record_hashes, rows
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.rows.rows import metadata_of

ROWS_IN_ALL = 1_000


def batch(first: int, count: int, ids: Sequence[str | None] | None = None) -> Batch:
    """Rows `first`, ... of a file: `number` holds their number, `word` a text of every second one."""
    numbers = range(first, first + count)
    columns = {
        "number": pa.array([[i] for i in numbers], pa.large_list(pa.int64())),
        "word": pa.array(
            [[b"even"] if i % 2 == 0 else None for i in numbers], pa.large_list(pa.large_binary())
        ),
    }
    more = {} if ids is None else {"request_id": pa.array(ids, pa.string())}
    metadata = metadata_of(count, "part-0", record=pa.array(numbers, pa.int64()), **more)
    return Batch(pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)), metadata)


def sampled(batches: Sequence[Batch], most: int, ranges: int = 1, compact: int = 0) -> RowSample:
    """What is kept of batches that are dealt out to so many ranges."""
    parts = [RowSample(most) for _ in range(ranges)]
    for number, each in enumerate(batches):
        parts[number % ranges].add(each)
    for part in parts:
        if compact:
            part.compact(compact)
    for other in parts[1:]:
        parts[0].merge(pickle.loads(pickle.dumps(other)))
    return parts[0]


def smallest(count: int) -> list[int]:
    hashes = _hashes(_record_hashes(batch(0, ROWS_IN_ALL).metadata))
    return [int(row) for row in np.argsort(hashes)[:count]]


@pytest.mark.parametrize("size", [1, 7, 100, ROWS_IN_ALL])
@pytest.mark.parametrize("ranges", [1, 3])
def test_the_rows_with_the_smallest_hashes_are_kept_however_rows_are_cut(size: int, ranges: int) -> None:
    batches = [batch(first, min(size, ROWS_IN_ALL - first)) for first in range(0, ROWS_IN_ALL, size)]
    result = sampled(batches, 64, ranges).result()
    numbers = result.columns["number"]
    assert numbers.values.tolist() == smallest(64)
    assert numbers.present.all()
    assert result.columns["word"].present.tolist() == [number % 2 == 0 for number in smallest(64)]
    assert result.num_rows == ROWS_IN_ALL
    assert len(set(result.groups.tolist())) == 64


def test_fewer_rows_than_are_kept_are_all_kept() -> None:
    assert sorted(sampled([batch(0, 10)], 64).result().columns["number"].values.tolist()) == list(range(10))
    nothing = RowSample(64).result()
    assert (nothing.columns, len(nothing.groups), nothing.num_rows) == ({}, 0, 0)


def test_rows_of_a_request_id_are_of_a_group() -> None:
    result = sampled([batch(0, 6, ["a", "b", "a", None, None, "b"])], 64).result()
    by_number = dict(
        zip(result.columns["number"].values.astype(int).tolist(), result.groups.tolist(), strict=True)
    )
    assert by_number[0] == by_number[2] != by_number[1] == by_number[5]
    assert len(set(by_number.values())) == 4


def test_of_many_ranges_each_keeps_few_and_together_they_are_the_smallest() -> None:
    batches = [batch(first, 100) for first in range(0, ROWS_IN_ALL, 100)]
    part = sampled(batches[:1], 640)
    before = part.num_bytes
    part.compact(16)
    assert part.num_bytes < before
    numbers = (
        sampled(batches, 640, ranges=10, compact=16).result().columns["number"].values.astype(int).tolist()
    )
    assert 300 < len(numbers) <= 640
    assert numbers == smallest(len(numbers))


def test_rows_of_one_large_record_are_kept_in_part_and_are_of_one_group() -> None:
    records = pa.array([7] * ROWS_IN_ALL, pa.int64())
    columns = batch(0, ROWS_IN_ALL).features
    whole_record = Batch(columns, metadata_of(ROWS_IN_ALL, "part-0", record=records))
    result = sampled([whole_record], 64).result()
    assert len(result.columns["number"].values) == 64
    assert len(set(result.groups.tolist())) == 1


def test_files_of_one_name_in_several_folders_have_rows_of_their_own() -> None:
    def of_folder(hour: int) -> Batch:
        record = pa.array(range(10), pa.int64())
        return Batch(batch(10 * hour, 10).features, metadata_of(10, f"hour={hour}/part-0", record=record))

    result = sampled([of_folder(hour) for hour in range(100)], 64).result()
    assert len(set(result.groups.tolist())) == 64


def test_wide_rows_are_fewer() -> None:
    [(narrow, _), (wide, _)] = ([rows(count)._kind, 0] for count in (20, 4_000))
    assert narrow == wide == (ROWS, 0)
    assert rows(20)._new()._most > rows(4_000)._new()._most >= 64  # type: ignore[attr-defined]
