"""Metrics from counts by bins of the score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trueserve.transforms.performance.bins import CUT, Array, Calibration, LabelBins, ScoreBins, Task

#: Metrics of which more is better; of the others less is.
MORE_IS_BETTER = frozenset({"auc", "accuracy"})


def auc(rows: Array, positives: Array) -> float | None:
    """Area under the ROC curve, rows of one bin being ties that count half (Mann-Whitney).

    Args:
      rows, positives: by ascending bin, float64 [bins]; expected counts will do.

    Returns:
      None where there is only one class.
    """
    negatives = rows - positives
    pairs = float(positives.sum() * negatives.sum())
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum()) / pairs if pairs > 0 else None


def metrics(
    task: Task, edges: Array, scores: ScoreBins, rates: Mapping[str, Array]
) -> dict[str, float | None]:
    """The metrics of rows whose labels are known, or expected, by bin.

    Args:
      rates: `positives`, the share of a bin's labels that are 1; for a regression `absolute` and `squared`,
        a bin's mean errors; float64 [bins].
    """
    total = scores.total
    if task is Task.REGRESSION:
        means = {name: float((scores.rows * rates[name]).sum()) / total for name in ("absolute", "squared")}
        return {"mae": means["absolute"], "rmse": float(np.sqrt(means["squared"]))}
    rate = rates["positives"]
    if task is Task.MULTICLASS:
        return {"accuracy": float((scores.rows * rate).sum()) / total}
    positive_bins = np.append(-np.inf, edges) >= CUT
    return {
        "auc": auc(scores.rows, scores.rows * rate),
        "log_loss": -float((rate * scores.log + (1 - rate) * scores.log_rest).sum()) / total,
        "brier": float((rate * scores.rows - 2 * rate * scores.score + scores.square).sum()) / total,
        "accuracy": float((scores.rows * np.where(positive_bins, rate, 1 - rate)).sum()) / total,
    }


def observed(task: Task, edges: Array, scores: ScoreBins, labels: LabelBins) -> dict[str, float | None]:
    """The metrics of rows with labels.

    Within a bin labels and scores are taken as unrelated: with `BINS` bins that hardly moves Brier and log
    loss.
    """
    return metrics(task, edges, scores, rates_of(scores, labels))


def rates_of(scores: ScoreBins, labels: LabelBins) -> dict[str, Array]:
    """A bin's mean label and mean errors; those of an empty bin are interpolated from its neighbours."""
    sums: dict[str, Any] = {
        "positives": labels.positives,
        "absolute": labels.absolute,
        "squared": labels.squared,
    }
    at = np.flatnonzero(scores.rows)
    bins = np.arange(len(scores.rows))
    return {name: np.interp(bins, at, values[at] / scores.rows[at]) for name, values in sums.items()}


def at_export(calibration: Calibration) -> dict[str, float | None]:
    """The metrics of the evaluation rows."""
    return observed(calibration.task, calibration.edges, calibration.scores, calibration.labels)
