"""What many tests together mean: which of their p-values count, though one in so many is small by chance.

Benjamini and Hochberg's rule (1995) in the form for counts (Heyse 2011; Döhler, Durand and Roquain 2018): of
so many rows a count can give few p-values, most of them far apart, and chance alone gives one up to a limit
less often than the limit says. Each test takes from the others what it can by chance, no more; so one that
cannot count whatever is found takes nothing (Tarone 1990).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.evidence import p_values

Array = np.ndarray[Any, Any]

# Up to here it is known which p-values a count can give; beyond, it is taken to give any.
_UPTO = 0.05
# Two ways to one p-value differ by their rounding; taken for equal, a test takes more from the others.
_ALIKE = 1 + 1e-3
# From so many deviations on counts are so fine that any p-value can be.
_FINE = 10.0
_HALVINGS = 60


class Attainable(NamedTuple):
    """The p-values up to 0.05 that a test of counts can give, ascending, and how likely chance gives each."""

    p_values: Array
    masses: Array


def attainable(before: float, rows_before: float, after: float, rows_after: float) -> Attainable | None:
    """What `chance.of_rates` can give for as many events in both together; None where any p-value can be."""
    return _attainable(*p_values.margins(before, rows_before, after, rows_after))


@functools.lru_cache(maxsize=4096)
def _attainable(total: int, first: int, second: int) -> Attainable | None:
    rows = first + second
    if not 0 < total < rows or not first or not second:
        return Attainable(np.zeros(0), np.zeros(0))
    mean = second * total / rows
    deviation = (mean * (1 - total / rows) * first / max(rows - 1, 1)) ** 0.5
    if deviation > _FINE:
        return None
    far = 15 * deviation + 30  # beyond it no mass is left that a float can tell
    counts = np.arange(max(total - first, round(mean - far), 0), min(total, second, round(mean + far)) + 1)
    masses = p_values.hypergeometric(counts, total, second, rows)
    above, below = np.cumsum(masses[::-1])[::-1], np.cumsum(masses)
    all_p_values = np.minimum(2 * np.where(counts * rows >= total * second, above, below), 1.0)
    order = np.argsort(all_p_values)
    known = order[all_p_values[order] <= _UPTO]
    return Attainable(all_p_values[known], masses[known])


class Family:
    """Tests that are asked together; for each what p-values it can give, None where any."""

    def __init__(self, tests: Iterable[Attainable | None]) -> None:
        all_tests = list(tests)
        coarse = [test for test in all_tests if test is not None]
        self._fine, self._coarse = len(all_tests) - len(coarse), len(coarse)
        p_values, masses = (
            np.concatenate([[], *values]) for values in (zip(*coarse, strict=True) if coarse else ((), ()))
        )
        order = np.argsort(p_values)
        self._steps = p_values[order]
        self._by_step = np.concatenate([[0.0], np.cumsum(masses[order])])

    def expected(self, p_values: Array) -> Array:
        """How many of all tests chance alone brings to each of these p-values, or lower, at most."""
        by_counts = self._by_step[np.searchsorted(self._steps, p_values * _ALIKE, "right")]
        result: Array = self._fine * p_values + np.where(
            p_values <= _UPTO, by_counts, self._coarse * p_values
        )
        return result

    def greatest(self, p_values: Sequence[float], rate: float) -> float:
        """The greatest p-value that counts, so that at most `rate` of what counts is chance; 0 for none."""
        at = np.sort(np.array([p_value for p_value in p_values if p_value <= rate]))
        counting = at[self.expected(at) <= self._rate(rate) * np.arange(1, len(at) + 1)]
        return float(counting.max(initial=0.0))

    def first(self, rate: float) -> float:
        """The greatest p-value that counts where no other test finds anything."""
        low, high = 0.0, rate
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            holds = float(self.expected(np.array([middle]))[0]) <= self._rate(rate)
            low, high = (middle, high) if holds else (low, middle)
        return low

    def _rate(self, rate: float) -> float:
        """With counts among the tests the rule holds for this rate (Döhler and others, theorem 1)."""
        return rate * (1 - rate) if self._coarse else rate


def beyond(p_values: Sequence[float], rate: float) -> float:
    """`Family.greatest`, of tests that can give any p-value."""
    return Family([None] * len(p_values)).greatest(p_values, rate)
