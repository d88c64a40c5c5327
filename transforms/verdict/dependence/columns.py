"""Columns of row samples as what their ties are measured on: ranks of numbers, codes of categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from trueserve.transforms.columnar.compact_rows import Column
from trueserve.transforms.verdict.evidence import numeric_tests, p_values

Array = np.ndarray[Any, Any]

# Whole numbers of so few values are categories. Of a category the most frequent values have a code each.
_FEW_VALUES, _MOST_CODES = 24, 256
# A value of fewer rows has no code: what goes with it is not known.
_LEAST_ROWS = 5
_BINS = 10


class Number(NamedTuple):
    """float32 normal scores of a number's ranks, 0 where it has none; `present` says where it has."""

    scores: Array
    present: Array


class Category(NamedTuple):
    """The code of each row's value, from 0; `num_codes` for a value without a code, or none at all."""

    codes: Array
    present: Array
    num_codes: int

    def of_rows(self, rows: Array) -> Category:
        """These rows alone."""
        return Category(self.codes[rows], self.present[rows], self.num_codes)


Scored: TypeAlias = Number | Category


class Known(NamedTuple):
    """What training's column says of the values: those with a code, sorted; None of a number."""

    values: Array | None


def known_of(column: Column) -> Known | None:
    """What the values of training's column are; None where they do not differ."""
    values = _finite(column)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < 2:
        return None
    if values.dtype.kind == "f" and len(distinct) > _FEW_VALUES:
        return Known(None)
    frequent = np.argsort(-counts, kind="stable")[:_MOST_CODES]
    kept = np.sort(distinct[frequent[counts[frequent] >= _LEAST_ROWS]])
    return Known(kept) if len(kept) > 1 or (len(kept) and len(kept) < len(distinct)) else None


def scored(column: Column, known: Known) -> Scored:
    """The column in scores of its own ranks, so that a shift of all values changes none, or in codes."""
    return _number(column) if known.values is None else _category(column, known.values)


def moved(training: Scored, serving: Scored, before: Column, now: Column) -> float:
    """The total variation of both sides in coarse cells, less what chance makes."""
    if isinstance(training, Category) and isinstance(serving, Category):
        return _variation(_counts(training), _counts(serving))
    values, served = _finite(before), _finite(now)
    ends = np.unique(np.quantile(values, np.arange(1, _BINS) / _BINS)) if len(values) else np.zeros(0)
    cells = (np.searchsorted(ends, side) for side in (values, served))
    return _variation(*(np.bincount(each, minlength=len(ends) + 1) for each in cells))


def others(column: Scored, groups: Array) -> int:
    """In how many groups of rows a value is another one than most have."""
    values = column.codes if isinstance(column, Category) else column.scores
    present = column.present
    if not present.any():
        return 0
    distinct, inverse = np.unique(values[present], return_inverse=True)
    most = np.bincount(inverse.reshape(-1), minlength=len(distinct)).argmax()
    return len(np.unique(groups[present][inverse.reshape(-1) != most]))


def _counts(category: Category) -> Array:
    return np.bincount(category.codes[category.present], minlength=category.num_codes + 1)


def _variation(first: Array, second: Array) -> float:
    sizes = float(first.sum()), float(second.sum())
    if not min(sizes):
        return 0.0
    shares = first / sizes[0], second / sizes[1]
    noise = p_values.expected_variation(shares[0], p_values.effective_size(*sizes))
    return p_values.beyond_noise(float(np.abs(shares[0] - shares[1]).sum() / 2), noise)


def _finite(column: Column) -> Array:
    values = column.values[column.present]
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _number(column: Column) -> Number:
    values = column.values.astype(float)
    present = column.present & np.isfinite(values)
    scores = np.zeros(len(values), np.float32)
    scores[present] = normal_scores(values[present])
    return Number(scores, present)


def normal_scores(values: Array) -> Array:
    """The normal quantiles of the middle ranks (van der Waerden 1952); equal values have one score."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles = (np.cumsum(counts) - counts / 2) / max(len(values), 1)
    return np.asarray(numeric_tests.normal_quantiles(middles)[inverse.reshape(-1)])


def _category(column: Column, values: Array) -> Category:
    at = np.minimum(np.searchsorted(values, column.values), len(values) - 1)
    codes = np.where(column.present & (values[at] == column.values), at, len(values))
    return Category(codes.astype(np.int32), column.present, len(values))


def scored_columns(columns: Mapping[str, Column], known: Mapping[str, Known]) -> dict[str, Scored]:
    """Those of the features that training knows and this side has, of the same type."""
    return {
        name: scored(columns[name], known[name])
        for name in known
        if name in columns and _has_type(columns[name], known[name])
    }


def _has_type(column: Column, known: Known) -> bool:
    if known.values is None:
        return str(column.values.dtype.kind) == "f"
    return bool(column.values.dtype == known.values.dtype)
