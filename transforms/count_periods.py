"""CountPeriods: rows counted by day and by hour, in the cells of their features."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam

from transforms.core.batches import Batch
from transforms.files import paths
from transforms.verdict.variation import store
from transforms.verdict.variation.bins import Bins
from transforms.verdict.variation.period_counts import Layout, PeriodCounts


@dataclasses.dataclass(eq=False)
class CountPeriods(beam.PTransform):
    """`PCollection[Batch]`, whose rows have times, to a PCollection of one `PeriodCounts`.

    Attributes:
      cells: of each feature that is counted, by name.
    """

    cells: Mapping[str, Bins]

    def expand(self, batches: beam.PCollection[Batch]) -> Any:
        return batches | "Count" >> beam.CombineGlobally(_Count(Layout.of(self.cells)))


@dataclasses.dataclass(eq=False)
class WriteVariation(beam.PTransform):
    """Writes the one `PeriodCounts` of its input for the launcher, see `read_variation`.

    Attributes:
      space: the name of the space that was counted.
    """

    path: str
    space: str

    def expand(self, counts: Any) -> Any:
        return counts | "Write" >> beam.Map(_write, self.path, self.space)


def read_variation(path: str) -> tuple[store.Spaces, int, int]:
    """What `WriteVariation` wrote: the variation, how many rows there were, and how many without a time."""
    counts = json.loads(paths.read_bytes(f"{path}.json"))
    return store.from_bytes(paths.read_bytes(path)), counts["rows"], counts["without_time"]


def _write(counts: PeriodCounts, path: str, space: str) -> None:
    rows = {"rows": counts.num_rows, "without_time": counts.without_time}
    paths.write_atomically(path, store.to_bytes({space: store.of_counts(counts)}))
    paths.write_atomically(f"{path}.json", json.dumps(rows).encode())


class _Count(beam.CombineFn):
    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self._layout = layout

    def create_accumulator(self) -> PeriodCounts:
        return PeriodCounts(self._layout)

    def add_input(self, counts: PeriodCounts, batch: Batch) -> PeriodCounts:
        time = batch.metadata.column(batch.metadata.schema.get_field_index("time"))
        counts.add(batch.features, time)
        return counts

    def merge_accumulators(self, parts: Iterable[PeriodCounts]) -> PeriodCounts:
        remaining = iter(parts)
        total = next(remaining, None) or self.create_accumulator()
        for part in remaining:
            total.merge(part)
        return total

    def extract_output(self, counts: PeriodCounts) -> PeriodCounts:
        return counts
