"""Two samples of vectors, compared position by position and by sums of all positions with fixed signs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.evidence.feature_difference import VECTOR, FeatureDifference
from trueserve.transforms.verdict.evidence.vectors import bounds
from trueserve.transforms.verdict.evidence.vectors.bounds import Sample
from trueserve.transforms.verdict.evidence.vectors.profile import Profile, of_view
from trueserve.transforms.verdict.feature_stats import View

Array = np.ndarray[Any, Any]

# A position differs from this p-value on, that of all positions together.
_DIFFERS = 0.005
# A position that differs by less is not listed.
_LEAST_LISTED = 0.005
# Of the error half is the positions', half the sums'.
_HALF = 2


@dataclasses.dataclass(frozen=True)
class Compared:
    """The tests of the columns of two profiles: of each column several.

    Attributes:
      training, serving: the profiles.
      pairs: of each test what is compared.
    """

    training: Profile
    serving: Profile
    pairs: Sequence[tuple[Sample, Sample]]

    def corrected(self, part: float = 1.0) -> Array:
        """The p-value of each column, times the number of all tests; had it moved by this part of the way."""
        all_p_values = np.stack([bounds.p_values(*pair, part) for pair in self.pairs])
        result: Array = np.minimum(all_p_values.min(0) * self._num_tests, 1.0)
        return result

    @functools.cached_property
    def effects(self) -> Array:
        """The least share of rows that differ in each column, in the test with the least p-value."""
        all_p_values = np.stack([bounds.p_values(*pair) for pair in self.pairs])
        all_effects = np.stack([bounds.least_shares(*pair) for pair in self.pairs])
        beyond = all_p_values * self._num_tests <= _DIFFERS
        least = all_p_values == all_p_values.min(0)
        result: Array = np.where(beyond | least, all_effects, 0.0).max(0)
        return result

    @functools.cached_property
    def differing(self) -> Array:
        """The columns that differ, those that differ most first."""
        corrected = self.corrected()
        differing = np.flatnonzero((corrected <= _DIFFERS) & (self.effects >= _LEAST_LISTED))
        result: Array = differing[np.lexsort((differing, -self.effects[differing]))]
        return result

    @property
    def strongest(self) -> tuple[float, float]:
        """The greatest effect of what differs, or that of the least p-value; and the least p-value."""
        corrected = self.corrected()
        counting = corrected <= max(_DIFFERS, float(corrected.min()))
        return float(self.effects[counting].max()), float(corrected.min())

    @functools.cached_property
    def _num_tests(self) -> int:
        """Tests that could find something: what is the same in all rows of both cannot."""
        able = (
            (first.variance > 0) | (second.variance > 0) | (first.mean != second.mean)
            for first, second in self.pairs
        )
        return max(sum(int(np.count_nonzero(each)) for each in able), 1)


@dataclasses.dataclass(frozen=True)
class VectorDifference(FeatureDifference):
    """How the positions of a feature differ.

    Attributes:
      of_positions: position by position.
      of_sums: of the sums of all positions with fixed signs.
    """

    of_positions: Compared | None = dataclasses.field(default=None, compare=False, repr=False)
    of_sums: Compared | None = dataclasses.field(default=None, compare=False, repr=False)


def of_positions(first: Profile, second: Profile) -> Compared:
    """The tests of positions: their means and spread, how often they are zero, and how often not finite."""
    pairs = [
        (first.means, second.means),
        (first.squares_about(), second.squares_about()),
        (first.shares("zeros"), second.shares("zeros")),
        (first.shares("finite"), second.shares("finite")),
    ]
    return Compared(first, second, pairs)


def of_sums(first: Profile, second: Profile) -> Compared:
    """The tests of sums: their spread tells how positions go together."""
    pairs = [(first.means, second.means), (first.squares_about(), second.squares_about())]
    return Compared(first, second, pairs)


def of_vectors(
    training: View, serving: View, *, wanted: bool | None = None, design_effect: float = 1.0
) -> VectorDifference | None:
    """The difference of two samples of vectors.

    Name: Bennett's inequality for each position and sum, times the number of tests (`bounds`).
    Hypothesis: each position has the same distribution in training and in serving, and so have sums of all.
    Assumptions: rows are independent, or count by their design effect.
    Source: Bennett 1962; sums with signs Johnson and Lindenstrauss 1984.

    Args:
      wanted: whether the feature is taken for a vector; None if it is one where all of training's lists have
        one length.
      design_effect: how many rows count as one, at least.

    Returns:
      None where the feature is no vector, or the statistics of a side do not know its positions.
    """
    before, after = (of_view(view, design_effect) for view in (training, serving))
    if wanted is False or before is None or after is None or before[0].length != after[0].length:
        return None
    if (not wanted and not before[0].is_vector) or len(before[0].known) != len(after[0].known):
        return None
    by_position, sums = of_positions(before[0], after[0]), of_sums(before[1], after[1])

    def p_of_part(part: float) -> float:
        least = min(float(by_position.corrected(part).min()), float(sums.corrected(part).min()))
        return min(_HALF * least, 1.0)

    effect, _ = max(by_position.strongest, sums.strongest, key=lambda both: (both[1] <= _DIFFERS, both[0]))
    return VectorDifference(
        VECTOR,
        effect,
        p_of_part(1.0),
        p_values.effective_size(before[0].rows, after[0].rows),
        p_of_part=p_of_part,
        of_positions=by_position,
        of_sums=sums,
    )
