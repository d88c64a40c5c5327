"""What makes two features comparable: scores of a category's values, by what they go with.

A number's scores are those of its ranks. A category's values have the mean score of the number beside them.
Of two categories the values have the scores that go together best (correspondence analysis, Hirschfeld 1935).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from trueserve.transforms.verdict.dependence.columns import Category, Number, Scored

Array = np.ndarray[Any, Any]

# A value of a few rows tells little of what goes with it: so many rows of the mean are added to each.
_ADDED_ROWS = 10.0
_ITERATIONS = 12
_SMALL = 1e-12

#: The scores of a category's values, of which the last is that of all without a code. A number has its own,
#: or those of how far it lies from its middle: so ties that turn round there are seen.
Scores: TypeAlias = Array | None
FOLDED = np.zeros(0)
# The mean of a normal variable's absolute value.
_MEAN_APART = math.sqrt(2 / math.pi)


class Pair(NamedTuple):
    """The scores of two features, row by row, and the rows that have both."""

    first: Array
    second: Array
    both: Array


def fit(
    first: Scored, second: Scored, rows: Array, folds: tuple[bool, bool] = (False, False)
) -> tuple[Scores, Scores]:
    """The scores of both by these rows (their places); of two numbers those that `folds` says."""
    if isinstance(first, Category) and isinstance(second, Category):
        return _of_categories(first, second, rows)
    if isinstance(first, Category) and isinstance(second, Number):
        return _means_of(first, second, rows), None
    if isinstance(second, Category) and isinstance(first, Number):
        return None, _means_of(second, first, rows)
    of_first, of_second = (FOLDED if fold else None for fold in folds)
    return of_first, of_second


def apply(first: Scored, second: Scored, scores: tuple[Scores, Scores], rows: Array) -> Pair:
    """Both features in scores, of these rows."""
    of_first, of_second = _applied(first, scores[0], rows), _applied(second, scores[1], rows)
    return Pair(of_first, of_second, first.present[rows] & second.present[rows])


def means(category: Category, numbers: Array, present: Array, rows: Array) -> Array:
    """Of each code, and of none, the mean scores beside it: [codes + 1, numbers]; pulled to 0."""
    one_hot = np.zeros((len(rows), category.num_codes + 1), np.float32)
    one_hot[np.arange(len(rows)), category.codes[rows]] = 1
    return _pulled(one_hot.T @ numbers[rows], one_hot.T @ present[rows].astype(np.float32))


def _pulled(sums: Array, counts: Array) -> Array:
    result: Array = sums / (counts + _ADDED_ROWS)
    result[-1] = 0.0
    return result


def _means_of(category: Category, number: Number, rows: Array) -> Array:
    """`means` of a single number."""
    codes, size = category.codes[rows], category.num_codes + 1
    sums, counts = (np.bincount(codes, each[rows], size) for each in (number.scores, number.present))
    return _pulled(sums, counts)


def _applied(column: Scored, scores: Scores, rows: Array) -> Array:
    if isinstance(column, Number):
        return column.scores[rows] if scores is None else folded(column.scores[rows])
    assert scores is not None
    return np.asarray(scores[column.codes[rows]])


def folded(scores: Array) -> Array:
    """How far each lies from the middle, less the mean."""
    return np.asarray(np.abs(scores) - _MEAN_APART, scores.dtype)


def _of_categories(first: Category, second: Category, rows: Array) -> tuple[Array, Array]:
    shape = first.num_codes + 1, second.num_codes + 1
    cells = first.codes[rows].astype(np.int64) * shape[1] + second.codes[rows]
    both = first.present[rows] & second.present[rows]
    table = np.bincount(cells[both], minlength=shape[0] * shape[1]).reshape(shape).astype(float)
    rows_of, columns_of = table.sum(1), table.sum(0)
    expected = np.outer(rows_of, columns_of) / max(table.sum(), 1)
    scale = np.sqrt(np.outer(rows_of + _ADDED_ROWS, columns_of + _ADDED_ROWS))
    left, right = _leading((table - expected) / scale)
    return left / np.sqrt(rows_of + _ADDED_ROWS), right / np.sqrt(columns_of + _ADDED_ROWS)


def _leading(matrix: Array) -> tuple[Array, Array]:
    """The leading singular vectors, by so many steps that what they miss is little."""
    right = np.cos(np.arange(matrix.shape[1]) * 2.0) + 0.1
    square = matrix.T @ matrix
    for _ in range(_ITERATIONS):
        right = square @ right
        right /= math.sqrt(float(right @ right)) + _SMALL
    left = matrix @ right
    return left / (math.sqrt(float(left @ left)) + _SMALL), right


class Correlation(NamedTuple):
    """The correlation of a pair, and what each row adds to it, of mean 0; 0 for rows that lack either."""

    value: float
    influence: Array


def correlation(pair: Pair) -> Correlation:
    """Of the rows that have both; 0 where a side does not differ there.

    The influence of a row on a correlation r of standardised a and b is ab - r (a² + b²) / 2 (Devlin,
    Gnanadesikan and Kettenring 1975).
    """
    both = pair.both
    if both.all():
        return _of_all(pair.first.astype(float), pair.second.astype(float))
    part = _of_all(pair.first[both].astype(float), pair.second[both].astype(float))
    influence = np.zeros(len(both), np.float32)
    influence[both] = part.influence / max(float(both.mean()), _SMALL)
    return Correlation(part.value, influence)


def _of_all(first: Array, second: Array) -> Correlation:
    count = len(first)
    if count < 2:
        return Correlation(0.0, np.zeros(count, np.float32))
    first, second = first - first.mean(), second - second.mean()
    squares = float(first @ first) / count, float(second @ second) / count
    if min(squares) < _SMALL:
        return Correlation(0.0, np.zeros(count, np.float32))
    products = first * second / math.sqrt(squares[0] * squares[1])
    value = float(products.mean())
    influence = products - value / 2 * (first**2 / squares[0] + second**2 / squares[1])
    return Correlation(value, influence.astype(np.float32))
