"""Predictions and their labels, counted by bins of the prediction: small, and mergeable.

The score that is binned is the probability of the positive class (binary), the largest probability
(multiclass), or the prediction itself (regression). The label that goes with it is whether the class is
positive, whether the largest is the true class, or the number that was to be predicted. Of several classes
each is binned by its own probability, too, and its label is whether it is the true one.
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
#: The outer bins are halved again and again, down to so many evaluation rows: a window that moved has most
#: of its rows there.
LEAST_ROWS = 32
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
      classes: the same rows by the bins of each class's probability; () where there are not several.
    """

    rows: Array
    score: Array
    square: Array
    log: Array
    log_rest: Array
    classes: tuple[ScoreBins, ...] = ()

    def plus(self, other: ScoreBins) -> ScoreBins:
        """Both together. The bins must have the same edges."""
        classes = tuple(a.plus(b) for a, b in zip(self.classes, other.classes, strict=True))
        return ScoreBins(**_sums(self, other), classes=classes)

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
      log_positives, log_negatives: sums of log(score) of rows with label 1, and of log(1 - score) of others;
        zero in a regression, float64 [bins].
      classes: as of `ScoreBins`.
    """

    positives: Array
    absolute: Array
    squared: Array
    fourth: Array
    log_positives: Array
    log_negatives: Array
    classes: tuple[LabelBins, ...] = ()

    def plus(self, other: LabelBins) -> LabelBins:
        """Both together. The bins must have the same edges."""
        classes = tuple(a.plus(b) for a, b in zip(self.classes, other.classes, strict=True))
        return LabelBins(**_sums(self, other), classes=classes)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What evaluation rows with labels say of a model's scores.

    Attributes:
      edges: ascending; bin i holds edges[i - 1] <= score < edges[i], float64 [bins - 1].
      class_edges: those of each class's probability; () where there are not several, and in format 1.
      together: by metric, how the errors of classes add up, see `classes.together`.
    """

    task: Task
    edges: Array
    scores: ScoreBins
    labels: LabelBins
    class_edges: tuple[Array, ...] = ()
    together: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)


def calibrate(task: Task, scores: Array, labels: Array, bins: int = BINS) -> Calibration:
    """The calibration of evaluation rows by one score.

    Args:
      scores: finite float64 [rows]; labels: float64 [rows], see above.

    Raises ValueError where there is no row.
    """
    if not len(scores):
        raise ValueError("no row has a label and a prediction")
    edges = quantile_edges(scores, bins)
    if task is Task.BINARY:
        # Each bin is on one side of the cut.
        edges = np.unique(np.append(edges, CUT))
    return Calibration(task, edges, score_bins(task, edges, scores), label_bins(task, edges, scores, labels))


def quantile_edges(scores: Array, bins: int) -> Array:
    """Edges of bins of equally many rows, the outer ones halved down to `LEAST_ROWS`; float64, ascending."""
    halved = 0.5 ** np.arange(1, 60) / bins
    tail = halved[halved * len(scores) >= LEAST_ROWS]
    levels = np.concatenate([np.arange(1, bins) / bins, tail, 1 - tail])
    return np.asarray(np.unique(np.quantile(scores, np.sort(levels))))


def score_bins(task: Task, edges: Array, scores: Array) -> ScoreBins:
    """The rows of some finite scores, float64 [rows]."""
    at = bin_numbers(edges, scores)
    columns = [np.ones(len(scores)), scores, scores**2, *_logs(task, scores)]
    rows, score, square, log, log_rest = (np.bincount(at, column, len(edges) + 1) for column in columns)
    return ScoreBins(rows, score, square, log, log_rest)


def label_bins(task: Task, edges: Array, scores: Array, labels: Array) -> LabelBins:
    """The labels of some rows, float64 [rows]."""
    at, errors = bin_numbers(edges, scores), np.abs(labels - scores)
    log, log_rest = _logs(task, scores)
    columns = [labels, errors, errors**2, errors**4, labels * log, (1 - labels) * log_rest]
    sums = (np.bincount(at, column, len(edges) + 1) for column in columns)
    positives, absolute, squared, fourth, log_positives, log_negatives = sums
    return LabelBins(positives, absolute, squared, fourth, log_positives, log_negatives)


def bin_numbers(edges: Array, scores: Array) -> Array:
    """The number of each score's bin, int64 [rows]."""
    return np.asarray(np.searchsorted(edges, scores, side="right"))


def logs(scores: Array) -> tuple[Array, Array]:
    """The logarithms of probabilities, and of the rest to 1; `LEAST_PROBABILITY` from 0 and 1 at least."""
    clipped = np.clip(scores, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return np.log(clipped), np.log1p(-clipped)


def _logs(task: Task, scores: Array) -> tuple[Array, Array]:
    nothing = np.zeros(len(scores))
    return (nothing, nothing) if task is Task.REGRESSION else logs(scores)


def arrays_of(part: ScoreBins | LabelBins) -> dict[str, Array]:
    """The arrays of one set of bins by name, without those of its classes."""
    return {f.name: getattr(part, f.name) for f in dataclasses.fields(part) if f.name != "classes"}


def _sums(part: ScoreBins | LabelBins, other: ScoreBins | LabelBins) -> dict[str, Any]:
    others = arrays_of(other)
    return {name: array + others[name] for name, array in arrays_of(part).items()}
