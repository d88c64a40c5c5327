"""Windows of a source: rows, what is done to them, the estimate without labels, and the truth."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harm_data import Array, Columns, taken
from benchmarks.harm_models import Exported
from trueserve.transforms.performance import record as records
from trueserve.transforms.performance.bins import LEAST_PROBABILITY, Task
from trueserve.transforms.performance.estimate import estimate
from trueserve.transforms.performance.record import PerformanceRecord

CLEAN, COVARIATES, FAULT, CONCEPT = "clean", "covariates moved", "pipeline fault", "concept shift"
KINDS = (CLEAN, COVARIATES, FAULT, CONCEPT)
_CLEAN = 12
_SPLITS, _SHIFTS = 60, 2


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate of one metric; `low` to `high` is 95 % (ours), or what the peer gives."""

    value: float
    low: float
    high: float


@dataclasses.dataclass
class Judged:
    """A window, with the truth and the estimates of each metric.

    Attributes:
      frame: features, prediction and label, as the peer gets them.
    """

    kind: str
    name: str
    rows: int
    truth: dict[str, float]
    ours: dict[str, Interval]
    seconds: float
    frame: pd.DataFrame
    theirs: dict[str, Interval] = dataclasses.field(default_factory=dict)


def judged(exported: Exported, seed: int) -> Iterator[Judged]:
    """All windows, each of rows of its own drawing."""
    for number, (kind, name) in enumerate(_tasks(exported)):
        random = np.random.default_rng([seed, number])
        rows, labels = _window(exported, kind, name, random)
        yield _judge(exported, kind, name, rows, labels)


def splits(exported: Exported, seed: int) -> Iterator[Judged]:
    """Windows of which each few have a calibration of their own: the rows that the model has not seen are
    split anew into evaluation and pool. Clean, or with covariates moved.
    """
    source, rest = exported.source, np.concatenate([exported.evaluation, exported.pool])
    values, columns = exported.predict(taken(source.columns, rest)), taken(source.columns, rest)
    labels, cut = source.labels[rest], len(exported.evaluation)
    for number in range(_SPLITS):
        random = np.random.default_rng([seed, 1, number])
        order = random.permutation(len(rest))
        evaluation, pool = order[:cut], order[cut:]
        record = records.record("prediction", source.label, values[evaluation], labels[evaluation], None)
        for name in (None, *random.choice(list(source.shifts), _SHIFTS, replace=False)):
            weights = None if name is None else source.shifts[name](taken(columns, pool))
            shares = None if weights is None else weights / weights.sum()
            rows = random.choice(pool, source.window, replace=False, p=shares)
            kind = CLEAN if name is None else COVARIATES
            yield _compared(source.task, record, (kind, str(name)), values[rows], labels[rows])


def reference(exported: Exported) -> pd.DataFrame:
    """The evaluation rows, as the peer gets them."""
    rows = taken(exported.source.columns, exported.evaluation)
    values = exported.predict(rows)
    return _frame(exported, rows, values[:, -1], exported.source.labels[exported.evaluation])


def _tasks(exported: Exported) -> list[tuple[str, str]]:
    source = exported.source
    kinds = {COVARIATES: source.shifts, FAULT: source.faults, CONCEPT: source.concepts}
    clean = [(CLEAN, f"clean {number}") for number in range(1, _CLEAN + 1)]
    return clean + [(kind, name) for kind, changes in kinds.items() for name in changes]


def _window(exported: Exported, kind: str, name: str, random: np.random.Generator) -> tuple[Columns, Array]:
    source, pool = exported.source, exported.pool
    weights = None
    if kind == COVARIATES:
        weights = source.shifts[name](taken(source.columns, pool))
        weights = weights / weights.sum()
    chosen = random.choice(pool, source.window, replace=False, p=weights)
    rows, labels = taken(source.columns, chosen), source.labels[chosen]
    if kind == FAULT:
        rows = source.faults[name](rows, random)
    if kind == CONCEPT:
        labels = source.concepts[name](rows, labels, random)
    return rows, labels


def _judge(exported: Exported, kind: str, name: str, rows: Columns, labels: Array) -> Judged:
    values = exported.predict(rows)
    judged_ = _compared(exported.source.task, exported.record, (kind, name), values, labels)
    return dataclasses.replace(judged_, frame=_frame(exported, rows, values[:, -1], labels))


def _compared(
    task: Task, record: PerformanceRecord, kind_and_name: tuple[str, str], values: Array, labels: Array
) -> Judged:
    begun = time.perf_counter()
    estimates = estimate(record.calibration, records.scores_of(record, values))
    seconds = time.perf_counter() - begun
    ours = {metric: Interval(e.value or 0, e.low or 0, e.high or 0) for metric, e in estimates.items()}
    truth = plain(task, values[:, -1], labels)
    return Judged(*kind_and_name, len(labels), truth, ours, seconds, pd.DataFrame())


def _frame(exported: Exported, rows: Columns, predictions: Array, labels: Array) -> pd.DataFrame:
    columns: dict[str, Any] = {**rows, "label": labels}
    if exported.source.task is Task.BINARY:
        columns |= {"probability": predictions, "predicted": (predictions >= 0.5).astype(int)}
    else:
        columns["predicted"] = predictions
    return pd.DataFrame(columns)


def plain(task: Task, predictions: Array, labels: Array) -> dict[str, float]:
    """The metrics of rows with labels, computed on the rows."""
    if task is Task.REGRESSION:
        errors = predictions - labels
        return {"mae": float(np.abs(errors).mean()), "rmse": float(np.sqrt((errors**2).mean()))}
    positive, negative = predictions[labels == 1], np.sort(predictions[labels == 0])
    wins = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    p = np.clip(predictions, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return {
        "auc": float(wins.sum() / (2 * len(positive) * len(negative))),
        "log_loss": float(-np.log(np.where(labels == 1, p, 1 - p)).mean()),
        "brier": float(((predictions - labels) ** 2).mean()),
        "accuracy": float(((predictions >= 0.5) == labels).mean()),
    }
