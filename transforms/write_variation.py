"""WriteVariation: how days and hours differ, in files for the launcher."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import apache_beam as beam

from transforms.branches.partial import Kind
from transforms.files import paths
from transforms.verdict.variation import store
from transforms.verdict.variation.period_counts import PeriodCounts


@dataclasses.dataclass(eq=False)
class WriteVariation(beam.PTransform):
    """Writes the results of `branches.periods`, as `MergeResults` gives them; see `read_variation`.

    Files have the name `target`, followed by a space's.
    """

    target: str

    def expand(self, results: beam.PCollection[tuple[Kind, Any]]) -> Any:
        return results | "Write" >> beam.Map(_write, self.target)


def read_variation(target: str, space: str) -> tuple[store.Spaces, int, int]:
    """What `WriteVariation` wrote: the variation, how many rows there were, and how many without a time."""
    path = _file(target, space)
    counts = json.loads(paths.read_bytes(f"{path}.json"))
    return store.from_bytes(paths.read_bytes(path)), counts["rows"], counts["without_time"]


def _write(element: tuple[Kind, Any], target: str) -> None:
    (space, _), counts = element
    if isinstance(counts, PeriodCounts):  # and not how reading went
        rows = {"rows": counts.num_rows, "without_time": counts.without_time}
        path = _file(target, space)
        paths.write_atomically(path, store.to_bytes({space: store.of_counts(counts)}))
        paths.write_atomically(f"{path}.json", json.dumps(rows).encode())


def _file(target: str, space: str) -> str:
    return f"{target}-{space}"
