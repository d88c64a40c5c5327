"""Predictions and their labels, counted by bins of the prediction: small, and mergeable.

The score that is binned is the probability of the positive class (binary), the largest probability
(multiclass), or the prediction itself (regression). The label that goes with it is whether the class is
positive, whether the largest is the true class, or the number that was to be predicted.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Bins of equally many evaluation rows. With so many, ties within a bin hardly move the AUC.
BINS = 128
#: A probability of 0 or 1 is no farther than this from it in a log loss, as scikit-learn clips float32.
LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
#: The probability from which a binary prediction is positive.
CUT = 0.5


class Task(enum.StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


@dataclasses.dataclass(frozen=True)
class ScoreBins:
    """Rows by bin of the score, without labels.

    Attributes:
      rows, score, square: count, sum and sum of squares of the scores, float64 [bins].
      log, log_rest: sums of log(score) and log(1 - score), zero in a regression, float64 [bins].
    """

    rows: Array
    score: Array
    square: Array
    log: Array
    log_rest: Array

    def plus(self, other: ScoreBins) -> ScoreBins:
        """Both together. The bins must have the same edges."""
        mine, others = _arrays(self), _arrays(other)
        return ScoreBins(**{name: mine[name] + others[name] for name in mine})

    @property
    def total(self) -> float:
        return float(self.rows.sum())


@dataclasses.dataclass(frozen=True)
class LabelBins:
    """Labels by bin of the score.

    Attributes:
      positives: sum of the labels 0 or 1; zero in a regression, float64 [bins].
      absolute, squared: sums of |label - score| and of its square, float64 [bins].
      fourth: sum of its fourth power: how sure the mean of the squares is, float64 [bins].
    """

    positives: Array
    absolute: Array
    squared: Array
    fourth: Array

    def plus(self, other: LabelBins) -> LabelBins:
        """Both together. The bins must have the same edges."""
        mine, others = _arrays(self), _arrays(other)
        return LabelBins(**{name: mine[name] + others[name] for name in mine})


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What evaluation rows with labels say of a model's scores.

    Attributes:
      edges: ascending; bin i holds edges[i - 1] <= score < edges[i], float64 [bins - 1].
    """

    task: Task
    edges: Array
    scores: ScoreBins
    labels: LabelBins

    def to_json(self) -> dict[str, Any]:
        parts: dict[str, ScoreBins | LabelBins] = {"scores": self.scores, "labels": self.labels}
        lists = {
            key: {name: array.tolist() for name, array in _arrays(part).items()}
            for key, part in parts.items()
        }
        return {"task": self.task.value, "edges": self.edges.tolist()} | lists


def calibration_of_json(values: Mapping[str, Any]) -> Calibration:
    """Of `Calibration.to_json`. Raises ValueError for anything else."""
    try:
        edges = np.array(values["edges"], np.float64)
        scores = ScoreBins(**{k: np.array(v, np.float64) for k, v in values["scores"].items()})
        labels = LabelBins(**{k: np.array(v, np.float64) for k, v in values["labels"].items()})
        calibration = Calibration(Task(values["task"]), edges, scores, labels)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("no calibration") from error
    arrays = [*_arrays(scores).values(), *_arrays(labels).values()]
    good = edges.ndim == 1 and bool((np.diff(edges) > 0).all()) and scores.total > 0
    if not good or any(a.shape != (len(edges) + 1,) or not np.isfinite(a).all() for a in arrays):
        raise ValueError("no calibration")
    return calibration


def calibrate(task: Task, scores: Array, labels: Array, bins: int = BINS) -> Calibration:
    """The calibration of evaluation rows.

    Args:
      scores: finite float64 [rows]; labels: float64 [rows], see above.

    Raises ValueError where there is no row.
    """
    if not len(scores):
        raise ValueError("no row has a label and a prediction")
    edges = _edges(task, scores, bins)
    return Calibration(task, edges, score_bins(task, edges, scores), label_bins(edges, scores, labels))


def score_bins(task: Task, edges: Array, scores: Array) -> ScoreBins:
    """The rows of some finite scores, float64 [rows]."""
    at = _bins(edges, scores)
    logs = [np.zeros(len(scores))] * 2
    if task is not Task.REGRESSION:
        clipped = np.clip(scores, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        logs = [np.log(clipped), np.log1p(-clipped)]
    columns = [np.ones(len(scores)), scores, scores**2, *logs]
    return ScoreBins(*(np.bincount(at, column, len(edges) + 1) for column in columns))


def label_bins(edges: Array, scores: Array, labels: Array) -> LabelBins:
    """The labels of some rows, float64 [rows]."""
    at, errors = _bins(edges, scores), np.abs(labels - scores)
    columns = [labels, errors, errors**2, errors**4]
    return LabelBins(*(np.bincount(at, column, len(edges) + 1) for column in columns))


def _edges(task: Task, scores: Array, bins: int) -> Array:
    """Quantiles; a binary score has an edge at the cut, so that each bin is on one side of it."""
    quantiles = np.quantile(scores, np.arange(1, bins) / bins)
    return np.asarray(np.unique(np.append(quantiles, CUT) if task is Task.BINARY else quantiles))


def _bins(edges: Array, scores: Array) -> Array:
    return np.asarray(np.searchsorted(edges, scores, side="right"))


def _arrays(part: ScoreBins | LabelBins) -> dict[str, Array]:
    return {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
