"""WriteVariation: how days and hours differ, in files for the launcher."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import apache_beam as beam
import numpy as np

from trueserve.transforms.branches.partial import Kind
from trueserve.transforms.branches.reading import READING
from trueserve.transforms.branches.samples.sample_times import TIMES
from trueserve.transforms.files import paths
from trueserve.transforms.verdict.variation import store
from trueserve.transforms.verdict.variation.period_counts import PeriodCounts

_MOST_FAULTS = 3


@dataclasses.dataclass(eq=False)
class WriteVariation(beam.PTransform):
    """Writes the results of `periods`, of `sample_times` and of reading, as `MergeByKind` gives them.

    See `read_variation`, `read_times` and `read_faults`. Files have the name `target`, followed by a space's.
    """

    target: str

    def expand(self, results: beam.PCollection[tuple[Kind, Any]]) -> Any:
        return results | "Write" >> beam.Map(_write, self.target)


def read_variation(target: str, space: str) -> tuple[store.Spaces, int, int]:
    """What `WriteVariation` wrote: the variation, how many rows there were, and how many without a time."""
    path = _file(target, space)
    counts = json.loads(paths.read_bytes(f"{path}.json"))
    return store.from_bytes(paths.read_bytes(path)), counts["rows"], counts["without_time"]


def read_faults(target: str) -> list[str]:
    """The first faults of the files that were counted, in words."""
    return [str(fault) for fault in json.loads(paths.read_bytes(_file(target, READING[0])))]


def read_times(target: str) -> np.ndarray[Any, Any]:
    """The times of the sampled rows: int64, see `branches.samples.sample_times`."""
    return np.frombuffer(paths.read_bytes(_file(target, TIMES)), "<i8")


def _write(element: tuple[Kind, Any], target: str) -> None:
    (kind, _), result = element
    path = _file(target, kind)
    if isinstance(result, PeriodCounts):
        rows = {"rows": result.num_rows, "without_time": result.without_time}
        paths.write_atomically(path, store.to_bytes({kind: store.of_counts(result)}))
        paths.write_atomically(f"{path}.json", json.dumps(rows).encode())
    elif isinstance(result, np.ndarray):
        paths.write_atomically(path, result.astype("<i8").tobytes())
    else:
        faults = [str(fault) for fault in result.faults[:_MOST_FAULTS]]
        paths.write_atomically(path, json.dumps(faults).encode())


def _file(target: str, space: str) -> str:
    return f"{target}-{space}"
