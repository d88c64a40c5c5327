"""Metrics from counts by bins of the score."""

from __future__ import annotations

import numpy as np

from trueserve.transforms.performance.bins import CUT, Array, Calibration, LabelBins, ScoreBins, Task
from trueserve.transforms.performance.classes import averaged
from trueserve.transforms.performance.rates import Rates, of_labels

#: Metrics of which more is better; of the others less is.
MORE_IS_BETTER = frozenset({"auc", "accuracy"})
#: Metrics that are at most 1.
AT_MOST_1 = frozenset({"auc", "accuracy"})


def auc(rows: Array, positives: Array) -> Array:
    """Area under the ROC curve, rows of one bin being ties that count half (Mann-Whitney).

    Args:
      rows, positives: by ascending bin, float64 [..., bins]; expected counts will do.

    Returns:
      float64 [...], NaN where there is only one class.
    """
    negatives = rows - positives
    pairs = positives.sum(axis=-1) * negatives.sum(axis=-1)
    below = np.cumsum(negatives, axis=-1) - negatives / 2
    wins = (positives * below).sum(axis=-1)
    return np.asarray(np.divide(wins, pairs, out=np.full(np.shape(wins), np.nan), where=pairs > 0))


def metrics(task: Task, edges: Array, scores: ScoreBins, rates: Rates) -> dict[str, Array]:
    """The metrics of rows whose labels are known, or expected, by bin: float64 [...], NaN if not defined.

    Within a bin labels and scores are taken as unrelated: with `BINS` bins that hardly moves Brier and log
    loss. Of several classes the AUC is that of each against the rest, averaged (macro); log loss and Brier
    are sums over classes.
    """
    total = scores.rows.sum(axis=-1)
    if task is Task.REGRESSION:
        mae, mse = ((scores.rows * losses).sum(axis=-1) / total for losses in (rates.absolute, rates.squared))
        return {"mae": mae, "rmse": np.sqrt(np.maximum(mse, 0))}
    rate = rates.positives
    if task is Task.MULTICLASS:
        return _of_classes(scores, rates) | {"accuracy": (scores.rows * rate).sum(axis=-1) / total}
    positive_bins = np.append(-np.inf, edges) >= CUT
    return {
        "auc": auc(scores.rows, scores.rows * rate),
        "log_loss": -(rate * scores.log + (1 - rate) * scores.log_rest).sum(axis=-1) / total,
        "brier": _brier(scores, rate) / total,
        "accuracy": (scores.rows * np.where(positive_bins, rate, 1 - rate)).sum(axis=-1) / total,
    }


def _of_classes(scores: ScoreBins, rates: Rates) -> dict[str, Array]:
    if not scores.classes:
        return {}
    total, parts = scores.rows.sum(axis=-1), list(zip(scores.classes, rates.classes, strict=True))
    areas = [
        auc(parts[number][0].rows, parts[number][0].rows * parts[number][1]) for number in rates.averaged
    ]
    logs = [(rate * part.log).sum(axis=-1) for part, rate in parts]
    return {
        "auc": np.mean(areas, axis=0) if areas else np.full(np.shape(total), np.nan),
        "log_loss": -np.sum(logs, axis=0) / total,
        "brier": np.sum([_brier(part, rate) for part, rate in parts], axis=0) / total,
    }


def _brier(scores: ScoreBins, rate: Array) -> Array:
    return np.asarray((rate * scores.rows - 2 * rate * scores.score + scores.square).sum(axis=-1))


def observed(calibration: Calibration, scores: ScoreBins, labels: LabelBins) -> dict[str, float | None]:
    """The metrics of rows with labels; log loss, Brier and errors are those of the rows, not of bins.

    None where a metric is not defined, as the AUC where a class that evaluation rows have is missing.
    """
    rates = of_labels(scores, labels, averaged(calibration))
    values = metrics(calibration.task, calibration.edges, scores, rates)
    if calibration.task is Task.BINARY:
        logs = labels.log_positives + labels.log_negatives
        values |= {"log_loss": -logs.sum(), "brier": labels.squared.sum()}
    elif labels.classes:
        logs = np.array([part.log_positives.sum() for part in labels.classes])
        values |= {"log_loss": -logs.sum(), "brier": sum(part.squared.sum() for part in labels.classes)}
    exact = {name: values[name] / scores.total for name in ("log_loss", "brier") if name in values}
    return {name: defined(value) for name, value in (values | exact).items()}


def defined(value: Array | float) -> float | None:
    """The number, None for NaN."""
    return float(value) if np.isfinite(value) else None


def at_export(calibration: Calibration) -> dict[str, float | None]:
    """The metrics of the evaluation rows."""
    return observed(calibration, calibration.scores, calibration.labels)
