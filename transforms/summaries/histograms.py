"""From a sketch to the boundaries and histograms of TFDV's statistics, in compiled code.

The definitions are those of `tensorflow_data_validation.utils.quantiles_util` and of the sketch of tfx_bsl,
so that statistics of either make compare without a bias of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import DOUBLES, LONGS, compiled

Array = np.ndarray[Any, Any]

_DOUBLES = types.float64[::1]


@compiled(types.void(DOUBLES, LONGS, _DOUBLES, _DOUBLES))
def find_quantiles(values: Array, weights: Array, quantiles: Array, ranks: Array) -> None:
    """Writes the q-quantiles of weighted values in ascending order, for q = `quantiles.size` - 1.

    Quantile j is the first value with more than j/q of all weight up to and with it, the last for j = q;
    its rank is the weight up to and with it. There is one value at least.
    """
    total, last = 0, quantiles.size - 1
    for weight in weights:
        total += weight
    i, upto = 0, weights[0]
    for j in range(quantiles.size):
        while i + 1 < values.size and (values[i + 1] == values[i] or j * float(total) / last >= upto):
            i += 1
            upto += weights[i]
        quantiles[j], ranks[j] = values[i], upto


@compiled(types.void(DOUBLES, DOUBLES, _DOUBLES))
def weigh_buckets(bounds: Array, ranks: Array, weights: Array) -> None:
    """Writes the weight between each two of `bounds`, by their ranks.

    Neighbours that end at the same bound share their weight evenly, and those that are equal to the first
    bucket share the weight at the first bound, which would lie in none else.
    """
    count = bounds.size - 1
    start = 0
    while start < count:
        stop = start + 1
        while stop < count and bounds[stop + 1] == bounds[start + 1]:
            stop += 1
        for i in range(start, stop):
            weights[i] = (ranks[stop] - ranks[start]) / (stop - start)
        start = stop
    same = 0
    while same < count and bounds[same] == bounds[0] and bounds[same + 1] == bounds[1]:
        same += 1
    for i in range(same):
        weights[i] += ranks[0] / same


@compiled(types.void(DOUBLES, DOUBLES, DOUBLES, _DOUBLES))
def spread(bounds: Array, weights: Array, edges: Array, counts: Array) -> None:
    """Spreads buckets over others of equal width, each as if its weight lay evenly between its bounds.

    A bucket that is a point lies in the one that ends there; on the first edge of all, in the first.
    """
    first = 0
    for i in range(edges.size - 1):
        low, high, total = edges[i], edges[i + 1], 0.0
        for j in range(first, weights.size):
            left, right = bounds[j], bounds[j + 1]
            if left > high:
                break
            if right < low or (left == right == low and i > 0):
                first = j
            elif low <= left and right <= high:
                total += weights[j]
            else:
                total += weights[j] * (min(high, right) - max(low, left)) / (right - left)
        counts[i] = total
