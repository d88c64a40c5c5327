"""Flights with one fault planted in a part of their rows, summarised as `validate` does, and compared.

The faults are those of examples/flights/faults.json.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv

from benchmarks import in_memory
from benchmarks.in_memory import statistics
from examples.flights import data
from examples.flights.faults import FAULTS, Columns, planted
from trueserve.transforms.verdict.compare import Reference
from trueserve.transforms.verdict.model import ComparisonResult, Space

__all__ = ["FAULTS", "ROWS", "World", "planted", "statistics", "world"]

ROWS = 20_000


@dataclasses.dataclass(frozen=True)
class World:
    """Half of the spring's flights as the baseline, and the other half, of which rows are served."""

    reference: Reference
    rest: Columns

    def served(self, seed: int, rows: int = ROWS) -> Columns:
        """Rows drawn without one twice."""
        count = len(self.rest["carrier"])
        chosen = np.random.default_rng(seed).choice(count, rows, replace=False)
        return {name: column[chosen] for name, column in self.rest.items()}

    def compared(self, served: Columns) -> ComparisonResult:
        """What `validate` finds in these rows, those of other types read as a JSON log is."""
        return in_memory.compared(served, self.reference)


@functools.cache
def world(seed: int) -> World:
    """Which half is which follows from the seed."""
    rows = _spring()
    chosen = np.random.default_rng(seed).random(len(rows["carrier"])) < 0.5
    training = statistics(in_memory.batch({name: column[chosen] for name, column in rows.items()}))
    schema = tfdv.infer_schema(training, infer_feature_shape=False)
    reference = Reference(schema, training, Space.RAW)
    return World(reference, {name: column[~chosen] for name, column in rows.items()})


@functools.cache
def _spring() -> Columns:
    table = data.read_flights()
    return data.columns(table.filter(pa.array(table["month"].to_numpy() <= 6)))
