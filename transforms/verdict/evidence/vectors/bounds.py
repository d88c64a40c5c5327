"""What moments alone say of two samples: how likely chance makes their means differ so, and by how much.

Nothing is assumed of the distribution but its range and its variance. Positions of a vector may be counts, or
0 in nearly all rows: a normal tail would be wrong there by orders of magnitude.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

# Below this h(u) is u squared by 2, as near as a float can tell.
_SMALL = 1e-4


class Sample(NamedTuple):
    """A value of each position in one sample.

    Attributes:
      mean, variance: of the rows.
      least, most: the range of the values.
      rows: how many independent rows have it.
      heaviest: for how many rows one may count.
    """

    mean: Array
    variance: Array
    least: Array
    most: Array
    rows: Array
    heaviest: float = 1.0


def p_values(training: Sample, serving: Sample, part: float = 1.0) -> Array:
    """How likely chance alone makes the means differ so, or had they moved by this part (0 to 1) of the way.

    Name: Bennett's inequality, of the difference of two means; an upper bound of the p-value.
    Hypothesis: both samples come from one distribution.
    Assumptions: rows are independent; the variance is that of both samples together, and no value lies beyond
      the range of both.
    Source: Bennett, "Probability Inequalities for the Sum of Independent Random Variables", 1962.
    """
    first, second = np.maximum(training.rows, 1e-9), np.maximum(serving.rows, 1e-9)
    both = first + second
    apart = serving.mean - training.mean
    middle = (first * training.mean + second * serving.mean) / both
    between = first * second / both**2 * apart**2
    variance = (first * training.variance + second * serving.variance) / both + between
    least, most = np.minimum(training.least, serving.least), np.maximum(training.most, serving.most)
    up, down = most - middle, middle - least
    # Serving's mean is too high if its values lie far up, or training's far down.
    from_serving, from_training = np.where(apart > 0, up, down), np.where(apart > 0, down, up)
    step = np.maximum(from_serving * serving.heaviest / second, from_training * training.heaviest / first)
    of_difference = variance * (1 / first + 1 / second)
    result: Array = np.minimum(2 * np.exp(-_exponent(part * np.abs(apart), of_difference, step)), 1.0)
    return result


def _exponent(distance: Array, variance: Array, step: Array) -> Array:
    """Bennett's exponent of a sum that lies `distance` out, of terms that are no greater than `step`."""
    usable = (distance > 0) & (variance > 0) & (step > 0)
    variance, step = np.where(usable, variance, 1.0), np.where(usable, step, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = step * distance / variance
        growth = np.where(ratio < _SMALL, ratio**2 / 2, (1 + ratio) * np.log1p(ratio) - ratio)
        exponent = np.where(ratio < _SMALL, distance**2 / (2 * variance), growth * variance / step**2)
    result: Array = np.where(usable, np.nan_to_num(exponent, nan=0.0), 0.0)
    return result


def least_shares(training: Sample, serving: Sample) -> Array:
    """The least share of rows (0 to 1) that must differ for means that differ so, whatever the distributions.

    The greater of two lower bounds of the total variation. One moves rows from one end of the range to the
    other. The other is Cauchy and Schwarz's inequality with the triangular discrimination, which is at most
    twice the total variation (Topsøe, "Some Inequalities for Information Divergence", 2000).
    """
    apart = np.abs(serving.mean - training.mean)
    span = np.maximum(training.most, serving.most) - np.minimum(training.least, serving.least)
    spread = 2 * (training.variance + serving.variance)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        by_range = np.where(span > 0, apart / span, 0.0)
        by_spread = np.where(apart > 0, apart**2 / (apart**2 + spread), 0.0)
    result: Array = np.clip(np.nan_to_num(np.maximum(by_range, by_spread)), 0.0, 1.0)
    return result
