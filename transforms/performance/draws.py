"""A parametric bootstrap of rates, labels and rows by bins: all drawings at once."""

from __future__ import annotations

import dataclasses

import numpy as np

from trueserve.transforms.performance.bins import Array, Calibration, LabelBins, ScoreBins, Task
from trueserve.transforms.performance.rates import Rates, of_evaluation

#: Fewer drawings than this share that have a value of a metric say nothing of its interval.
_LEAST_DEFINED = 0.9


def rates(random: np.random.Generator, calibration: Calibration, drawings: int) -> Rates:
    """What the rates of evaluation bins may be: Beta under Jeffreys' prior; mean losses by a normal."""
    scores, labels, means = calibration.scores, calibration.labels, of_evaluation(calibration)
    if calibration.task is not Task.REGRESSION:
        positives = _beta(random, scores, labels, drawings)
        classes = tuple(
            _beta(random, *part, drawings) for part in zip(scores.classes, labels.classes, strict=True)
        )
        return dataclasses.replace(means, positives=positives, classes=classes)
    noise = random.standard_normal((drawings, len(scores.rows))) / np.sqrt(np.maximum(scores.rows, 1))
    return _with_noise(means, noise, _spreads(calibration))


def _beta(random: np.random.Generator, scores: ScoreBins, labels: LabelBins, drawings: int) -> Array:
    positives = np.clip(labels.positives, 0, scores.rows)
    size = (drawings, len(scores.rows))
    return random.beta(positives + 0.5, scores.rows - positives + 0.5, size)


def labels(
    random: np.random.Generator,
    calibration: Calibration,
    expected: Rates,
    scores: ScoreBins,
    design_effect: float,
) -> Rates:
    """The rates of labels that the rows happen to have, drawn by the expected ones.

    Args:
      expected: float64 [drawings, bins]; scores: of rows, [bins], or drawn ones, [drawings, bins].
      design_effect: how many rows tell as much as one.
    """
    if calibration.task is not Task.REGRESSION:
        positives = _binomial(random, scores.rows, expected.positives, design_effect)
        parts = zip(scores.classes, expected.classes, strict=True)
        classes = tuple(_binomial(random, part.rows, rate, design_effect) for part, rate in parts)
        return dataclasses.replace(expected, positives=positives, classes=classes)
    of_bins = np.sqrt(design_effect / np.maximum(scores.rows, 1))
    noise = np.asarray(random.standard_normal(expected.absolute.shape) * of_bins)
    return _with_noise(expected, noise, _spreads(calibration))


def _binomial(random: np.random.Generator, rows: Array, rate: Array, design_effect: float) -> Array:
    """Shares that may leave 0 to 1: metrics are sums of them, whose deviations must not be cut."""
    rate = np.clip(rate, 0, 1)
    drawn = random.binomial(np.broadcast_to(rows.astype(np.int64), rate.shape), rate)
    return np.asarray(rate + (drawn / np.maximum(rows, 1) - rate) * np.sqrt(design_effect))


def rows(random: np.random.Generator, scores: ScoreBins, design_effect: float, drawings: int) -> ScoreBins:
    """As many rows as tell of their own, spread anew over the bins; means within a bin stay.

    Returns float64 [drawings, bins].
    """
    effective = max(round(scores.total / design_effect), 1)
    drawn = random.multinomial(effective, scores.rows / scores.total, drawings).astype(np.float64)
    factor = np.divide(drawn, scores.rows, out=np.zeros_like(drawn), where=scores.rows > 0)
    sums = {name: getattr(scores, name) * factor for name in ("score", "square", "log", "log_rest")}
    classes = tuple(rows(random, part, design_effect, drawings) for part in scores.classes)
    return ScoreBins(drawn, **sums, classes=classes)


def _with_noise(means: Rates, noise: Array, spreads: tuple[Array, Array]) -> Rates:
    absolute, squared = spreads
    return dataclasses.replace(
        means,
        positives=np.zeros_like(noise),
        absolute=means.absolute + noise * absolute,
        squared=means.squared + noise * squared,
    )


def _spreads(calibration: Calibration) -> tuple[Array, Array]:
    """The deviation of one row's absolute and squared loss, by bin."""
    n, of_bins = np.maximum(calibration.scores.rows, 1), calibration.labels
    mean, square, fourth = of_bins.absolute / n, of_bins.squared / n, of_bins.fourth / n
    variances = (square - mean**2, fourth - square**2)
    absolute, squared = (np.sqrt(np.maximum(variance, 0)) for variance in variances)
    return absolute, squared


def deviation(calibration: Calibration, name: str, values: Array) -> float:
    """That of drawings of a metric; NaN where too many of them leave it undefined."""
    finite = values[np.isfinite(values)]
    if len(finite) < _LEAST_DEFINED * len(values):
        return float("nan")
    joint, apart = calibration.together.get(name, (1.0, 1.0))
    return float(finite.std()) * float(np.sqrt(joint / apart) if apart > 0 else 1.0)
