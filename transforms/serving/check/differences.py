"""Which probes differ in one output, by how much, and whether one rule explains them all."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.serving.tolerance import RaggedRows, Tolerance, same

Indices = np.ndarray[Any, np.dtype[np.int64]]

# An affine map of that many points or more, each this near, is no accident.
_FEWEST_POINTS = 8
_FIT = 1e-4


def differing(expected: RaggedRows, got: RaggedRows, tolerance: Tolerance) -> Indices:
    """Indices of the rows that are not the same, ascending; all if the numbers of rows are not."""
    if len(expected.lengths) != len(got.lengths):
        return np.arange(len(expected.lengths))
    wrong = expected.lengths != got.lengths
    if of_other_type(expected, got):
        return np.flatnonzero(wrong | (expected.lengths > 0))
    both = np.flatnonzero(~wrong)
    parents = np.repeat(both, expected.lengths[both])
    apart = ~same(_values(expected, both), _values(got, both), tolerance)
    wrong[parents[apart]] = True
    return np.flatnonzero(wrong)


def of_other_type(expected: RaggedRows, got: RaggedRows) -> bool:
    """Whether one holds integers, floats or bytes and the other does not."""
    kinds = {rows.values.dtype.kind for rows in (expected, got)}
    return bool(len(expected.values) and len(got.values)) and len(kinds) > 1


def most_telling(expected: RaggedRows, got: RaggedRows, rows: Indices, count: int) -> Indices:
    """So many of the differing rows: the furthest off; of integers and bytes each pair of values once."""
    if len(expected.lengths) != len(got.lengths):
        return rows[:0]
    left, right = ([values(source, row) for row in rows] for source in (expected, got))
    if expected.values.dtype.kind == got.values.dtype.kind == "f":
        order = np.argsort([-_distance(a, b) for a, b in zip(left, right, strict=True)], kind="stable")
        furthest: Indices = rows[order[:count]]
        return furthest
    pairs = {repr((a, b)): row for a, b, row in reversed(list(zip(left, right, rows, strict=True)))}
    return np.sort(np.array(list(pairs.values()), np.int64))[:count]


def describe(expected: RaggedRows, got: RaggedRows, rows: Indices) -> str:
    """How the differing rows differ, in words."""
    if len(expected.lengths) != len(got.lengths):
        return f"{len(got.lengths)} rows come for {len(expected.lengths)} probes"
    if of_other_type(expected, got):
        return f"values are {_kind(got)}, not {_kind(expected)}"
    if (expected.lengths[rows] != got.lengths[rows]).any():
        return "other numbers of values"
    left, right = _values(expected, rows), _values(got, rows)
    if left.dtype.kind == "f":
        return _describe_floats(left, right)
    if left.dtype.kind != "i":
        return "other bytes"
    return _describe_integers(left, right)


def values(rows: RaggedRows, index: int) -> list[Any]:
    """The values of one row."""
    start = int(rows.lengths[:index].sum())
    result: list[Any] = rows.values[start : start + int(rows.lengths[index])].tolist()
    return result


def _describe_floats(left: Any, right: Any) -> str:
    apart = np.abs(left.astype(np.float64) - right.astype(np.float64))
    finite = apart[np.isfinite(apart)]
    largest = f"off by up to {finite.max():.4g}" if len(finite) else "not finite"
    rule = _affine(left.astype(np.float64), right.astype(np.float64))
    return f"{largest}; throughout {rule}" if rule else largest


def _affine(left: Any, right: Any) -> str:
    """The line that every point lies on, in words; empty if there is none, or too few points."""
    finite = np.isfinite(left) & np.isfinite(right)
    left, right = left[finite], right[finite]
    if len(np.unique(left)) < _FEWEST_POINTS or not np.ptp(right):
        return ""
    factor, offset = np.polyfit(left, right, 1)
    if np.abs(factor * left + offset - right).max() > _FIT * np.ptp(right):
        return ""
    more = f" {'-' if offset < 0 else '+'} {abs(offset):.4g}" if abs(offset) > _FIT * np.ptp(right) else ""
    return f"{factor:.4g} x what is right{more}"


def _describe_integers(left: Any, right: Any) -> str:
    off = right.astype(object) - left.astype(object)
    if len(set(left.tolist())) == len(set(right.tolist())) == 1:
        return f"always {right[0]} for {left[0]}"
    if len(set(off.tolist())) == 1:
        return f"always {abs(off[0])} {'more' if off[0] > 0 else 'less'}"
    return f"off by up to {max(abs(value) for value in off.tolist())}"


def _distance(left: list[float], right: list[float]) -> float:
    if len(left) != len(right):
        return float("inf")
    apart = np.abs(np.array(left, np.float64) - np.array(right, np.float64))
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))


def _values(rows: RaggedRows, indices: Indices) -> Any:
    ends = np.cumsum(rows.lengths)
    pieces = [rows.values[ends[i] - rows.lengths[i] : ends[i]] for i in indices]
    return np.concatenate([rows.values[:0], *pieces])


def _kind(rows: RaggedRows) -> str:
    return {"i": "integers", "f": "floats"}.get(rows.values.dtype.kind, "bytes")
