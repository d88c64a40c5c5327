"""The times of sampled rows: those of the sample, in its order, however the input is cut."""

from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import pyarrow as pa
import pytest

from trueserve.transforms.branches.samples.sample import SamplePartial, read
from trueserve.transforms.branches.samples.sample_times import NO_TIME, TimesPartial
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.rows.rows import metadata_of

START = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
ROWS = 500


def batch(first: int, count: int, file: str = "part-0") -> Batch:
    """Row n is of second n, but for each seventh, which has no time."""
    numbers = range(first, first + count)
    times = [START + dt.timedelta(seconds=n) if n % 7 else None for n in numbers]
    columns = [pa.array([[n] for n in numbers], pa.large_list(pa.int64()))]
    metadata = metadata_of(
        count, file, record=pa.array(numbers, pa.int64()), time=pa.array(times, pa.timestamp("us", "UTC"))
    )
    return Batch(pa.RecordBatch.from_arrays(columns, names=["n"]), metadata)


@pytest.mark.parametrize("size", [1, 33, ROWS])
@pytest.mark.parametrize("ranges", [1, 4])
def test_each_row_of_the_sample_has_its_time(size: int, ranges: int) -> None:
    batches = [batch(first, min(size, ROWS - first)) for first in range(0, ROWS, size)]
    times, sample = [TimesPartial(60) for _ in range(ranges)], SamplePartial(60, ())
    for number, each in enumerate(batches):
        times[number % ranges].add(each)
        sample.add(each)
    for other in times[1:]:
        times[0].merge(pickle.loads(pickle.dumps(other)))
    rows = read(sample.result())
    assert rows is not None
    numbers = [row["n"][0] for row in rows.to_pylist()]
    seconds = int(START.timestamp())
    assert times[0].result().tolist() == [seconds + n if n % 7 else NO_TIME for n in numbers]


def test_rows_that_cannot_be_told_apart_have_no_times() -> None:
    times = TimesPartial(60)
    times.add(batch(0, 10, "one/part-0"))
    assert len(times.result()) == 10
    moved = batch(0, 10, "two/part-0")
    later = np.array(moved.metadata.column("time").to_pylist())
    column = pa.array(
        [None if t is None else t + dt.timedelta(days=1) for t in later], pa.timestamp("us", "UTC")
    )
    index = moved.metadata.schema.get_field_index("time")
    arrays = [column if number == index else each for number, each in enumerate(moved.metadata.columns)]
    times.add(Batch(moved.features, pa.RecordBatch.from_arrays(arrays, schema=moved.metadata.schema)))
    assert len(times.result()) == 0
