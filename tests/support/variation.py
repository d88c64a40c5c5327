"""Rows of many days that wander, and their counts by day and hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from support.faults import statistics
from trueserve.transforms.verdict.variation import bins as cell
from trueserve.transforms.verdict.variation.period_counts import Layout, PeriodCounts

DAY, HOUR = 86_400_000_000, 3_600_000_000
ROWS = 300


def lists(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(
        [None if v is None else v if isinstance(v, list) else [v] for v in values], pa.large_list(kind)
    )


def rows(seed: int, days: int, wander: float = 0.3) -> tuple[pa.RecordBatch, pa.Array]:
    """Days of `ROWS` rows whose `x` wanders from day to day, and `steady`, which does not."""
    random = np.random.default_rng(seed)
    count = days * ROWS
    centre = np.repeat(random.normal(0, wander, days), ROWS)
    x = centre + random.normal(size=count)
    values = random.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1])
    missing = random.random(count) < 0.1
    batch = pa.RecordBatch.from_pydict(
        {
            "x": lists(x.tolist(), pa.float32()),
            "steady": lists(
                [None if m else v for m, v in zip(missing, random.normal(size=count), strict=True)],
                pa.float32(),
            ),
            "word": lists([word.encode() for word in values], pa.large_binary()),
            "list": lists([[1] * n for n in random.integers(1, 4, count).tolist()], pa.int64()),
        }
    )
    time = np.repeat(np.arange(days), ROWS) * DAY + random.integers(0, DAY, count)
    return batch, pa.array(time).cast(pa.timestamp("us", tz="UTC"))


def counted(batch: pa.RecordBatch, time: pa.Array, parts: int = 1) -> PeriodCounts:
    layout = Layout.of(cell.of_statistics(statistics(batch), batch.schema.names))
    merged = PeriodCounts(layout)
    for part in range(parts):
        part_counts = PeriodCounts(layout)
        chosen = pa.array(np.arange(part, batch.num_rows, parts))
        for half in (chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]):
            part_counts.add(batch.take(half), time.take(half))
        merged.merge(part_counts)
    return merged
