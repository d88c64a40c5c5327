"""Values of another type through the branches of a range: they have statistics of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from support import branches

from trueserve.transforms.branches.marking import Marked
from trueserve.transforms.branches.statistics import OTHER_TYPES, other_types, statistics
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.rows.rows import metadata_of
from trueserve.transforms.verdict.feature_stats import views_by_feature

RAW = ("raw", 0)


def batch(others: Sequence[float | None] | None, rate: float | None = None) -> Batch:
    """Rows whose `x` is 1; the values of another type are those of `x`, which is null there."""
    is_other = [value is not None for value in others or [None, None]]
    x = pa.array([None if other else [1.0] for other in is_other], pa.large_list(pa.float32()))
    rates = {} if rate is None else {"sampling_rate": pa.array([rate] * len(x))}
    metadata = metadata_of(len(x), "a", version=pa.array(["1"] * len(x)), **rates)
    if others is None:
        return Batch(pa.RecordBatch.from_arrays([x], ["x"]), metadata)
    column = pa.array([None if v is None else [v] for v in others], pa.large_list(pa.float32()))
    both = [pa.RecordBatch.from_arrays([x], ["x"]), pa.RecordBatch.from_arrays([column], ["int_for_float:x"])]
    return Batch(both[0], metadata, both[1])


def results(*ranges: Sequence[Batch], slicings: Any = (), ignore: bool = False) -> dict[Any, Any]:
    marked = Marked(slicings, [statistics("raw", None), other_types()], ignore_sampling_rate=ignore)
    return branches.results([marked], *(branches.decoded(batches) for batches in ranges))


@pytest.mark.parametrize("slicings", [(), (("version",),)])
def test_their_statistics_are_their_own(slicings: Any) -> None:
    answer = results([batch(None), batch([7.0, None])], [batch(None)], [batch([9.0, 9.0])], slicings=slicings)
    other = views_by_feature(answer[OTHER_TYPES])["int_for_float:x"]
    assert (other.present, other.values, other.proto.num_stats.max) == (3, 3, 9)
    raw = views_by_feature(answer[RAW])["x"]
    assert (raw.rows, raw.present, raw.proto.num_stats.max) == (8, 5, 1)


def test_without_such_values_there_is_no_result() -> None:
    assert OTHER_TYPES not in results([batch(None)], [batch(None)])


@pytest.mark.parametrize(("ignore", "rows"), [(False, 2), (True, 2)])
def test_they_weigh_as_their_rows_do(ignore: bool, rows: int) -> None:
    answer = results([batch([0.0, None], 0.01), batch([8.0, None], 1.0)], ignore=ignore)
    other = views_by_feature(answer[OTHER_TYPES])["int_for_float:x"]
    assert other.proto.num_stats.mean == pytest.approx(4 if ignore else 8 / 101)
    assert other.present <= rows
