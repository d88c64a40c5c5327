"""Slices and windows of a batch: their names, their rows, and how long they last."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import pyarrow as pa
import pytest

from trueserve.transforms.core import slicing
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.rows.rows import metadata_of

START = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def batch(times: list[dt.datetime | None], **columns: Any) -> Batch:
    arrays = columns or {"x": pa.array([[n] for n in range(len(times))], pa.large_list(pa.int64()))}
    features = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
    metadata = metadata_of(
        len(times),
        "log",
        time=pa.array(times, pa.timestamp("us", tz="UTC")),
        version=pa.array([str(n % 2) if n else None for n in range(len(times))], pa.string()),
    )
    return Batch(features, metadata)


def rows(part: Batch) -> list[int]:
    return [row[0] for row in part.features.column(0).to_pylist()]


def labels(made: Batch, *names: str) -> list[str]:
    [column] = slicing.marks(slicing.marked(made, [names]).metadata)
    return [str(label) for label in column.to_pylist()]


def windows(*offsets: dt.timedelta) -> dict[int, list[int]]:
    made = batch([START + offset for offset in offsets])
    return {number: rows(part) for number, part in slicing.by_window(made, START, HOUR)}


def test_rows_lie_in_half_open_windows_counted_from_the_start() -> None:
    microsecond = dt.timedelta(microseconds=1)
    assert windows(0 * HOUR, HOUR - microsecond, HOUR, 5 * HOUR) == {0: [0, 1], 1: [2], 5: [3]}
    assert windows(5 * HOUR, 5 * HOUR + microsecond) == {5: [0, 1]}


def test_a_batch_has_a_column_for_each_slicing() -> None:
    made = batch([START, START + HOUR, None])
    assert slicing.marked(made, []) is made
    assert slicing.marks(made.metadata) == []
    marked = slicing.marked(made, [("version",), ("hour", "version")])
    assert len(slicing.marks(marked.metadata)) == 2
    assert labels(made, "day") == ["day=2013-02-01", "day=2013-02-01", f"day={slicing.MISSING}"]
    assert labels(made, "hour", "version") == [
        f"hour=2013-02-01T00,version={slicing.MISSING}",
        "hour=2013-02-01T01,version=1",
        f"hour={slicing.MISSING},version=0",
    ]


def word_labels(*values: Any) -> list[str]:
    made = batch([START] * len(values), w=pa.array(list(values), pa.large_list(pa.large_binary())))
    return [label.removeprefix("w=") for label in labels(made, "w")]


def test_a_value_is_the_first_of_its_row() -> None:
    assert word_labels([b"b", b"a"], [b"a"], None, [], [b"b"]) == [
        "b",
        "a",
        slicing.MISSING,
        slicing.MISSING,
        "b",
    ]
    assert word_labels([b"\xff"], [b"a"]) == [slicing.NOT_UTF8, "a"]
    numbers = batch([START] * 2, n=pa.array([[7], [8]], pa.large_list(pa.int64())))
    assert labels(numbers, "n") == ["n=7", "n=8"]
    assert labels(numbers, "absent") == [f"absent={slicing.MISSING}"] * 2


@pytest.mark.parametrize("length", [slicing._LONGEST, slicing._LONGEST + 1])
def test_long_values_are_cut_and_told_apart_by_a_digest(length: int) -> None:
    value = "x" * length
    digest = hashlib.sha256(value.encode()).hexdigest()[:12]
    cut = value if length == slicing._LONGEST else f"{'x' * slicing._LONGEST}...{digest}"
    assert word_labels([value.encode()]) == [cut]


def test_commas_within_a_value_are_told_from_those_between_names() -> None:
    assert word_labels([b"a,hour=3"], [b"a\\"]) == ["a\\,hour=3", "a\\\\"]
    assert slicing.lasts("w=a\\,hour=3") is None
    assert slicing.lasts("w=a,hour=3,day=2") == HOUR
    assert slicing.lasts("day=2") == dt.timedelta(days=1)


def test_a_batch_without_a_wanted_column_keeps_its_rows() -> None:
    column = pa.array([[1], [2]], pa.large_list(pa.int64()))
    made = batch([START] * 2, a=column, b=column, c=column)
    assert slicing.narrowed(made, frozenset("cb")).features.schema.names == ["b", "c"]
    assert slicing.narrowed(made, frozenset("z")).features.schema.names == ["a"]
