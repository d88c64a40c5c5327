"""The performance of predictions on faulty features, by labels that features without the fault make likely.

A fault of the pipeline changes what the model gets, and no label. So labels follow the predictions of rows
without the fault, by the calibration of evaluation rows; the faulty predictions are scored against these.
Estimates from faulty predictions alone cannot see such a fault: it makes them confidently wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from trueserve.transforms.performance.bins import CUT, Array, Calibration, Task, logs
from trueserve.transforms.performance.estimate import expected
from trueserve.transforms.performance.rates import at_rows
from trueserve.transforms.performance.record import PerformanceRecord, scores_of, values_of

_erf = np.vectorize(math.erf, otypes=[np.float64])


def metrics(record: PerformanceRecord, served: Array, mended: Array) -> Mapping[str, float | None]:
    """The metrics of a model's answers, of those that are known for its task; None if not defined.

    Args:
      served: the answers to rows as they were served, or with some faults: float64 [rows, width].
      mended: those to the same rows without a fault.
    """
    calibration = record.calibration
    if calibration.task is Task.MULTICLASS:
        # Labels of several classes are not followed row by row: those of the predictions as they are.
        return expected(calibration, scores_of(record, served))
    scores, likely = values_of(record, served), values_of(record, mended)
    if calibration.task is Task.REGRESSION:
        return _of_losses(calibration, scores, likely)
    return _of_labels(scores, at_rows(calibration, likely).positives)


def _of_labels(scores: Array, positives: Array) -> dict[str, float | None]:
    """Of rows whose labels are 1 with these probabilities."""
    log, log_rest = logs(scores)
    right = np.where(scores >= CUT, positives, 1 - positives)
    return {
        "auc": _auc(scores, positives),
        "log_loss": float(-(positives * log + (1 - positives) * log_rest).mean()),
        "brier": float((positives * (1 - scores) ** 2 + (1 - positives) * scores**2).mean()),
        "accuracy": float(right.mean()),
    }


def _auc(scores: Array, positives: Array) -> float | None:
    """Mann-Whitney's, of rows that are positive and negative in part; ties count half."""
    _, at = np.unique(scores, return_inverse=True)
    of_positives, of_negatives = (np.bincount(at, weights) for weights in (positives, 1 - positives))
    pairs = of_positives.sum() * of_negatives.sum()
    below = np.cumsum(of_negatives) - of_negatives / 2
    return float((of_positives * below).sum() / pairs) if pairs > 0 else None


def _of_losses(calibration: Calibration, scores: Array, likely: Array) -> dict[str, float | None]:
    """Of a regression: the error of the right prediction, taken as normal, and how far off this one is."""
    rates, apart = at_rows(calibration, likely), np.abs(scores - likely)
    more = _folded_mean(apart, np.sqrt(rates.squared)) - _folded_mean(0 * apart, np.sqrt(rates.squared))
    return {
        "mae": float((rates.absolute + more).mean()),
        "rmse": float(np.sqrt((rates.squared + apart**2).mean())),
    }


def _folded_mean(mean: Array, deviation: Array) -> Array:
    """The mean of |x| for a normal x (Leone, Nelson, Nottingham 1961, "The folded normal distribution")."""
    safe = np.maximum(deviation, np.finfo(np.float64).tiny)
    ratio = mean / safe
    return np.asarray(safe * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + mean * _erf(ratio / np.sqrt(2)))
