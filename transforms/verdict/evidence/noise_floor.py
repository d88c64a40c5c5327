"""How far apart two samples of one distribution lie by chance, from their sizes alone (at 99.9 %)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

CONFIDENCE = 0.999
# TFDV lays two histograms of ten buckets over one another, which gives about this many bins.
NUMERIC_BINS = 20


def jensen_shannon_floor(training: float, serving: float, bins: int = NUMERIC_BINS) -> float:
    """The divergence (base 2) of two samples of this many rows over `bins` bins.

    The divergence of equal distributions is a scaled chi-squared variable; its quantile is Wilson and
    Hilferty's approximation.
    """
    freedom = max(bins - 1, 1)
    spread = 2 / (9 * freedom)
    quantile = freedom * (1 - spread + NormalDist().inv_cdf(CONFIDENCE) * math.sqrt(spread)) ** 3
    return min(quantile * _per_row(training, serving) / (8 * math.log(2)), 1.0)


def l_infinity_floor(shares: Iterable[float], training: float, serving: float) -> float:
    """The largest difference of any category's share, given the shares of either side."""
    known = [share for share in shares if 0 < share < 1]
    if not known:
        return 0.0
    deviations = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * len(known)))
    widest = max(share * (1 - share) for share in known)
    return min(deviations * math.sqrt(widest * _per_row(training, serving)), 1.0)


def range_floor(training: float, serving: float) -> float:
    """The share of serving beyond training's least or greatest value.

    Of two samples of one distribution the k greatest are all of serving with a chance of about
    `(serving / (serving + training)) ** k`, whatever the distribution.
    """
    if not serving:
        return 1.0
    most = math.log(1 - CONFIDENCE) / math.log(serving / (serving + max(training, 1)))
    return min(2 * most / serving, 1.0)


def _per_row(training: float, serving: float) -> float:
    return 1 / max(training, 1) + 1 / max(serving, 1)
