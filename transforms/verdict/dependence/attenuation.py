"""By how much ties are weaker in serving than in training, and how likely by chance.

If a part of a feature's values comes from other rows, all its ties are weaker by that part. So one estimate
is made of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.dependence import periods, scores
from trueserve.transforms.verdict.dependence.columns import Scored
from trueserve.transforms.verdict.dependence.periods import Periods
from trueserve.transforms.verdict.dependence.ties import Tie
from trueserve.transforms.verdict.evidence import p_values

Array = np.ndarray[Any, Any]

# Of features that are one another's copies no correlation is surer than this.
_LEAST_VARIANCE = 0.01


class Measured(NamedTuple):
    """All ties, and what serving makes of them.

    Attributes:
      served: serving's correlations, by tie.
      weights: how much each tie counts beside others.
      training, serving: influences [rows, ties], of mean 0 or nearly.
      group: of each row served a number, from 0; rows of a group are alike.
      periods: training's; None where they are not known.
    """

    ties: Sequence[Tie]
    served: Array
    weights: Array
    training: Array
    serving: Array
    group: Array
    periods: Periods | None = None


def measure(
    ties: Sequence[Tie], columns: Mapping[str, Scored], groups: Array, of_periods: Periods | None = None
) -> Measured:
    """Serving's side of the ties.

    Args:
      groups: of each row what it belongs to; rows of a group are alike.
      of_periods: those of the training rows that measured the ties.
    """
    _, group = np.unique(groups, return_inverse=True)
    rows = np.arange(len(groups))
    correlations = [
        scores.correlation(scores.apply(columns[tie.first], columns[tie.second], tie.scores, rows))
        for tie in ties
    ]
    served = np.array([tie.sign * each.value for tie, each in zip(ties, correlations, strict=True)])
    influences = [tie.sign * each.influence for tie, each in zip(ties, correlations, strict=True)]
    of_training = np.stack([tie.influence for tie in ties], 1)
    weights = np.array([_weight(tie, len(groups), of_periods) for tie in ties])
    return Measured(
        ties, served, weights, of_training, np.stack(influences, 1), group.reshape(-1), of_periods
    )


def _weight(tie: Tie, num_rows: int, of_periods: Periods | None) -> float:
    """Weak and sure is as good as strong and unsure: by the inverse of the variance."""
    size = len(tie.influence) * num_rows / (len(tie.influence) + num_rows)
    variance = max(float(tie.influence.var()), _LEAST_VARIANCE) / size
    if of_periods is not None:
        variance += periods.between(tie.influence, of_periods).of_window
    return tie.chosen_for / variance


class Estimate(NamedTuple):
    """By which part ties are weaker, by how many standard deviations, with what degrees of freedom."""

    part: float
    deviations: float
    freedom: float
    p_value: float = 1.0

    @classmethod
    def of(cls, part: float, deviations: float, freedom: float) -> Estimate:
        """With how likely chance makes ties so much weaker, in this direction alone."""
        tail = p_values.of_student(deviations, freedom) / 2
        return cls(part, deviations, freedom, tail if deviations > 0 else 1 - tail)


def estimate(measured: Measured, ties: Sequence[int]) -> Estimate:
    """How much weaker these ties are together, weighed by how sure each is."""
    if not ties:
        return Estimate(0.0, 0.0, 1.0)
    weights = measured.weights[ties]
    strengths = np.array([measured.ties[tie].strength for tie in ties])
    whole_strength = float(weights @ strengths)
    difference = float(weights @ (strengths - measured.served[ties]))
    variances = _variances(measured, ties, weights)
    variance = sum(each.value for each in variances)
    if whole_strength <= 0 or variance <= 0:
        return Estimate(0.0, 0.0, 1.0)
    # Welch's and Satterthwaite's degrees of freedom of a sum.
    freedom = variance**2 / sum(each.value**2 / each.freedom for each in variances)
    return Estimate.of(difference / whole_strength, difference / math.sqrt(variance), freedom)


class _Variance(NamedTuple):
    value: float
    freedom: float


def _variances(measured: Measured, ties: Sequence[int], weights: Array) -> list[_Variance]:
    """Of both sides' means, and of how periods differ.

    Training's rows belong together as serving's do, as it does not tell.
    """
    of_training, of_serving = ((side[:, ties] @ weights) for side in (measured.training, measured.serving))
    alone, grouped = _variance_of_mean(of_serving), _variance_of_mean(of_serving, measured.group)
    effect = max(grouped / alone, 1.0) if alone > 0 else 1.0
    before = _variance_of_mean(of_training) * effect
    result = [_Variance(grouped, max(float(measured.group.max()), 1.0))]
    if measured.periods is None:
        return [*result, _Variance(before, len(of_training) - 1)]
    between = periods.between(of_training, measured.periods)
    of_all = _Variance(max(before, between.of_all), between.freedom)
    return [*result, of_all, _Variance(between.of_window, between.freedom)]


def _variance_of_mean(values: Array, group: Array | None = None) -> float:
    """From the sums of groups, rows each by themselves if none are given."""
    apart = values.astype(float) - values.mean(dtype=float)
    sums = apart if group is None else np.bincount(group, apart)
    return float((sums**2).sum()) / len(values) ** 2 * len(sums) / max(len(sums) - 1, 1)
