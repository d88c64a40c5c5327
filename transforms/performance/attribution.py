"""How much of a change each group of features accounts for: exact Shapley values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

Array = np.ndarray[Any, Any]
Group = TypeVar("Group", bound=Hashable)

#: Exact Shapley values ask 2^groups times.
MOST_GROUPS = 6


def subsets(groups: Sequence[Group]) -> list[frozenset[Group]]:
    """All subsets of the groups, the smallest first.

    Raises ValueError for more than `MOST_GROUPS` groups.
    """
    if len(groups) > MOST_GROUPS:
        raise ValueError(f"at most {MOST_GROUPS} groups, not {len(groups)}")
    sizes = range(len(groups) + 1)
    return [frozenset(subset) for size in sizes for subset in itertools.combinations(groups, size)]


def shapley(groups: Sequence[Group], values: Mapping[frozenset[Group], Array]) -> dict[Group, Array]:
    """Exact Shapley values (Shapley 1953): they add up to the value of all groups less that of none.

    Args:
      values: of each of `subsets(groups)`, of any one shape.
    """
    count = len(groups)
    return {
        group: np.sum(
            [
                (values[subset | {group}] - values[subset]) / (count * math.comb(count - 1, len(subset)))
                for subset in subsets(groups)
                if group not in subset
            ],
            axis=0,
        )
        for group in groups
    }
