"""Several classes: each is binned by its own probability, and one label is true of all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from trueserve.transforms.performance.bins import (
    Array,
    Calibration,
    LabelBins,
    ScoreBins,
    Task,
    bin_numbers,
    calibrate,
    label_bins,
    logs,
    quantile_edges,
    score_bins,
)

#: Bins of a class's probability: fewer than of one score, as there may be many classes.
CLASS_BINS = 64


def calibrate_classes(values: Array, labels: Array) -> Calibration:
    """The calibration of evaluation rows: by the largest probability, and by that of each class.

    Args:
      values: finite probabilities, float64 [rows, classes]; labels: the numbers of classes, [rows].

    Raises ValueError where there is no row.
    """
    top = calibrate(Task.MULTICLASS, values.max(axis=1), hits(values, labels))
    edges = tuple(quantile_edges(values[:, number], CLASS_BINS) for number in range(values.shape[1]))
    scores = dataclasses.replace(top.scores, classes=class_scores(edges, values))
    of_classes = dataclasses.replace(top.labels, classes=class_labels(edges, values, labels))
    calibration = dataclasses.replace(top, scores=scores, labels=of_classes, class_edges=edges)
    return dataclasses.replace(calibration, together=together(calibration, values, labels))


def hits(values: Array, labels: Array) -> Array:
    """Whether the largest probability is that of the true class: float64 [rows], 0 or 1."""
    return np.asarray(values.argmax(axis=1) == labels, np.float64)


def class_scores(edges: Sequence[Array], values: Array) -> tuple[ScoreBins, ...]:
    """The rows by the probability of each class; () without edges."""
    return tuple(score_bins(Task.BINARY, e, values[:, number]) for number, e in enumerate(edges))


def class_labels(edges: Sequence[Array], values: Array, labels: Array) -> tuple[LabelBins, ...]:
    """Of each class whether it is the true one, by its probability; () without edges."""
    return tuple(
        label_bins(Task.BINARY, e, values[:, number], (labels == number).astype(np.float64))
        for number, e in enumerate(edges)
    )


def averaged(calibration: Calibration) -> tuple[int, ...]:
    """The classes that the AUC is averaged over: those that some evaluation rows have, and some have not."""
    sizes = [float(labels.positives.sum()) for labels in calibration.labels.classes]
    return tuple(number for number, size in enumerate(sizes) if 0 < size < calibration.scores.total)


def together(calibration: Calibration, values: Array, labels: Array) -> dict[str, tuple[float, float]]:
    """How errors of classes add up: sums over rows of (sum over classes)^2, and of the sum of squares.

    Where a class's label is above what its probability leads to expect, those of the others are below. What
    is summed over classes varies less than it would if each label were drawn by itself, by the ratio of both.
    An error is (label - rate), times what the metric changes by a label: its derivative.
    """
    sums = {name: (np.zeros(len(values)), np.zeros(len(values))) for name in ("auc", "log_loss", "brier")}
    of_auc = averaged(calibration)
    for number, (scores, of_class) in enumerate(
        zip(calibration.scores.classes, calibration.labels.classes, strict=True)
    ):
        at, probabilities = bin_numbers(calibration.class_edges[number], values[:, number]), values[:, number]
        rates = of_class.positives / np.maximum(scores.rows, 1)
        errors = (labels == number) - rates[at]
        derivatives = {"log_loss": -logs(probabilities)[0], "brier": 1 - 2 * probabilities}
        if number in of_auc:
            derivatives["auc"] = _auc_derivative(scores.rows, of_class.positives)[at]
        for name, derivative in derivatives.items():
            joint, apart = sums[name]
            joint += errors * derivative
            apart += (errors * derivative) ** 2
    return {name: (float((joint**2).sum()), float(apart.sum())) for name, (joint, apart) in sums.items()}


def _auc_derivative(rows: Array, positives: Array) -> Array:
    """What the AUC gains if a row's label of 0 becomes 1, by the row's bin, float64 [bins]."""
    negatives = rows - positives
    num_positive, num_negative = positives.sum(), negatives.sum()
    below = np.cumsum(negatives) - negatives / 2
    above = num_positive - np.cumsum(positives) + positives / 2
    area = float((positives * below).sum()) / (num_positive * num_negative)
    gain = (below - above) / (num_positive * num_negative)
    return np.asarray(gain - area / num_positive + area / num_negative)
