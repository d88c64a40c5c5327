"""Two models' answers to the same rows: how far apart they are, and where they decide otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

# From here on a single probability says yes.
THRESHOLD = 0.5


@dataclasses.dataclass(frozen=True)
class AnswerTolerance:
    """How far two numbers may lie apart: within either they are the same.

    Attributes:
      absolute: in the output's unit.
      relative: a fraction of what the reference model says.
    """

    absolute: float = 1e-6
    relative: float = 1e-5


class Compared(NamedTuple):
    """The answers to some rows for one output, compared.

    Attributes:
      differs: bool [rows].
      apart: float64 [rows], the largest absolute difference in a row, 0 where it does not differ; infinite
        where one side alone is finite.
      flipped: bool [rows]: those that differ and whose largest value stands elsewhere, or, of a single
        value, lies on the other side of `THRESHOLD`.
      low, high: of the reference's values, (inf, -inf) where there are none.
    """

    differs: Array
    apart: Array
    flipped: Array
    low: float
    high: float


def compare_all(
    expected: Mapping[str, Array], got: Mapping[str, Array], tolerance: AnswerTolerance
) -> dict[str, Compared]:
    """Each output compared; both sides have the same names and float64 [rows, width]."""
    return {name: compare(expected[name], got[name], tolerance) for name in expected}


def compare(expected: Array, got: Array, tolerance: AnswerTolerance) -> Compared:
    """One output compared, the reference's answers first."""
    same = _same(expected, got, tolerance)
    differs = np.asarray(~same.all(axis=1))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.where(same, 0.0, np.abs(expected - got))
    apart[~np.isfinite(apart)] = np.inf
    finite = expected[np.isfinite(expected)]
    return Compared(
        differs=differs,
        apart=apart.max(axis=1, initial=0.0),
        flipped=differs & (_classes(expected) != _classes(got)),
        low=float(finite.min(initial=np.inf)),
        high=float(finite.max(initial=-np.inf)),
    )


def _same(expected: Array, got: Array, tolerance: AnswerTolerance) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        limit = np.maximum(tolerance.absolute, tolerance.relative * np.abs(expected))
        near = np.isfinite(expected) & (np.abs(expected - got) <= limit)
    # A log in JSON writes NaN and both infinities alike: as null.
    return np.asarray(near | (expected == got) | (~np.isfinite(expected) & np.isnan(got)))


def _classes(values: Array) -> Array:
    """The class that each row is put into; -1 where a value is not finite."""
    if values.shape[1] < 2:
        chosen = (values >= THRESHOLD).any(axis=1).astype(np.int64)
    else:
        chosen = np.where(np.isnan(values), -np.inf, values).argmax(axis=1)
    return np.asarray(np.where(np.isfinite(values).all(axis=1), chosen, -1))
