"""Columns of numpy to statistics, and what `validate` finds in them: its functions without its pipeline."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from trueserve.transforms.logs.columns.values import typed_columns
from trueserve.transforms.logs.features import expected_features, lists
from trueserve.transforms.summaries.dataset import DatasetSummary, uses_of
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import ComparisonResult

Array = np.ndarray[Any, Any]
Forms: TypeAlias = Counter[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Lists:
    """A feature of several values a row: all values, and how many each row has, -1 where it is missing."""

    values: Array
    lengths: Array

    def __len__(self) -> int:
        return len(self.lengths)


Column: TypeAlias = Array | Lists


def statistics(batch: pa.RecordBatch, reference: Reference | None = None) -> Statistics:
    """Those that `ComputeStatistics` gives, without its pipeline."""
    summary = DatasetSummary(uses_of(reference.schema if reference else None))
    summary.add(batch, Scratch())
    return Statistics(datasets=[dataset_statistics(summary, SIZES)])


def compared(served: Mapping[str, Column], reference: Reference) -> ComparisonResult:
    """What `validate` finds in these rows, those of other types read as a JSON log is."""
    batch, forms = read(served, reference)
    return compare(reference, statistics(batch, reference), Policy(), forms)


def read(served: Mapping[str, Column], reference: Reference) -> tuple[pa.RecordBatch, Forms]:
    """Columns of the schema's types; one of mixed types is read value by value, which counts its forms."""
    expected = expected_features(reference.schema, serving=True)
    forms: Forms = Counter()
    columns: dict[str, pa.Array] = {}
    for name, column in served.items():
        if isinstance(column, Lists) or not _is_of_another_type(column, expected.types.get(name)):
            columns[name] = arrow(column)
            continue
        typed, counted = typed_columns([{name: value} for value in column], expected)
        columns |= dict(typed)
        forms.update({key: len(where) for key, where in counted.items()})
    return pa.RecordBatch.from_pydict(columns), forms


def batch(columns: Mapping[str, Column]) -> pa.RecordBatch:
    """Columns of one type each as `validate` holds them: a list a row, null where the value is missing."""
    return pa.RecordBatch.from_pydict({name: arrow(column) for name, column in columns.items()})


def arrow(column: Column) -> pa.Array:
    """A number is missing where it is NaN, a text where it is None."""
    if isinstance(column, Lists):
        missing = column.lengths < 0
        return lists(_flat(column.values), np.maximum(column.lengths, 0), missing)
    missing = is_missing(column)
    return lists(_flat(column[~missing]), (~missing).astype(np.int64), missing)


def is_missing(column: Column) -> Array:
    """Which rows have no value."""
    if isinstance(column, Lists):
        return column.lengths < 0
    if column.dtype == object:
        return np.array([value is None for value in column], bool)
    missing: Array = np.isnan(column)
    return missing


def _flat(values: Array) -> pa.Array:
    return pa.array(values.tolist(), pa.large_binary()) if values.dtype == object else pa.array(values)


def _is_of_another_type(column: Array, wanted: str | None) -> bool:
    return column.dtype == object and wanted != "bytes"
