"""What `export` keeps beside a model: which output answers which label, and the calibration."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.performance.bins import Array, Calibration, Task, calibrate, calibration_of_json

#: Most classes whose probabilities have a feature each.
MOST_CLASSES = 32


class NoPerformanceError(Exception):
    """Why no performance can be recorded: one sentence for a person."""


@dataclasses.dataclass(frozen=True)
class PerformanceRecord:
    """Performance on evaluation rows, and what is needed to estimate it.

    Attributes:
      output: the output's feature; `width`: its numbers in a row.
      label: the raw feature that it predicts.
      calibration: of the evaluation rows that have both.
    """

    output: str
    width: int
    label: str
    calibration: Calibration

    @property
    def features(self) -> list[str]:
        """The features of the output's numbers, as logged answers have them."""
        return [self.output] if self.width == 1 else [f"{self.output}[{i}]" for i in range(self.width)]

    def to_bytes(self) -> bytes:
        values = {"format": 1, "output": self.output, "width": self.width, "label": self.label}
        return json.dumps(values | {"calibration": self.calibration.to_json()}, sort_keys=True).encode()


def of_bytes(data: bytes) -> PerformanceRecord:
    """Of `to_bytes`. Raises ValueError for anything else."""
    values = json.loads(data)
    if not isinstance(values, Mapping) or values.get("format") != 1:
        raise ValueError("no record of performance")
    output, width, label = values.get("output"), values.get("width"), values.get("label")
    if not isinstance(output, str) or not isinstance(label, str) or not isinstance(width, int):
        raise ValueError("no record of performance")  # noqa: TRY004 - as for other bytes that are none
    if not 1 <= width <= MOST_CLASSES:
        raise ValueError("no record of performance")
    return PerformanceRecord(output, width, label, calibration_of_json(values.get("calibration") or {}))


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
    numbers = _numbers(labels, positive)
    good = np.isfinite(numbers) & np.isfinite(values).all(axis=1)
    if not good.any():
        raise NoPerformanceError(f"no evaluation row has a usable {label} and a prediction")
    values, numbers = np.asarray(values[good], np.float64), numbers[good]
    task = _task(values, numbers)
    calibration = calibrate(task, scores_of(task, values), _hits(task, values, numbers))
    return PerformanceRecord(output, values.shape[1], label, calibration)


def scores_of(task: Task, values: Array) -> Array:
    """The score of each row, see `bins`: float64 [rows] of [rows, width]."""
    wide = np.asarray(values, np.float64)
    return np.asarray(wide.max(axis=1) if task is Task.MULTICLASS else wide[:, -1])


def _hits(task: Task, values: Array, labels: Array) -> Array:
    if task is Task.MULTICLASS:
        return np.asarray(values.argmax(axis=1) == labels, np.float64)
    return labels


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


def _numbers(labels: Sequence[float | str | None], positive: str | None) -> Array:
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
