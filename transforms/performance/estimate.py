"""A window's performance without its labels, from its scores and the calibration of evaluation rows.

Confidence-based: a row's label is expected as the labels of evaluation rows with such a score were. That
holds where covariates moved and the labels of rows that look alike did not (Garg et al. 2022, "Leveraging
unlabeled data to predict out-of-distribution performance"; NannyML's CBPE). For a regression the loss of such
rows is taken, as direct loss estimation does, with the prediction as the only feature of the loss.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from trueserve.transforms.performance.bins import Array, Calibration, ScoreBins, Task
from trueserve.transforms.performance.metrics import MORE_IS_BETTER, at_export, metrics, rates_of

#: What no estimate of this kind can see. Each is said wherever an estimate is.
CANNOT_SEE = (
    "concept shift: labels that changed for rows that look the same",
    "a fault that makes the predictions confidently wrong",
)
_SAMPLES = 200
_SEED = 17
_Z = 1.959964  # 95 %, both sides


@dataclasses.dataclass(frozen=True)
class Estimate:
    """One metric of a window.

    Attributes:
      value: None where it is not defined, as the AUC of one class.
      low, high: its 95 % interval.
      at_export: that of the evaluation rows.
      harm, harm_low: how much worse the window is than the evaluation rows, at least as far as known: the
        interval of the harm counts the uncertainty of the calibration once.
    """

    value: float | None
    low: float | None
    high: float | None
    at_export: float | None
    harm: float | None
    harm_low: float | None


def estimate(calibration: Calibration, window: ScoreBins, design_effect: float = 1.0) -> dict[str, Estimate]:
    """The metrics of a window, by name.

    Args:
      window: its scores, by the bins of the calibration.
      design_effect: how many of its rows tell as much as one independent row, at least 1.

    Raises ValueError where the window has no row.
    """
    if window.total <= 0:
        raise ValueError("the window has no prediction")
    rates = rates_of(calibration.scores, calibration.labels)
    value = metrics(calibration.task, calibration.edges, window, rates)
    before = at_export(calibration)
    sampled = _sampled(calibration, window, rates, design_effect)
    return {name: _estimate(name, value[name], before[name], sampled[name]) for name in value}


def _estimate(name: str, value: float | None, before: float | None, sampled: tuple[Array, Array]) -> Estimate:
    windows, differences = sampled
    if value is None or before is None or not np.isfinite(windows).all():
        return Estimate(value, None, None, before, None, None)
    spread, harm = _Z * float(windows.std()), (before - value) * (1 if name in MORE_IS_BETTER else -1)
    low, high = value - spread, value + spread
    bounded = name in {"auc", "accuracy", "brier"}
    low, high = max(low, 0.0), min(high, 1.0) if bounded else high
    return Estimate(value, low, high, before, harm, harm - _Z * float(differences.std()))


def _sampled(
    calibration: Calibration, window: ScoreBins, rates: Mapping[str, Array], design_effect: float
) -> dict[str, tuple[Array, Array]]:
    """Metrics of resampled windows under resampled calibrations, and their differences to evaluation.

    A parametric bootstrap: rows of a window, and of the evaluation, by a multinomial; the rate of a bin by
    its Beta posterior under Jeffreys' prior, the mean loss of a bin by a normal; and of the window the labels
    that its rows happen to have.
    """
    random = np.random.default_rng(_SEED)
    samples: dict[str, list[tuple[float, float]]] = {}
    for _ in range(_SAMPLES):
        drawn = _drawn_rates(random, calibration, rates)
        scores = _resampled(random, window, design_effect)
        labels = _labels_of(random, calibration, scores, drawn)
        now = metrics(calibration.task, calibration.edges, scores, labels)
        evaluation = _resampled(random, calibration.scores, 1.0)
        before = metrics(calibration.task, calibration.edges, evaluation, drawn)
        for name, value in now.items():
            pair = (np.nan if value is None else value, np.nan if before[name] is None else before[name])
            samples.setdefault(name, []).append(pair)  # type: ignore[arg-type]
    arrays = {name: np.array(pairs) for name, pairs in samples.items()}
    return {name: (pairs[:, 0], pairs[:, 0] - pairs[:, 1]) for name, pairs in arrays.items()}


def _drawn_rates(
    random: np.random.Generator, calibration: Calibration, rates: Mapping[str, Array]
) -> dict[str, Array]:
    rows, labels = calibration.scores.rows, calibration.labels
    if calibration.task is not Task.REGRESSION:
        positives = np.clip(labels.positives, 0, rows)
        return {"positives": random.beta(positives + 0.5, rows - positives + 0.5)}
    noise = random.standard_normal(len(rows)) / np.sqrt(np.maximum(rows, 1))
    spreads = _spreads(calibration, rates)
    return {name: np.maximum(rates[name] + noise * spread, 0) for name, spread in spreads.items()}


def _labels_of(
    random: np.random.Generator, calibration: Calibration, scores: ScoreBins, rates: Mapping[str, Array]
) -> Mapping[str, Array]:
    """The rates by bin of one drawing of the window's labels, which `rates` leads to expect."""
    rows = scores.rows
    if calibration.task is not Task.REGRESSION:
        positives = random.binomial(rows.astype(np.int64), rates["positives"])
        return {"positives": np.divide(positives, rows, out=np.zeros_like(rows), where=rows > 0)}
    errors = _spreads(calibration, rates)
    noise = random.standard_normal(len(rows)) / np.sqrt(np.maximum(rows, 1))
    return {name: np.maximum(rates[name] + noise * errors[name], 0) for name in errors}


def _spreads(calibration: Calibration, rates: Mapping[str, Array]) -> dict[str, Array]:
    """The deviation of one row's loss, by bin."""
    n, labels = np.maximum(calibration.scores.rows, 1), calibration.labels
    means = {"absolute": labels.squared / n, "squared": labels.fourth / n}
    return {name: np.sqrt(np.maximum(mean - rates[name] ** 2, 0)) for name, mean in means.items()}


def _resampled(random: np.random.Generator, bins: ScoreBins, design_effect: float) -> ScoreBins:
    """As many rows as tell of their own, spread anew over the bins; means within a bin stay."""
    effective = max(round(bins.total / design_effect), 1)
    rows = random.multinomial(effective, bins.rows / bins.total).astype(np.float64)
    factor = np.divide(rows, bins.rows, out=np.zeros_like(rows), where=bins.rows > 0)
    return ScoreBins(
        rows, bins.score * factor, bins.square * factor, bins.log * factor, bins.log_rest * factor
    )
