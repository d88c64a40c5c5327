"""Rows counted by day in a pipeline are those that are counted in memory, in however many parts."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
from support import branches

from trueserve.transforms import write_variation
from trueserve.transforms.branches.periods import periods
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.logs.rows.rows import metadata_of
from trueserve.transforms.verdict.variation import store
from trueserve.transforms.verdict.variation.bins import CATEGORY, Bins
from trueserve.transforms.verdict.variation.period_counts import Layout, PeriodCounts

DAY = 86_400_000_000
CELLS = {"w": Bins(CATEGORY, values=("a", "b"))}


def batches(parts: int) -> list[Batch]:
    """Sixty rows of three days, and six without a time."""
    values = [[["a"], ["b"], ["z"]][n % 3] for n in range(66)]
    features = pa.RecordBatch.from_arrays([pa.array(values, pa.large_list(pa.large_binary()))], ["w"])
    times = [None if n >= 60 else n // 20 * DAY + n for n in range(66)]
    metadata = metadata_of(66, "log", time=pa.array(times, pa.timestamp("us", tz="UTC")))
    all_rows = Batch(features, metadata)
    size = -(-66 // parts)
    return [
        Batch(all_rows.features.slice(start, size), all_rows.metadata.slice(start, size))
        for start in range(0, 66, size)
    ]


def test_periods_are_counted_as_in_memory(tmp_path: Path) -> None:
    [all_rows] = batches(1)
    counts = PeriodCounts(Layout.of(CELLS))
    counts.add(all_rows.features, all_rows.metadata.column(all_rows.metadata.schema.get_field_index("time")))
    expected = store.of_counts(counts)["day"]["w"]
    for parts in (1, 7):
        target = str(tmp_path / f"variation-{parts}")
        ranges = [branches.decoded([batch]) for batch in batches(parts)]
        results = branches.results([periods("raw", CELLS)], *ranges)
        with beam.Pipeline("FnApiRunner") as pipeline:
            elements = pipeline | beam.Create(list(results.items()), reshuffle=False)
            _ = elements | write_variation.WriteVariation(target)
        spaces, rows, without_time = write_variation.read_variation(target, "raw")
        assert (list(spaces), rows, without_time) == (["raw"], 66, 6)
        counted = spaces["raw"]["day"]["w"]
        assert counted.periods.tolist() == [0, 1, 2]
        for field in ("rows", "present", "counts"):
            np.testing.assert_array_equal(getattr(counted, field), getattr(expected, field))
        assert counted.rows.tolist() == [20, 20, 20]


def test_parts_are_merged_and_none_is_empty() -> None:
    ranges = [branches.decoded([batch]) for batch in batches(3)]
    merged = branches.results([periods("raw", CELLS)], *ranges)["raw", 0]
    assert (merged.num_rows, merged.without_time) == (66, 6)
    assert branches.results([periods("raw", CELLS)], [])["raw", 0].num_rows == 0
