"""What `export` keeps beside a model: which output answers which label, and the calibration."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.performance import calibration_json
from trueserve.transforms.performance.bins import (
    Array,
    Calibration,
    LabelBins,
    ScoreBins,
    Task,
    calibrate,
    label_bins,
    score_bins,
)
from trueserve.transforms.performance.classes import calibrate_classes, class_labels, class_scores, hits

#: Most classes whose probabilities have a feature each.
MOST_CLASSES = 32
#: Format 1 had several classes' accuracy alone; it is still read.
FORMAT = 2


class NoPerformanceError(Exception):
    """Why no performance can be recorded: one sentence for a person."""


@dataclasses.dataclass(frozen=True)
class PerformanceRecord:
    """Performance on evaluation rows, and what is needed to estimate it.

    Attributes:
      output: the output's feature; `width`: its numbers in a row.
      label: the raw feature that it predicts.
      calibration: of the evaluation rows that have both.
      positive: the label of the positive class; None where labels are numbers, and in format 1.
    """

    output: str
    width: int
    label: str
    calibration: Calibration
    positive: str | None = None

    @property
    def features(self) -> list[str]:
        """The features of the output's numbers, as logged answers have them."""
        return [self.output] if self.width == 1 else [f"{self.output}[{i}]" for i in range(self.width)]

    def to_bytes(self) -> bytes:
        values: dict[str, Any] = {
            "format": FORMAT,
            "output": self.output,
            "width": self.width,
            "label": self.label,
        }
        values["positive"] = self.positive
        return json.dumps(
            values | {"calibration": calibration_json.to_json(self.calibration)}, sort_keys=True
        ).encode()


def of_bytes(data: bytes) -> PerformanceRecord:
    """Of `to_bytes`. Raises ValueError for anything else."""
    values = json.loads(data)
    if not isinstance(values, Mapping) or values.get("format") not in (1, FORMAT):
        raise ValueError("no record of performance")
    output, width, label = values.get("output"), values.get("width"), values.get("label")
    if not isinstance(output, str) or not isinstance(label, str) or not isinstance(width, int):
        raise ValueError("no record of performance")  # noqa: TRY004 - as for other bytes that are none
    if not 1 <= width <= MOST_CLASSES:
        raise ValueError("no record of performance")
    positive = values.get("positive")
    if not isinstance(positive, str | None):
        raise ValueError("no record of performance")  # noqa: TRY004 - as for other bytes that are none
    calibration = calibration_json.of_json(values.get("calibration") or {})
    if calibration.class_edges and len(calibration.class_edges) != width:
        raise ValueError("no record of performance")
    return PerformanceRecord(output, width, label, calibration, positive)


def choose_output(outputs: Mapping[str, int | None], chosen: str | None, label: str) -> str:
    """The output that answers the label: the one that is chosen, the only one, or the label's namesake.

    Args:
      outputs: the width of each output of floats, by name.

    Raises NoPerformanceError where it cannot be known.
    """
    usable = sorted(name for name, width in outputs.items() if width and width <= MOST_CLASSES)
    if chosen is not None and chosen in usable:
        return chosen
    if chosen is None and len(usable) == 1:
        return usable[0]
    if chosen is None and label in usable:
        return label
    names = ", ".join(usable) or "none"
    problem = "is no such output" if chosen is not None else "says which output answers the label"
    raise NoPerformanceError(f"--label_output {problem}; outputs of 1 to {MOST_CLASSES} floats: {names}")


def record(
    output: str, label: str, values: Array, labels: Sequence[float | str | None], positive: str | None
) -> PerformanceRecord:
    """The record of evaluation rows.

    Args:
      values: the output's numbers, rounded as logged ones are, [rows, width].
      labels: one for each row; None where there is none.
      positive: the label of the positive class; None where labels are numbers.

    Raises NoPerformanceError where the labels are not what the output can answer.
    """
    numbers = numbers_of(labels, positive)
    good = np.isfinite(numbers) & np.isfinite(values).all(axis=1)
    if not good.any():
        raise NoPerformanceError(f"no evaluation row has a usable {label} and a prediction")
    values, numbers = np.asarray(values[good], np.float64), numbers[good]
    task = _task(values, numbers)
    several = task is Task.MULTICLASS
    calibration = calibrate_classes(values, numbers) if several else calibrate(task, values[:, -1], numbers)
    return PerformanceRecord(output, values.shape[1], label, calibration, positive)


def scores_of(record_: PerformanceRecord, values: Array) -> ScoreBins:
    """Some rows by the bins of the record.

    Args:
      values: the output's numbers, finite, [rows, width].
    """
    calibration, wide = record_.calibration, np.asarray(values, np.float64)
    bins = score_bins(calibration.task, calibration.edges, _scores(calibration.task, wide))
    return dataclasses.replace(bins, classes=class_scores(calibration.class_edges, wide))


def labels_of(record_: PerformanceRecord, values: Array, labels: Array) -> LabelBins:
    """The labels of the same rows: numbers as `numbers_of` makes them, float64 [rows]."""
    calibration, wide = record_.calibration, np.asarray(values, np.float64)
    of_scores = hits(wide, labels) if calibration.task is Task.MULTICLASS else labels
    bins = label_bins(calibration.task, calibration.edges, _scores(calibration.task, wide), of_scores)
    return dataclasses.replace(bins, classes=class_labels(calibration.class_edges, wide, labels))


def values_of(record_: PerformanceRecord, values: Array) -> Array:
    """The score of each row, see `bins`: float64 [rows] of [rows, width]."""
    return _scores(record_.calibration.task, np.asarray(values, np.float64))


def _scores(task: Task, values: Array) -> Array:
    return np.asarray(values.max(axis=1) if task is Task.MULTICLASS else values[:, -1])


def _task(values: Array, labels: Array) -> Task:
    probabilities = bool(((values >= 0) & (values <= 1)).all())
    width = values.shape[1]
    if width == 1:
        two_classes = probabilities and bool(np.isin(labels, (0, 1)).all())
        return Task.BINARY if two_classes else Task.REGRESSION
    if not probabilities or not np.isin(labels, np.arange(width)).all():
        raise NoPerformanceError(
            f"the output has {width} values: they must be probabilities, and the label the number of a class"
        )
    return Task.BINARY if width == 2 else Task.MULTICLASS


def numbers_of(labels: Sequence[float | str | None], positive: str | None) -> Array:
    """Labels as numbers, NaN where there is none: float64 [rows].

    Raises NoPerformanceError where they are texts, and none is the positive one.
    """
    if positive is not None:
        return np.array([math.nan if label is None else float(_is(label, positive)) for label in labels])
    if any(isinstance(label, str) for label in labels):
        raise NoPerformanceError("the labels are texts; --positive=TEXT names the positive one")
    return np.array([math.nan if label is None else float(label) for label in labels])


def _is(label: float | str, positive: str) -> bool:
    if isinstance(label, str):
        return label == positive
    try:
        return label == float(positive)
    except ValueError:
        return False


def block(record_: PerformanceRecord) -> dict[str, Any]:
    """What of it is in verdict.json."""
    calibration = record_.calibration
    return {
        "task": calibration.task.value,
        "output": record_.output,
        "label": record_.label,
        "evaluation_rows": round(calibration.scores.total),
    }
