"""Which of training's features go together, and how strongly.

The ties are chosen on a part of the rows and measured on the others: of many weak ties the strongest ones
look stronger than they are. A category's scores are made on one half of these others and used on the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.dependence import scores
from trueserve.transforms.verdict.dependence.columns import Category, Number, Scored
from trueserve.transforms.verdict.dependence.scores import Correlation, Scores

Array = np.ndarray[Any, Any]

# Ties are chosen on this part of the rows. They are at least so strong, and so many standard deviations.
_CHOICE, _LEAST, _DEVIATIONS = 0.25, 0.1, 5.0
# So many of a feature are compared at least, and more where features are few, up to so many by all of them;
# and of so many categories those among each other.
_EACH, _TIES, _MOST_CATEGORIES = 4, 200, 40
# So many columns are held against all others at once.
_AT_ONCE = 512


class Tie(NamedTuple):
    """Two features that go together.

    Attributes:
      scores: of the values of both, made of all rows.
      chosen_for: the correlation in the rows that chose it.
      strength: training's correlation, in rows that did not choose it; above 0.
      influence: of each of these rows on it.
    """

    first: str
    second: str
    scores: tuple[Scores, Scores]
    sign: float
    chosen_for: float
    strength: float
    influence: Array


class _Wanted(NamedTuple):
    """Ties at least so strong, and about so many of each feature."""

    least: float
    each: int


class _Candidate(NamedTuple):
    """Two features that may go together; of numbers with which scores."""

    strength: float
    first: str
    second: str
    scores: tuple[bool, bool] = (False, False)


def find(columns: Mapping[str, Scored], num_rows: int) -> list[Tie]:
    """The ties of each feature, the strongest ones; rows stand in an order that says nothing."""
    rows = measuring(num_rows)
    choosing_rows = np.arange(rows[0])
    least = max(_LEAST, _DEVIATIONS / max(len(choosing_rows), 1) ** 0.5)
    each = max(_EACH, _TIES // max(len(columns), 1))
    chosen = _strongest(list(_candidates(columns, choosing_rows, _Wanted(least, each))), each)
    ties = (_measured(columns, candidate, rows) for candidate in chosen)
    return [tie for tie in ties if tie.strength >= _LEAST / 2]


def measuring(num_rows: int) -> Array:
    """The places of the rows that measure ties; those before choose them."""
    return np.arange(round(num_rows * _CHOICE), num_rows)


def _strongest(candidates: list[_Candidate], each: int) -> list[_Candidate]:
    """Those that are among the strongest of either of their features."""
    taken: dict[str, int] = {}
    pairs: set[tuple[str, str]] = set()
    result = []
    for candidate in sorted(candidates, reverse=True):
        names = candidate.first, candidate.second
        of_both = [taken.get(name, 0) for name in names]
        if min(of_both) < each and names not in pairs:
            pairs.add(names)
            result.append(candidate)
            taken |= {name: count + 1 for name, count in zip(names, of_both, strict=True)}
    return result


def _candidates(columns: Mapping[str, Scored], rows: Array, wanted: _Wanted) -> Iterator[_Candidate]:
    numbers = {name: column for name, column in columns.items() if isinstance(column, Number)}
    categories = {name: column for name, column in columns.items() if isinstance(column, Category)}
    if numbers:
        matrix = np.stack([column.scores[rows] for column in numbers.values()], 1)
        present = np.stack([column.present[rows] for column in numbers.values()], 1)
        yield from _of_numbers(list(numbers), (matrix, present), wanted)
        for name, category in categories.items():
            yield from _of_category(name, category.of_rows(rows), list(numbers), (matrix, present), wanted)
    yield from _of_categories(dict(list(categories.items())[:_MOST_CATEGORIES]), rows, wanted)


def _of_numbers(names: list[str], matrices: tuple[Array, Array], wanted: _Wanted) -> Iterator[_Candidate]:
    """All pairs in one product; a missing value has the mean score, which weakens its ties a little."""
    matrix, present = matrices
    count, both_scores = len(names), np.hstack([matrix, np.where(present, scores.folded(matrix), 0)])
    apart = both_scores - both_scores.mean(0)
    lengths = np.sqrt((apart**2).sum(0))
    apart = apart / np.where(lengths > 0, lengths, np.inf)
    strong: dict[tuple[int, int], float] = {}
    for start in range(0, 2 * count, _AT_ONCE):
        strong |= {(min(i, j), max(i, j)): strength for i, j, strength in _strong(apart, start, wanted)}
    for (i, j), strength in sorted(strong.items()):
        (first, of_first), (second, of_second) = sorted(((i % count, i >= count), (j % count, j >= count)))
        yield _Candidate(strength, names[first], names[second], (of_first, of_second))


def _strong(apart: Array, start: int, wanted: _Wanted) -> Iterator[tuple[int, int, float]]:
    """Of some columns, and the folded ones beside them, the others that may be among their strongest ties."""
    total = apart.shape[1]
    rows = np.arange(start, min(start + _AT_ONCE, total))
    strengths = np.abs(apart[:, rows].T @ apart)
    own = np.arange(total) % (total // 2)
    strengths[own[rows][:, None] == own] = 0
    most = min(2 * wanted.each, total - 1)
    strongest = np.argpartition(strengths, total - most, axis=1)[:, total - most :]
    for row, column in zip(np.repeat(np.arange(len(rows)), most), strongest.reshape(-1), strict=True):
        if strengths[row, column] >= wanted.least:
            yield int(rows[row]), int(column), float(strengths[row, column])


def _of_category(
    name: str, category: Category, numbers: list[str], matrices: tuple[Array, Array], wanted: _Wanted
) -> Iterator[_Candidate]:
    """Of means by value in one half of the rows with the numbers of the other half."""
    matrix, present = matrices
    half = len(matrix) // 2
    predicted = scores.means(category, matrix, present, np.arange(half))[category.codes[half:]]
    strengths = _correlations(predicted, matrix[half:])
    strong = np.flatnonzero(strengths >= wanted.least)
    for number in strong[np.argsort(-strengths[strong], kind="stable")][: 2 * wanted.each]:
        yield _Candidate(float(strengths[number]), name, numbers[number])


def _correlations(first: Array, second: Array) -> Array:
    apart = first - first.mean(0), second - second.mean(0)
    lengths = [np.sqrt((side**2).sum(0)) for side in apart]
    both = lengths[0] * lengths[1]
    return np.asarray((apart[0] * apart[1]).sum(0) / np.where(both > 0, both, np.inf))


def _of_categories(categories: Mapping[str, Category], rows: Array, wanted: _Wanted) -> Iterator[_Candidate]:
    half, names = len(rows) // 2, list(categories)
    for number, first in enumerate(names):
        for second in names[number + 1 :]:
            pair = categories[first], categories[second]
            fitted = scores.fit(*pair, rows[:half])
            strength = scores.correlation(scores.apply(*pair, fitted, rows[half:])).value
            if strength >= wanted.least:
                yield _Candidate(strength, first, second)


def _measured(columns: Mapping[str, Scored], candidate: _Candidate, rows: Array) -> Tie:
    pair = columns[candidate.first], columns[candidate.second]
    measured = _cross_fitted(*pair, candidate.scores, rows)
    sign = -1.0 if measured.value < 0 else 1.0
    all_rows = np.arange(rows[-1] + 1)
    return Tie(
        candidate.first,
        candidate.second,
        scores.fit(*pair, all_rows, candidate.scores),
        sign,
        candidate.strength,
        abs(measured.value),
        sign * measured.influence,
    )


def _cross_fitted(first: Scored, second: Scored, folded: tuple[bool, bool], rows: Array) -> Correlation:
    if isinstance(first, Number) and isinstance(second, Number):
        made = scores.fit(first, second, rows, folded)
        return scores.correlation(scores.apply(first, second, made, rows))
    halves = rows[::2], rows[1::2]
    influence, values = np.zeros(len(rows), np.float32), []
    for half, (fitted_on, used_on) in enumerate((halves, halves[::-1])):
        made = scores.fit(first, second, fitted_on)
        part = scores.correlation(scores.apply(first, second, made, used_on))
        influence[1 - half :: 2] = part.influence
        values.append(part.value)
    return Correlation(float(np.mean(values)), influence)
