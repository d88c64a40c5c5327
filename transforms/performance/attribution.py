"""How much of a change each group of features accounts for: training's distribution is put back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Array]

#: Exact Shapley values ask 2^groups times.
MOST_GROUPS = 6


def shapley(groups: Sequence[Hashable], value: Callable[[frozenset[Any]], float]) -> dict[Hashable, float]:
    """Exact Shapley values (Shapley 1953): they add up to value(all) - value(none).

    Raises ValueError for more than `MOST_GROUPS` groups.
    """
    if len(groups) > MOST_GROUPS:
        raise ValueError(f"at most {MOST_GROUPS} groups, not {len(groups)}")
    subsets = [frozenset(s) for n in range(len(groups) + 1) for s in itertools.combinations(groups, n)]
    values = {subset: value(subset) for subset in subsets}
    count = len(groups)
    return {
        group: sum(
            (values[subset | {group}] - values[subset]) / (count * math.comb(count - 1, len(subset)))
            for subset in subsets
            if group not in subset
        )
        for group in groups
    }


def put_back_number(served: Array, training_quantiles: Array) -> Array:
    """Each served value's rank, in training's quantiles: the order stays, the distribution is training's.

    Args:
      served: finite float64 [rows], tied values get one rank; training_quantiles: ascending, evenly spaced in
        probability, the smallest and the largest value first and last.
    """
    _, inverse, counts = np.unique(served, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(served)
    grid = np.linspace(0, 1, len(training_quantiles))
    return np.asarray(np.interp(middle[inverse], grid, training_quantiles))


def changes(
    rows: Columns,
    restored: Mapping[str, Columns],
    model: Callable[[Columns], Array],
    statistic: Callable[[Array], float] = lambda predictions: float(np.mean(predictions)),
) -> dict[Hashable, float]:
    """How much of the change of a statistic of the predictions comes from each group of features.

    Args:
      rows: as served, by feature, each [rows].
      restored: by group, its features as training had them; of a category the values of matched rows.
      model: predictions of rows, [rows].
      statistic: of predictions; the mean, or an estimated metric.
    """

    def served_only(groups: frozenset[Any]) -> float:
        back = [columns for group, columns in restored.items() if group not in groups]
        return statistic(model({**rows, **{k: v for columns in back for k, v in columns.items()}}))

    return shapley(list(restored), served_only)
