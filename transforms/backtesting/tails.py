"""Which value a series exceeds as rarely as wanted: its own order where that is known, a tail beyond it.

Of n windows the few largest values say how the series goes on: beyond a high value u its excesses are nearly
exponential (Pickands 1975, https://doi.org/10.1214/aos/1176343003, and Balkema and de Haan 1974,
https://doi.org/10.1214/aop/1176996548, for distributions without a heavy tail; effects are bounded by 1).
With m of n values above u, and b the mean of their excess, a share q of windows lies above
u + b ln(m / (n q)). A value of 0 says that nothing was beyond chance, and is no part of a tail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

#: The tail is made of a tenth of the windows, and of so many at least.
LEAST_TAIL = 5
_TAIL_PART = 10
# Limits are written with three decimals.
_STEPS = 1000


def exceeded_in(values: Sequence[float], share: float) -> float:
    """What is exceeded in a share of windows (above 0), by the `values` (0 to 1) of one at least.

    It falls as `share` grows.
    """
    descending, count = sorted(values, reverse=True), len(values)
    known = sum(value > 0 for value in descending)
    tail = max(min(known - 1, max(LEAST_TAIL, math.ceil(count / _TAIL_PART))), 0)
    if share * count >= tail:
        return descending[min(int(share * count), count - 1)]
    start = descending[tail]
    excess = sum(descending[:tail]) / tail - start
    return start + excess * math.log(tail / (count * share))


def above(value: float) -> float:
    """The first thousandth above `value`, at most 1."""
    return min((math.floor(value * _STEPS + 1e-9) + 1) / _STEPS, 1.0)
