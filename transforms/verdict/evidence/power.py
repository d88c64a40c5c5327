"""What could have been seen: the least change that so many rows show, nine times of ten."""

from __future__ import annotations

import math
from statistics import NormalDist

from trueserve.transforms.verdict.evidence import categorical_tests
from trueserve.transforms.verdict.feature_stats import View

#: A window in which a change of this share of rows might pass unseen was not examined.
LARGE = 0.3
_OFTEN = 0.9


def least_visible(size: float, p_limit: float) -> float:
    """The least part of rows (0 to 1) that, moved from one half of training's rows to the other, is found.

    A share of one half is told least well: its difference has a deviation of 0.5 / sqrt(size) at most. To be
    beyond `p_limit` (on both sides) nine times of ten it must be so many deviations, and those of one in ten.

    Args:
      size: `chance.effective_size` of both samples.
      p_limit: the greatest p-value of a single test that would count.
    """
    if size <= 0 or not 0 < p_limit < 1:
        return 1.0
    deviations = NormalDist().inv_cdf(1 - p_limit / 2) + NormalDist().inv_cdf(_OFTEN)
    return min(deviations * 0.5 / math.sqrt(size), 1.0)


def hidden_share(training: View, serving: View) -> float:
    """The share of training's values (0 to 1) that could all be others in serving, and no test would show it.

    Of a number it is 0: its distribution function has no value by itself. Of a category it is the share of
    the values that are too rare to be counted alone, or, where the statistics kept all values, of those that
    are expected to be new: of texts that are nearly all different a new one is no news.
    """
    if training.kind != "category" or not training.values:
        return 0.0
    return min(categorical_tests.others_share(training, serving), categorical_tests.expected_new(training))


def are_numbers(view: View) -> bool:
    """Whether most of a category's values, of those that the statistics kept, are numbers."""
    values = view.counts()
    return sum(map(_is_number, values)) > len(values) / 2


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False
