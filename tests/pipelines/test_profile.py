"""What is measured of partial results is what they take when they are moved."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from trueserve.transforms.branches.branch import examine
from trueserve.transforms.branches.statistics import statistics
from trueserve.transforms.branches.versions import versions
from trueserve.transforms.coders import PartialCoder
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Batch, Decoded
from trueserve.transforms.examine_range import Examine
from trueserve.transforms.logs.rows.rows import metadata_of
from trueserve.transforms.profile import Measured, Moved, moved

RANGES = (10, 700, 30)


def decode(rows: int) -> list[Decoded]:
    column = pa.array([[float(n % 17)] for n in range(rows)], pa.large_list(pa.float32()))
    batch = Batch(pa.RecordBatch.from_pydict({"x": column}), metadata_of(rows, "a"))
    return [Decoded(batch, (), Accounting(read=rows, decoded=rows, rows=rows))]


def test_each_partial_result_is_counted_with_its_bytes() -> None:
    branches = [statistics("raw", None), versions()]
    lengths: dict[str, list[int]] = {}
    for rows in RANGES:
        for (name, _), partial in examine(decode(rows), branches):
            lengths.setdefault(name, []).append(len(PartialCoder().encode(partial)))
    pipeline = beam.Pipeline(options=PipelineOptions(["--direct_running_mode=in_memory"]))
    _ = pipeline | beam.Create(RANGES, reshuffle=False) | Examine(decode, [Measured(branches)], None)
    result = pipeline.run()
    result.wait_until_finish()
    assert moved(result) == [
        Moved(name, len(sizes), sum(sizes), max(sizes))
        for name, sizes in sorted(lengths.items())
        if name != "reading"
    ]


def test_without_it_nothing_is_measured() -> None:
    pipeline = beam.Pipeline(options=PipelineOptions(["--direct_running_mode=in_memory"]))
    _ = pipeline | beam.Create(RANGES, reshuffle=False) | Examine(decode, [statistics("raw", None)], None)
    result = pipeline.run()
    result.wait_until_finish()
    assert moved(result) == []


def test_a_runner_that_gives_no_metrics_ends_no_run() -> None:
    class Result:
        def metrics(self) -> None:
            raise NotImplementedError

    assert moved(Result()) == []
