"""What could have been seen: the least change that so many rows show, nine times of ten."""

from __future__ import annotations

import math
from statistics import NormalDist

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
