"""One way in which a feature differs between training and serving."""

from __future__ import annotations

import dataclasses
import functools
import heapq
from collections.abc import Callable
from typing import Protocol, TypeAlias

from trueserve.transforms.verdict.evidence.rates.false_discovery import Attainable
from trueserve.transforms.verdict.feature_stats import View

KOLMOGOROV = "kolmogorov_smirnov"
VARIATION = "total_variation"
MISSING = "missing_share"
UNSEEN_SHARE = "unseen_share"
LENGTH = "list_length"
VECTOR = "positions"


#: Labels with their shares of training and of serving.
Parts: TypeAlias = tuple[tuple[str, float, float], ...]


@dataclasses.dataclass(frozen=True)
class FeatureDifference:
    """One way in which a feature differs.

    Attributes:
      metric: `kolmogorov_smirnov`, `total_variation`, `missing_share`, `unseen_share`, `list_length` or
        `positions`.
      effect: how far apart, as a share of rows or values (0 to 1); of categories what chance makes on
        average is taken off.
      p_value: how likely chance alone makes as much (see `p_values`).
      size: effective number of rows (`p_values.effective_size`).
      parts_of: gives `parts`, what moved most: a label, its share of training and of serving; the most moved
        first.
      p_of_part: the p-value, had serving moved by this part (0 to 1) of the way alone.
      attainable: the p-values that so many rows can give, whatever they hold; None where any can be.
      floor: the effect that two samples of one distribution stay under in 999 of 1,000 cases.
      rank_distance: of a number, Kolmogorov's distance of all values, which the `p_value` is of.
      excluded_value: where the effect is that of all other values alone, the one that most values are.
    """

    metric: str
    effect: float
    p_value: float
    size: float
    parts_of: Callable[[], Parts] = dataclasses.field(default=tuple, compare=False, repr=False)
    p_of_part: Callable[[float], float] = dataclasses.field(
        default=lambda _part: 1.0, compare=False, repr=False
    )
    attainable: Attainable | None = dataclasses.field(default=None, compare=False, repr=False)
    floor: float = 0.0
    rank_distance: float = 0.0
    excluded_value: float | None = None

    @functools.cached_property
    def parts(self) -> Parts:
        """See above; found when somebody asks, as nobody does of most differences."""
        return self.parts_of()


class TwoSampleTest(Protocol):
    """A test of one hypothesis: training and serving are two samples of one distribution.

    Its input are statistics, not samples: quantiles of a number, counts of a category. The docstring
    of each test gives its `Name`, `Hypothesis`, `Assumptions` and `Source`.
    """

    def __call__(self, training: View, serving: View) -> FeatureDifference | None:
        """Tests one feature.

        Args:
          training, serving: its statistics. Both have values, and both are of the kind that the test is for.

        Returns:
          How far apart both are, with the p-value; None where the statistics do not allow the test.
        """


def difference(
    metric: str,
    effect: float,
    size: float,
    parts_of: Callable[[], Parts],
    p_of_part: Callable[[float], float],
    *,
    floor: float,
    attainable: Attainable | None = None,
) -> FeatureDifference:
    return FeatureDifference(metric, effect, p_of_part(1.0), size, parts_of, p_of_part, attainable, floor)


def most_moved(parts: list[tuple[str, float, float]]) -> Parts:
    """The three that moved most, of a label and its share of training and of serving."""
    moved = heapq.nlargest(3, parts, key=lambda part: abs(part[2] - part[1]))
    return tuple(part for part in moved if abs(part[2] - part[1]) > 1e-4)
