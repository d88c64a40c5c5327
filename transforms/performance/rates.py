"""How often bins of scores have the label 1, or their mean losses: of evaluation rows, and of a window's.

A window's rows lie elsewhere within a bin than the evaluation's. So the rate is taken from the straight line
between the means of neighbouring bins, at the mean of the window's rows.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from trueserve.transforms.performance.bins import Array, Calibration, LabelBins, ScoreBins, Task
from trueserve.transforms.performance.classes import averaged

#: A loss follows its line so many bins beyond the outermost mean; a rate of labels does not.
_BEYOND = 2.0


@dataclasses.dataclass(frozen=True)
class Rates:
    """Means by bin, float64 [..., bins]: leading axes are those of drawings.

    Attributes:
      positives: the share of the label 1; of a regression zeros.
      absolute, squared: mean |label - score| and its mean square, of a regression; else zeros.
      classes: the share of label 1 of each class; () where there are not several.
      averaged: the classes whose AUCs are averaged.
    """

    positives: Array
    absolute: Array
    squared: Array
    classes: tuple[Array, ...] = ()
    averaged: tuple[int, ...] = ()


def of_evaluation(calibration: Calibration) -> Rates:
    """A bin's mean label and mean losses; zero in an empty bin, which nothing reads."""
    return of_labels(calibration.scores, calibration.labels, averaged(calibration))


def of_labels(scores: ScoreBins, labels: LabelBins, of_auc: tuple[int, ...]) -> Rates:
    """Those of rows whose labels are known."""
    sums = (labels.positives, labels.absolute, labels.squared)
    positives, absolute, squared = (_mean(scores, array) for array in sums)
    classes = zip(scores.classes, labels.classes, strict=False)
    of_classes = tuple(_mean(part, of_class.positives) for part, of_class in classes)
    return Rates(positives, absolute, squared, of_classes, of_auc)


def at_window(calibration: Calibration, rates: Rates, window: ScoreBins) -> Rates:
    """The rates of evaluation bins, moved to where the window's rows are."""
    by_score = _at(calibration, rates, _mean(window, window.score))
    parts = zip(calibration.scores.classes, window.classes, rates.classes, strict=True)
    classes = tuple(
        _Line.between(mine, _mean(others, others.score), 0.0).of(values) for mine, others, values in parts
    )
    return dataclasses.replace(by_score, classes=classes)


def at_rows(calibration: Calibration, scores: Array) -> Rates:
    """The rates of rows with these scores, float64 [rows]; none of classes."""
    return _at(calibration, of_evaluation(calibration), scores)


def _at(calibration: Calibration, rates: Rates, scores: Array) -> Rates:
    """The rates where these scores are, on the lines between those of evaluation bins; none of classes."""
    beyond = _BEYOND if calibration.task is Task.REGRESSION else 0.0
    line = _Line.between(calibration.scores, scores, beyond)
    values = [line.of(getattr(rates, name)) for name in ("positives", "absolute", "squared")]
    # A line that goes on may leave what a loss can be.
    absolute, squared = (np.maximum(value, 0) for value in values[1:])
    return Rates(values[0], absolute, squared, (), rates.averaged)


@dataclasses.dataclass(frozen=True)
class _Line:
    """Where some scores lie between the means of the evaluation's bins that have rows.

    Attributes:
      left, right: numbers of the bins, int64 [scores]; weight: of the right one, float64 [scores].
    """

    left: Array
    right: Array
    weight: Array

    @classmethod
    def between(cls, evaluation: ScoreBins, wanted: Array, beyond: float) -> _Line:
        bins = np.flatnonzero(evaluation.rows)
        means = _mean(evaluation, evaluation.score)[bins]
        last = len(bins) - 1
        left = np.clip(np.searchsorted(means, wanted, side="right") - 1, 0, max(last - 1, 0))
        right = np.minimum(left + 1, last)
        span = means[right] - means[left]
        weight = np.divide(wanted - means[left], span, out=np.zeros_like(wanted), where=span > 0)
        return cls(bins[left], bins[right], np.clip(weight, -beyond, 1 + beyond))

    def of(self, values: Array) -> Array:
        return np.asarray(values[..., self.left] * (1 - self.weight) + values[..., self.right] * self.weight)


def _mean(scores: ScoreBins, sums: Array) -> Array:
    return np.divide(sums, scores.rows, out=np.zeros_like(scores.rows), where=scores.rows > 0)
