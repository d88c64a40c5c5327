"""Labels that came late, and the predictions of the same rows: counted by the bins of the model's record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.joining.key_parts import REQUEST_ID, KeyPart
from trueserve.transforms.joining.labelled_rows import LabelledRows
from trueserve.transforms.joining.rows import SideRows
from trueserve.transforms.logs.features import Array, FeatureType, type_of
from trueserve.transforms.performance import record
from trueserve.transforms.performance.bins import Task
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.predictions.logged import logged_columns
from trueserve.transforms.predictions.outputs import Output


def labels_alone(batch: Batch, key: Sequence[KeyPart], label: str) -> Batch:
    """The rows with their key and the label: whatever else comes with labels is not looked at."""
    return Batch(_columns(batch.features, {*_names(key), label}), batch.metadata)


def predictions(batch: Batch, key: Sequence[KeyPart], outputs: tuple[Output, ...]) -> Batch:
    """The rows with their key and the model's outputs, as they were logged.

    Args:
      batch: as read with `Settings.responses`.
    """
    answers, _ = logged_columns(batch.metadata, outputs)
    kept = _columns(batch.features, _names(key))
    # An output that is called as a part of the key gives way: without its key a row has no partner.
    added = [name for name in answers.schema.names if name not in kept.schema.names]
    columns = [*kept.columns, *(answers.column(name) for name in added)]
    return Batch(pa.RecordBatch.from_arrays(columns, [*kept.schema.names, *added]), batch.metadata)


def _names(key: Sequence[KeyPart]) -> set[str]:
    return {part.feature for part in key} | ({REQUEST_ID} if any(part.of_log for part in key) else set())


def _columns(features: pa.RecordBatch, names: set[str]) -> pa.RecordBatch:
    """These of the columns; one of nulls where none is there, as a batch has rows by its columns."""
    kept = [name for name in features.schema.names if name in names]
    if not kept:
        return pa.RecordBatch.from_arrays([pa.nulls(features.num_rows)], [min(names)])
    return pa.RecordBatch.from_arrays([features.column(name) for name in kept], kept)


def labelled(of_model: PerformanceRecord, base: SideRows, test: SideRows, i: Array, j: Array) -> LabelledRows:
    """What pairs give: the label of row `i` of the base, and the prediction of row `j` of the test side."""
    labels = _usable(of_model, _labels(of_model, base.features.get(of_model.label), i))
    values = np.column_stack([_numbers(test.features.get(name), j) for name in of_model.features])
    has_label, has_prediction = np.isfinite(labels), np.isfinite(values).all(axis=1)
    good = has_label & has_prediction
    return LabelledRows(
        record.scores_of(of_model, values[good]),
        record.labels_of(of_model, values[good], labels[good]),
        int(np.count_nonzero(~has_label)),
        int(np.count_nonzero(has_label & ~has_prediction)),
    )


def _usable(of_model: PerformanceRecord, labels: Array) -> Array:
    """NaN for a number that is no class of the model."""
    if of_model.calibration.task is Task.REGRESSION:
        return labels
    classes = 2 if of_model.calibration.task is Task.BINARY else of_model.width
    return np.where(np.isin(labels, np.arange(classes)), labels, np.nan)


def _labels(of_model: PerformanceRecord, column: pa.Array | None, rows: Array) -> Array:
    """The labels as numbers, NaN where there is none, float64 [rows]."""
    if of_model.positive is None or column is None or type_of(column) is None:
        return _numbers(column, rows)
    lists = column.take(pa.array(rows)).to_pylist()
    single = [values[0] if values and len(values) == 1 else None for values in lists]
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in single]
    return record.numbers_of(texts, of_model.positive)


def _numbers(column: pa.Array | None, rows: Array) -> Array:
    """The only number of each row; NaN where there is none, or several, or a text: float64 [rows]."""
    numbers = np.full(len(rows), np.nan)
    if column is None or type_of(column) in (None, FeatureType.BYTES):
        return numbers
    taken = column.take(pa.array(rows))
    lengths = np.asarray(taken.value_lengths().fill_null(0))
    values = taken.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    single = lengths == 1
    numbers[single] = values[(np.cumsum(lengths) - lengths)[single]]
    return numbers
