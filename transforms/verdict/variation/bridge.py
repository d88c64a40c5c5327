"""How far a distribution function in few cells lies out by chance: the mean square of Kolmogorov's statistic.

Between independent values and their distribution lies a Brownian bridge at the cells' edges. With many cells
its greatest square is pi^2 / 12 on average, which is Kolmogorov's; it is less where one cell has nearly all.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_DRAWS = 500


def mean_square(shares: Array) -> float:
    """Scaled by the number of values, of cells with these shares; by simulation, always the same."""
    steps = _draws(len(shares)) * np.sqrt(shares)
    bridges = np.cumsum(steps - shares * steps.sum(1, keepdims=True), 1)
    return float((bridges**2).max(1).mean())


@functools.cache
def _draws(cells: int) -> Array:
    return np.random.default_rng(1).normal(size=(_DRAWS, cells))
