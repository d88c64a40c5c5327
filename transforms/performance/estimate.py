"""A window's performance without its labels, from its scores and the calibration of evaluation rows.

Confidence-based: a row's label is expected as the labels of evaluation rows with such a score were. That
holds where covariates moved and the labels of rows that look alike did not (Garg et al. 2022, "Leveraging
unlabeled data to predict out-of-distribution performance"; NannyML's CBPE). For a regression the loss of such
rows is taken, as direct loss estimation does, with the prediction as the only feature of the loss.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from trueserve.transforms.performance import draws
from trueserve.transforms.performance.bins import Calibration, ScoreBins
from trueserve.transforms.performance.metrics import AT_MOST_1, MORE_IS_BETTER, at_export, defined, metrics
from trueserve.transforms.performance.rates import at_window, of_evaluation

#: What no estimate of this kind can see. Each is said wherever an estimate is.
CANNOT_SEE = (
    "concept shift: labels that changed for rows that look the same",
    "a fault that makes the predictions confidently wrong",
)
DRAWINGS = 400
SEED = 17
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
    before, changes = at_export(calibration), _changes(calibration, window)
    spreads, harms = _spreads(calibration, window, design_effect)
    return {
        name: of_change(name, change, before[name], spreads[name], harms[name])
        for name, change in changes.items()
    }


def expected(calibration: Calibration, window: ScoreBins) -> dict[str, float | None]:
    """The metrics of a window alone, as in `Estimate.value`."""
    before = at_export(calibration)
    return {name: _sum(before[name], change) for name, change in _changes(calibration, window).items()}


def _sum(before: float | None, change: float | None) -> float | None:
    return None if before is None or change is None else before + change


def _changes(calibration: Calibration, window: ScoreBins) -> dict[str, float | None]:
    """Of each metric, from the evaluation rows: what bins miss of these, they miss of the window's."""
    rates = of_evaluation(calibration)
    then = metrics(calibration.task, calibration.edges, calibration.scores, rates)
    now = metrics(calibration.task, calibration.edges, window, at_window(calibration, rates, window))
    return {name: defined(now[name] - then[name]) for name in now}


def of_change(name: str, change: float | None, before: float | None, spread: float, harm: float) -> Estimate:
    """An estimate of the change to the evaluation rows.

    Args:
      before: the metric of these.
      spread, harm: the deviations of the metric, and of the change.
    """
    if change is None or before is None:
        return Estimate(None, None, None, before, None, None)
    value, loss = before + change, -change if name in MORE_IS_BETTER else change
    if not (np.isfinite(spread) and np.isfinite(harm)):
        return Estimate(value, None, None, before, None, None)
    low, high = max(value - _Z * spread, 0.0), value + _Z * spread
    return Estimate(value, low, min(high, 1.0) if name in AT_MOST_1 else high, before, loss, loss - _Z * harm)


def _spreads(
    calibration: Calibration, window: ScoreBins, design_effect: float
) -> tuple[dict[str, float], dict[str, float]]:
    """The deviation of each metric of the window, and of its difference to evaluation.

    A window's scores are known, so its metrics vary by what its labels happen to be, and by what the rates
    may be. A difference varies by the rows on both sides, too: others might have come.
    """
    random, task, edges = np.random.default_rng(SEED), calibration.task, calibration.edges
    rates = draws.rates(random, calibration, DRAWINGS)
    expected = at_window(calibration, rates, window)
    labels = draws.labels(random, calibration, expected, window, design_effect)
    now = metrics(task, edges, window, labels)
    others = draws.rows(random, window, design_effect, DRAWINGS)
    other_labels = draws.labels(random, calibration, expected, others, 1.0)
    evaluation = draws.rows(random, calibration.scores, 1.0, DRAWINGS)
    then = metrics(task, edges, evaluation, rates)
    by_rows = metrics(task, edges, others, other_labels)
    return (
        {name: draws.deviation(calibration, name, values) for name, values in now.items()},
        {name: draws.deviation(calibration, name, values - then[name]) for name, values in by_rows.items()},
    )
