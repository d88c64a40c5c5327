"""What counts as the same, value by value and row by row, and how a difference is told without values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How far two floats may lie apart: within any one of the three they are the same."""

    ulps: int
    relative: float
    absolute: float = 0.0


FEATURES = Tolerance(ulps=4, relative=1e-6)
PREDICTIONS = Tolerance(ulps=4, relative=1e-5, absolute=1e-6)


class RaggedRows(NamedTuple):
    """Values of one feature for many rows: row i has the next `lengths[i]` of `values`."""

    values: np.ndarray[Any, Any]
    lengths: np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class OutputDifference:
    """One feature or prediction that is not what it was; `detail` holds differences and no values."""

    signature: str
    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name} ({self.signature}): {self.detail}"


def compare_all(
    signature: str, expected: Mapping[str, RaggedRows], got: Mapping[str, RaggedRows], tolerance: Tolerance
) -> list[OutputDifference]:
    """The names whose rows differ, sorted. A name that `expected` lacks has no value in any row of it."""
    differences = []
    for name in sorted({*expected, *got}):
        if name not in got:
            detail = "is not in the saved model"
        else:
            detail = compare(expected.get(name, _none_like(got[name])), got[name], tolerance)
        if detail:
            differences.append(OutputDifference(signature, name, detail))
    return differences


def compare(expected: RaggedRows, got: RaggedRows, tolerance: Tolerance) -> str:
    """What differs, in words; empty if the rows are the same."""
    if len(expected.lengths) != len(got.lengths):
        return f"{len(got.lengths)} rows for {len(expected.lengths)} probes"
    other = np.flatnonzero(expected.lengths != got.lengths)
    if len(other):
        count, expected_count = got.lengths[other[0]], expected.lengths[other[0]]
        share = _share(len(other), len(expected.lengths))
        return f"probe {other[0]} has {count} values, not {expected_count} ({share})"
    if not len(expected.values):
        return ""
    if expected.values.dtype.kind != got.values.dtype.kind:
        return f"{got.values.dtype} values, not {expected.values.dtype}"
    wrong = np.flatnonzero(~same(expected.values, got.values, tolerance))
    return _describe(expected, got, wrong) if len(wrong) else ""


def same(
    expected: np.ndarray[Any, Any], got: np.ndarray[Any, Any], tolerance: Tolerance
) -> np.ndarray[Any, Any]:
    """Boolean array: which values are the same; exactly, unless they are floats."""
    if expected.dtype.kind != "f":
        return np.asarray(expected == got, bool)
    left, right = expected.astype(np.float64), got.astype(np.float64)
    equal = (left == right) | (np.isnan(left) & np.isnan(right))
    finite = np.isfinite(left) & np.isfinite(right)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(left - right)
        near = apart <= np.maximum(tolerance.absolute, tolerance.relative * np.abs(left))
    return np.asarray(equal | (finite & (near | (ulp_distance(expected, got) <= tolerance.ulps))))


def ulp_distance(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How many float32 values lie between, counting one end: int64. Meaningless where there is a NaN."""
    return np.asarray(np.abs(_ordered_bits(left) - _ordered_bits(right)))


def _ordered_bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Integers in the order of the floats, one apart for neighbours; both zeros are 0."""
    bits = values.astype(np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits + 2**31), bits)


def _none_like(rows: RaggedRows) -> RaggedRows:
    return RaggedRows(rows.values[:0], np.zeros_like(rows.lengths))


def _describe(expected: RaggedRows, got: RaggedRows, wrong: np.ndarray[Any, Any]) -> str:
    rows = np.unique(np.repeat(np.arange(len(expected.lengths)), expected.lengths)[wrong])
    where = f"{_share(len(rows), len(expected.lengths))}, first probe {rows[0]}"
    if expected.values.dtype.kind not in "fiu":
        return f"other bytes in {where}"
    left, right = expected.values[wrong], got.values[wrong]
    if left.dtype.kind != "f":
        return (
            f"off by up to {max(abs(int(a) - int(b)) for a, b in zip(left, right, strict=True))} in {where}"
        )
    apart = np.abs(left.astype(np.float64) - right.astype(np.float64))
    worst = int(np.argmax(np.where(np.isfinite(apart), apart, np.inf)))
    ulps = ulp_distance(left, right)[worst]
    return f"off by up to {apart[worst]:.6g} ({ulps} ULP) in {where}"


def _share(count: int, total: int) -> str:
    return f"{count} of {total} probes"
