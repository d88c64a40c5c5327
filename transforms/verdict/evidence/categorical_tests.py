"""How a category differs: the shares of its values, and the values that training did not have."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from trueserve.transforms.verdict.buckets import Counted
from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.evidence.feature_difference import (
    UNSEEN_SHARE,
    VARIATION,
    FeatureDifference,
    Parts,
    difference,
    most_moved,
)
from trueserve.transforms.verdict.evidence.rates import false_discovery
from trueserve.transforms.verdict.feature_stats import View

Array = np.ndarray[Any, Any]

OTHERS = "(others)"
_LEAST_EXPECTED = 5.0
# What rounding leaves of shares that sum to 1.
_NONE = 1e-9
# How much of the error rare values have that came more often, each by itself, beside all cells together:
# these use less than nine tenths of it (`chance.of_categories`). So many of them are asked.
_OF_RARE, _MOST_RISEN = 0.1, 3
# A group of rows may be larger than they are on average.
_LARGER = 1.5
# One with a p-value up to this is told by itself; others tell nothing.
_LOOK = 0.01

#: Shares of values by their names, of training and of serving.
CellShares: TypeAlias = tuple[Mapping[str, float], Mapping[str, float]]


def of_category(training: View, serving: View) -> FeatureDifference | None:
    """Total variation between shares of categories; rare ones are taken together.

    Each rare one is also tested alone: did it come too often? If so, it is a cell of its own in the distance
    and in what moved.

    Name: chi-squared test of homogeneity, and Fisher's exact test of each rare value.
    Hypothesis: each category has the same share in training and in serving.
    Assumptions: rows are independent. The values of one row count as one (Kish's effective size).
    Source: Pearson 1900; Wilson and Hilferty 1931; Fisher 1935.
    """
    counted = training.counted(), serving.counted()
    size = p_values.effective_size(training.worth, serving.worth)
    before, after = counted
    unkept = after.most_unkept / after.total if after.total else 0.0
    cells = pooled(before.shares(), after.shares(), size, unkept, before.edge)
    risen = _risen(training, serving, counted, cells[0].keys())
    if not risen and len(cells[0]) == 1 and OTHERS in cells[0]:
        return None
    significant = [rare_value for rare_value in risen if rare_value.p_value() <= _LOOK]
    shares = [np.array(list(distribution.values())) for distribution in _careful(cells, _longest(serving))]
    expected = np.maximum(shares[0], 1 / max(training.values, 1.0))
    expected /= expected.sum()

    def p_of_part(part: float) -> float:
        observed = shares[1] if part == 1 else expected + part * (shares[1] - expected)
        of_risen = (rare_value.p_value(part) for rare_value in significant)
        return min(p_values.of_categories(expected, observed, size), *of_risen, 1.0)

    cells_with_risen = _with_risen(cells, significant, _longest(serving))
    p, q = (np.array(list(distribution.values())) for distribution in cells_with_risen)
    effect = p_values.beyond_noise(float(np.abs(p - q).sum() / 2), p_values.expected_variation(p, size))
    floor = p_values.floor_of_variation(p, size)
    return difference(
        VARIATION, effect, size, lambda: _parts(cells_with_risen, significant), p_of_part, floor=floor
    )


def _parts(cells: CellShares, risen: list[_Risen]) -> Parts:
    parts = most_moved([(name, share, cells[1][name]) for name, share in cells[0].items()])
    # Where one value came more often, that all others came less often is no news.
    return tuple(sorted(parts, key=lambda part: part[0] == OTHERS)) if risen else parts


class _Risen(NamedTuple):
    """A rare value of training that came more often, in rows that have it.

    Attributes:
      shares: its share of training's values and of those served.
      before, after: rows with it, and all, as many as are independent.
      tests: how many rare values there are, by the part of the error that they have.
    """

    value: str
    shares: tuple[float, float]
    before: tuple[float, float]
    after: tuple[float, float]
    tests: float

    def p_value(self, part: float = 1.0) -> float:
        """That chance brings so many, or this part of what is too many (0 to 1), of any rare value."""
        expected = self.before[0] / self.before[1] * self.after[1]
        moved = expected + part * (self.after[0] - expected)
        if moved <= expected:
            return 1.0
        return min(self.tests * p_values.of_rates(*self.before, moved, self.after[1]), 1.0)


def _risen(
    training: View, serving: View, counted: tuple[Counted, Counted], cells: Collection[str]
) -> list[_Risen]:
    """The most frequent ones that came more often than in training, of those that are no cells.

    One whose count training did not keep is taken to be as frequent as it can have been; what training never
    had is `of_unseen`'s.
    """
    (before, after), both_views = counted, (training, serving)
    longest = max(map(_longest, both_views))
    among = max(float(training.proto.string_stats.unique), len(before.counts)) - len(cells) + 1
    risen = []
    for value, count in after.counts.items():
        known = before.counts.get(value, before.most_unkept)
        shares = (known / before.total, count / after.total)
        if known and value not in cells and shares[1] > shares[0]:
            # No weight is a row, nor is a value of many in a row: it came in so few rows at least.
            rows = [
                share * view.independent / longest for share, view in zip(shares, both_views, strict=True)
            ]
            served = min(rows[1], serving.rows_of(value, count))
            rows_with_value = ((rows[0], training.independent), (served, serving.independent))
            risen.append(_Risen(value, shares, *rows_with_value, max(among, 1.0) / _OF_RARE))
    return heapq.nlargest(_MOST_RISEN, risen, key=lambda candidate: candidate.shares[1] - candidate.shares[0])


def _careful(cells: CellShares, longest: float) -> CellShares:
    """Where one row may have brought all of the others, they count for as few rows as can have."""
    expected, observed = cells
    if OTHERS not in observed or longest <= 1:
        return cells
    others = max(min(expected[OTHERS], observed[OTHERS]), observed[OTHERS] / longest)
    total = sum(observed.values()) - observed[OTHERS] + others
    return expected, {name: (others if name == OTHERS else share) / total for name, share in observed.items()}


def _with_risen(cells: CellShares, risen: list[_Risen], longest: float) -> CellShares:
    """With cells of their own for what has risen."""
    expected, observed = (dict(distribution) for distribution in cells)
    for rare_value in risen:
        for distribution, share in zip((expected, observed), rare_value.shares, strict=True):
            distribution[OTHERS] = max(distribution.get(OTHERS, 0.0) - share, 0.0)
            distribution[rare_value.value] = share
    return _careful((expected, observed), longest)


def pooled(
    before: Mapping[str, float], after: Mapping[str, float], size: float, unkept: float, edge: float = 0.0
) -> tuple[dict[str, float], dict[str, float]]:
    """Shares of the categories that training leads to expect in five rows at least, and of all others.

    Those at the `edge` of training's list, where it is cut, are among the others: which of them were kept is
    luck, and the lucky ones came more often than they will again.

    `unkept` is the greatest share that a value can have in serving whose count was not kept: as far as that
    goes, such a value is taken to be as frequent as expected.
    """
    least = max(_LEAST_EXPECTED / size if size else 1.0, edge)
    known = [value for value, share in before.items() if share >= least and value != OTHERS]
    expected = {value: before[value] for value in known}
    observed = {value: after.get(value, min(before[value], unkept)) for value in known}
    others = [max(1 - sum(distribution.values()), 0.0) for distribution in (expected, observed)]
    if max(others) > _NONE or not known:  # a cell that neither side has is no cell
        expected[OTHERS], observed[OTHERS] = others
    return expected, observed


def others_share(training: View, serving: View) -> float:
    """The share of training's values (0 to 1) too rare to be a cell: which of them come is not seen."""
    size = p_values.effective_size(training.worth, serving.worth)
    before = training.counted()
    expected, _ = pooled(before.shares(), {}, size, 0.0, before.edge)
    return expected.get(OTHERS, 0.0)


def expected_new(training: View) -> float:
    """The share of values (0 to 1) that training leads to expect as new; 1 where its list of values is cut.

    Source: Good 1953, see `of_unseen`.
    """
    before = training.counted()
    if before.most_unkept > 0:
        return 1.0
    # Rows that belong together bring a value that came once several times, in some groups more than others.
    limit = _LARGER * training.design_effect if training.design_effect > 1 else 1.0
    once = sum(count for count in before.counts.values() if count <= limit)
    return once / max(training.values, 1.0)


def of_unseen(training: View, serving: View) -> FeatureDifference | None:
    """The share of values that training did not have, beside what it leads to expect.

    The chance that the next value is new is the share of values that came once.

    Name: Fisher's exact test of two rates, against the Good-Turing estimate of unseen mass.
    Hypothesis: new values are as many as training leads to expect.
    Assumptions: values come independently; the statistics kept all values of both sides.
    Source: Good 1953; Fisher 1935.
    """
    before, after = training.counted(), serving.counted()
    if before.most_unkept > 0 or after.most_unkept > 0:
        return None  # what was not kept cannot be told from what never came
    new = sum(count for value, count in after.counts.items() if value not in before.counts)
    size = p_values.effective_size(training.worth, serving.worth)
    share, expected = new / max(serving.values, 1.0), expected_new(training)
    ratio = serving.worth / max(training.worth, 1.0)
    cluster = _cluster(before, ratio, training.design_effect)
    # No weight is a row, nor is a value of many in a row: in so few rows at least all came that are new.
    rows, likely = (fraction * serving.independent / _longest(serving) for fraction in (share, expected))
    known = expected * training.independent / _longest(training)

    def p_of_part(part: float) -> float:
        moved = likely + part * (rows - likely)
        return p_values.of_rates(known / cluster, training.independent, moved / cluster, serving.independent)

    attainable = false_discovery.attainable(
        known / cluster, training.independent, rows / cluster, serving.independent
    )
    floor = p_values.floor_of_share(expected, size)
    effect = max(share - expected, 0.0)

    def parts() -> Parts:
        return (("new values", expected, share),)

    return difference(UNSEEN_SHARE, effect, size, parts, p_of_part, floor=floor, attainable=attainable)


def _longest(view: View) -> float:
    """How many times the average number of values a row has at most: 1 where all have as many."""
    average = view.common.tot_num_values / view.present if view.present else 1.0
    return max(view.common.max_num_values / average, 1.0) if average else 1.0


def _cluster(before: Counted, ratio: float, design_effect: float = 1.0) -> float:
    """How many rows chance brings at a time: a value that training missed may come more than once.

    By Good's estimate one comes `ratio` (serving's values by training's) x 2 x (values that came twice) /
    (values that came once) times on average, in Poisson's distribution.
    """
    times = [round(count / design_effect) for count in before.counts.values()]
    once, twice = times.count(1), times.count(2)
    return 1 + ratio * 2 * twice / max(once, 1)
