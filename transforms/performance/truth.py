"""The true performance of rows whose labels came late, and whether an estimate was right."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from trueserve.transforms.performance import draws
from trueserve.transforms.performance.bins import Array, Calibration, LabelBins, ScoreBins
from trueserve.transforms.performance.estimate import DRAWINGS, SEED, Estimate, of_change
from trueserve.transforms.performance.metrics import MORE_IS_BETTER, at_export, defined, metrics, observed
from trueserve.transforms.performance.rates import Rates, of_evaluation

#: With labels of this share of the rows that the estimate is of, the true metric is that of the window.
COVERED = 0.95


@dataclasses.dataclass(frozen=True)
class EstimateCheck:
    """What the truth says of an estimate.

    Attributes:
      truth_is: `within`, `worse`, `better`, or `unsure`; None where nothing can be said.
      sentence: the same for a person.
    """

    truth_is: str | None
    sentence: str


def true_metrics(
    calibration: Calibration, scores: ScoreBins, labels: LabelBins, design_effect: float = 1.0
) -> dict[str, Estimate]:
    """The metrics of rows with labels, by name; the interval is that of other rows like these.

    Args:
      scores, labels: of the same rows, by the bins of the calibration.
      design_effect: how many of the rows tell as much as one independent row.

    Raises ValueError where there is no row.
    """
    if scores.total <= 0:
        raise ValueError("no row has a label and a prediction")
    true, before = observed(calibration, scores, labels), at_export(calibration)
    spreads, harms = _spreads(calibration, scores, labels, design_effect)
    return {
        name: of_change(name, _minus(value, before[name]), before[name], spreads[name], harms[name])
        for name, value in true.items()
    }


def _minus(value: float | None, before: float | None) -> float | None:
    return None if value is None or before is None else value - before


def _spreads(
    calibration: Calibration, scores: ScoreBins, labels: LabelBins, design_effect: float
) -> tuple[dict[str, float], dict[str, float]]:
    """The deviation of each metric of the rows, and of its difference to the evaluation rows'."""
    random = np.random.default_rng(SEED)
    now = _drawn(random, dataclasses.replace(calibration, scores=scores, labels=labels), design_effect)
    then = _drawn(random, calibration, 1.0)
    return (
        {name: draws.deviation(calibration, name, values) for name, values in now.items()},
        {name: draws.deviation(calibration, name, values - then[name]) for name, values in now.items()},
    )


def _drawn(random: np.random.Generator, rows: Calibration, design_effect: float) -> dict[str, Array]:
    """The metrics of rows drawn anew, with labels drawn by the rows' own rates."""
    rates = _repeated(of_evaluation(rows))
    others = draws.rows(random, rows.scores, design_effect, DRAWINGS)
    labels = draws.labels(random, rows, rates, others, 1.0)
    return metrics(rows.task, rows.edges, others, labels)


def _repeated(rates: Rates) -> Rates:
    def rows(array: Array) -> Array:
        return np.broadcast_to(array, (DRAWINGS, len(array)))

    return dataclasses.replace(
        rates,
        positives=rows(rates.positives),
        absolute=rows(rates.absolute),
        squared=rows(rates.squared),
        classes=tuple(map(rows, rates.classes)),
    )


def check_estimate(
    metric: str, truth: Estimate, estimate: Mapping[str, Any] | None, covered: float
) -> EstimateCheck:
    """Whether the truth lies in the interval of an estimate.

    Args:
      estimate: a metric of `performance` in verdict.json; None where there is none.
      covered: the share of the estimate's rows that have a label.
    """
    low, high = (defined_number((estimate or {}).get(name)) for name in ("low", "high"))
    if truth.value is None or low is None or high is None:
        return EstimateCheck(
            None, "the truth is not defined" if truth.value is None else "there is no estimate"
        )
    if low <= truth.value <= high:
        return EstimateCheck("within", "the estimate's interval holds the truth")
    if covered < COVERED and _meet(truth, low, high):
        return EstimateCheck("unsure", "too few rows have a label to tell whether the estimate was right")
    if (truth.value < low) == (metric in MORE_IS_BETTER):
        causes = "a concept shift, or confidently wrong predictions"
        return EstimateCheck("worse", f"the truth is worse than the estimate's interval: {causes}")
    return EstimateCheck("better", "the truth is better than the estimate's interval")


def _meet(truth: Estimate, low: float, high: float) -> bool:
    return truth.low is None or truth.high is None or (truth.low <= high and low <= truth.high)


def defined_number(value: Any) -> float | None:
    """The number that a file from elsewhere has; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return defined(float(value)) if is_number else None
