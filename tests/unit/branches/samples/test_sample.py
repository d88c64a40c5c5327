"""A sample of rows that does not hang on how the input is cut."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trueserve.transforms.branches.samples.sample import SamplePartial, read, row_hashes
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.rows.rows import metadata_of


def batch(first: int, count: int, file: str = "a/part-0", **more: list[Any]) -> Batch:
    """Rows `first`, ... of a file: `row` holds their number."""
    columns = {"row": [[i] for i in range(first, first + count)], **more}
    arrays = [pa.array(values, pa.large_list(pa.int64())) for values in columns.values()]
    metadata = metadata_of(count, file, record=pa.array(range(first, first + count), pa.int64()))
    return Batch(pa.RecordBatch.from_arrays(arrays, names=list(columns)), metadata)


def sampled(batches: Sequence[Batch], rows: int, *cover: str, ranges: int = 1) -> pa.RecordBatch | None:
    """What is kept of batches that are dealt out to so many ranges."""
    parts = [part(batches[k::ranges], rows, cover) for k in range(ranges)]
    for other in parts[1:]:
        parts[0].merge(pickle.loads(pickle.dumps(other)))
    return read(parts[0].result())


def part(batches: Sequence[Batch], rows: int, cover: tuple[str, ...]) -> SamplePartial:
    partial = SamplePartial(rows, cover)
    for each in batches:
        partial.add(each)
    return partial


def numbers(rows: pa.RecordBatch | None) -> list[int]:
    assert rows is not None
    return [row["row"][0] for row in rows.to_pylist()]


def test_the_sample_does_not_depend_on_how_the_rows_are_cut() -> None:
    uncut = sampled([batch(0, 1_000)], 20)
    parts = [batch(first, 10) for first in range(990, -10, -10)]
    moved = [Batch(each.features, batch(0, 1_000, "b/part-0").metadata) for each in [batch(0, 1_000)]]
    assert numbers(sampled(parts, 20)) == numbers(uncut)
    assert numbers(sampled(moved, 20)) == numbers(uncut), "the folder's name plays no part"
    assert len(set(numbers(uncut))) == 20
    other = sampled([batch(0, 1_000, "a/part-1")], 20)
    assert numbers(other) != numbers(uncut), "the file's name does"


@pytest.mark.parametrize("ranges", [2, 5, 40])
def test_ranges_that_are_merged_give_the_sample_of_the_whole(ranges: int) -> None:
    firsts = range(0, 1_000, 10)
    parts = [batch(first, 10, word=[[i % 7] for i in range(first, first + 10)]) for first in firsts]
    uncut = sampled(parts, 20, "word")
    assert numbers(sampled(parts, 20, "word", ranges=ranges)) == numbers(uncut)
    assert uncut is not None
    assert {row["word"][0] for row in uncut.to_pylist()} == set(range(7))


def test_a_merge_leaves_the_other_as_it_was() -> None:
    first, other = part([batch(0, 30)], 20, ()), part([batch(30, 30)], 20, ())
    before = other.result()
    first.merge(other)
    assert (other.result(), first.num_bytes > other.num_bytes) == (before, True)


def test_the_sample_is_spread_over_the_data() -> None:
    chosen = numbers(sampled([batch(0, 4_000), batch(4_000, 4_000)], 800))
    quarters = [sum(2_000 * i <= number < 2_000 * (i + 1) for number in chosen) for i in range(4)]
    # 200 expected in each; five standard deviations.
    assert all(140 < quarter < 260 for quarter in quarters)


def test_fewer_rows_than_asked_for_are_all_there() -> None:
    assert sorted(numbers(sampled([batch(0, 3), batch(3, 4)], 500))) == list(range(7))


def test_no_row_gives_no_sample() -> None:
    assert sampled([], 500) is None


def test_batches_may_lack_columns() -> None:
    kept = sampled([batch(0, 2), batch(2, 2, extra=[[7], None]), batch(4, 1)], 500)
    assert kept is not None
    rows = {row["row"][0]: row["extra"] for row in kept.to_pylist()}
    assert rows == {0: None, 1: None, 2: [7], 3: None, 4: None}


@pytest.mark.parametrize("size", [10, 50, 400, 4000])
@pytest.mark.parametrize("parts", [1, 2, 4])
def test_a_sample_of_so_many_bytes_is_the_same_however_it_is_cut(size: int, parts: int) -> None:
    """200 rows of about 1 kB are wanted, and 100 kB allowed."""
    texts = pa.array([[b"%04d" % n + b"x" * 1000] for n in range(4000)], pa.large_list(pa.large_binary()))
    rows = pa.RecordBatch.from_arrays([texts], ["t"])
    partials = [SamplePartial(200, (), 100_000) for _ in range(parts)]
    for number, start in enumerate(range(0, 4000, size)):
        partials[number % parts].add(_batch_of(rows.slice(start, size), start))
    first, *others = partials
    for other in others:
        first.merge(other)
    kept = read(first.result())
    assert kept is not None
    every = row_hashes(_batch_of(rows, 0).metadata)
    wanted = rows.take(pa.array(np.argsort(every, kind="stable")[: kept.num_rows]))
    assert kept.equals(wanted)
    assert kept.num_rows == 100_000 // (1004 + 16)


@pytest.mark.parametrize("folder", ["day=2024-01-%02d", "2024/01/%02d", "2024-01-%02dT00", "year=24/shop=%d"])
def test_files_of_partitions_have_the_same_names_and_rows_of_their_own(folder: str) -> None:
    hashes = [_hashes_of(f"/logs/{folder % day}/part-00000") for day in range(1, 29)]
    assert len(np.unique(np.concatenate(hashes))) == 28 * 100
    # Wherever the folder lies, the same rows are kept.
    assert [_hashes_of(f"gs://other/data/{folder % day}/part-00000") for day in (1, 2)] == hashes[:2]


def test_another_folder_around_a_file_is_no_other_row() -> None:
    assert _hashes_of("/here/train/part-00000") == _hashes_of("/there/moved/part-00000")
    assert _hashes_of("/here/train/part-00000") != _hashes_of("/here/train/part-00001")


def _hashes_of(file: str) -> list[int]:
    metadata = pa.RecordBatch.from_arrays([pa.array([file] * 100), pa.array(range(100))], ["file", "record"])
    return list(row_hashes(metadata).tolist())


def _batch_of(rows: pa.RecordBatch, first: int) -> Batch:
    numbers = pa.array(np.arange(first, first + rows.num_rows))
    names = pa.array(["file"] * rows.num_rows)
    return Batch(rows, pa.RecordBatch.from_arrays([names, numbers], ["file", "record"]))
