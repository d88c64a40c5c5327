"""Flights with one fault planted in a part of their rows, summarised as `validate` does, and compared.

The faults are in faults.json: the feature, what is done to it (a function of `_PLANTED` here), its parameters
and the cause that the diagnosis has to name.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv

from examples.flights import data
from transforms.logs.features import expected_features, lists
from transforms.logs.values import typed_columns
from transforms.statistics import SIZES
from transforms.summaries.dataset import DatasetSummary, uses_of
from transforms.summaries.protos import dataset_statistics
from transforms.summaries.quantiles import Scratch
from transforms.verdict.compare import Policy, Reference, compare
from transforms.verdict.findings import Comparison, Space
from transforms.verdict.views import Statistics

Array = np.ndarray[Any, Any]
Columns = dict[str, Array]

FAULTS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "faults.json").read_text())
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

    def compared(self, served: Columns) -> Comparison:
        """What `validate` finds in these rows, those of other types read as a JSON log is."""
        batch, forms = _read(served, self.reference)
        return compare(self.reference, statistics(batch, self.reference), Policy(), forms)


@functools.cache
def world(seed: int) -> World:
    """Which half is which follows from the seed."""
    rows = _spring()
    chosen = np.random.default_rng(seed).random(len(rows["carrier"])) < 0.5
    training = statistics(_batch({name: column[chosen] for name, column in rows.items()}))
    schema = tfdv.infer_schema(training, infer_feature_shape=False)
    reference = Reference(schema, training, Space.RAW)
    return World(reference, {name: column[~chosen] for name, column in rows.items()})


def statistics(batch: pa.RecordBatch, reference: Reference | None = None) -> Statistics:
    """Those that `ComputeStatistics` gives, without its pipeline."""
    summary = DatasetSummary(uses_of(reference.schema if reference else None))
    summary.add(batch, Scratch())
    return Statistics(datasets=[dataset_statistics(summary, SIZES)])


def planted(fault: Mapping[str, Any], served: Columns, share: float, seed: int) -> Columns:
    """The rows with the fault in a share of them."""
    random = np.random.default_rng(seed)
    faulty = random.random(len(served["carrier"])) < share
    changed = _PLANTED[fault["fault"]](served, fault["feature"], random, **fault["parameters"])
    return served | {name: np.where(faulty, column, served[name]) for name, column in changed.items()}


@functools.cache
def _spring() -> Columns:
    table = data.read_flights()
    spring = table.filter(pa.array(table["month"].to_numpy() <= 6))
    columns = {name: spring[name].to_pandas().to_numpy() for name in data.FEATURES}
    return {n: c.astype("float32") if c.dtype == "float64" else c for n, c in columns.items()}


def _read(served: Columns, reference: Reference) -> tuple[pa.RecordBatch, Counter[tuple[str, str]]]:
    """Columns of the schema's types; one of mixed types is read value by value, which counts its forms."""
    mixed = [n for n, c in served.items() if c.dtype == object and n not in data.CATEGORIES]
    forms: Counter[tuple[str, str]] = Counter()
    columns: dict[str, pa.Array] = {}
    for name in mixed:
        rows = [{name: value} for value in served[name]]
        found, counted = typed_columns(rows, expected_features(reference.schema, serving=True))
        columns |= dict(found)
        forms.update({key: len(where) for key, where in counted.items()})
    plain = {name: _column(column) for name, column in served.items() if name not in mixed}
    return pa.RecordBatch.from_pydict(plain | columns), forms


def _batch(columns: Columns) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: _column(column) for name, column in columns.items()})


def _column(values: Array) -> pa.Array:
    if values.dtype == object:
        flat = pa.array(values.tolist(), pa.large_binary())
        return lists(flat, np.ones(len(values), np.int64))
    missing = np.isnan(values)
    return lists(pa.array(values[~missing]), (~missing).astype(np.int64), missing)


def _affine(rows: Columns, name: str, _: Any, factor: float, offset: float) -> Columns:
    return {name: (rows[name] * factor + offset).astype("float32")}


def _later(rows: Columns, name: str, _: Any, by: int, around: int) -> Columns:
    return {name: (rows[name] + by) % around}


def _constant(rows: Columns, name: str, _: Any, value: float) -> Columns:
    return {name: np.full_like(rows[name], value)}


def _missing(rows: Columns, name: str, _: Any) -> Columns:
    return {name: np.full_like(rows[name], np.nan)}


def _capped(rows: Columns, name: str, _: Any, most: float) -> Columns:
    return {name: np.minimum(rows[name], np.float32(most))}


def _noise(rows: Columns, name: str, random: Any, deviations: float) -> Columns:
    added = random.normal(0, deviations * np.nanstd(rows[name]), len(rows[name]))
    return {name: (rows[name] + added).astype("float32")}


def _lower(rows: Columns, name: str, _: Any) -> Columns:
    return {name: np.array([value.lower() for value in rows[name]], object)}


def _moved(rows: Columns, name: str, _: Any, value: str, to: str) -> Columns:
    return {name: np.where(rows[name] == value, to, rows[name])}


def _swapped(rows: Columns, name: str, _: Any, **other: str) -> Columns:
    return {name: rows[other["with"]], other["with"]: rows[name]}


def _new(rows: Columns, name: str, random: Any, values: list[str]) -> Columns:
    return {name: random.choice(np.array(values, object), len(rows[name]))}


def _text(rows: Columns, name: str, _: Any) -> Columns:
    return {name: np.array([f"{value // 60}:{value % 60:02}" for value in rows[name]], object)}


_PLANTED: Mapping[str, Callable[..., Columns]] = {
    "affine": _affine,
    "later": _later,
    "constant": _constant,
    "missing": _missing,
    "capped": _capped,
    "noise": _noise,
    "lower": _lower,
    "moved": _moved,
    "swapped": _swapped,
    "new": _new,
    "text": _text,
}
