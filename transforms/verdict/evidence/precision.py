"""Values that many rows share, written with fewer digits: `0.333333` of a third is no other value.

Clients write floats with six digits (`%g`), or as they like. Of a number of few values every step of the
distribution function then lies beside training's, and the distance of both functions is that of a number that
changed. So steps are compared at the precision that the log has.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from trueserve.transforms.verdict.evidence.cdf import Cdf

Array = np.ndarray[Any, Any]

# So many digits C's `%g` writes, and so many hold every float32. Fewer than four are no precision of a value.
_LEAST_DIGITS, _OF_PRINTF, _ALL_DIGITS = 4, 6, 9
# What six digits leave out, as a part of the value: half a unit of the sixth.
_OF_SIX_DIGITS = 5.1e-6
_TRIFLE = 1e-3


def at_precision_of_log(before: Cdf, after: Cdf) -> Cdf:
    """Serving's function with each step at training's, where it is this one as far as its digits go.

    Either side may have fewer digits. What was computed from rounded values (a z-score) has all digits again:
    there half a unit of the sixth, of the value or of the spread of most values, is no difference.
    """
    steps, own = before.steps, after.steps
    if not len(steps) or not len(own):
        return after
    moved = own[~np.isin(own, steps)]
    nearest = steps[np.abs(steps[None, :] - moved[:, None]).argmin(axis=1)]
    # Most numbers end here: what lies further away is no rounding of any kind, which is dear to tell.
    if not (np.abs(moved - nearest) <= _TRIFLE * _most_of(before, moved, nearest)).any():
        return after
    same = _are_roundings(moved, nearest, own) | _are_roundings(nearest, moved, steps)
    spread = float(np.ptp(before.quantiles(np.array([0.05, 0.95]))))
    same |= _are_near(moved, nearest, spread) & _are_far_from_others(moved, nearest, steps)
    if not same.any():
        return after
    x = after.x.copy()
    for step, value in zip(moved[same], nearest[same], strict=True):
        x[after.x == step] = value
    return dataclasses.replace(after, x=np.maximum.accumulate(x))


def _most_of(before: Cdf, moved: Array, nearest: Array) -> Array:
    """What a trifle is a part of: the greatest of both values and of the range of training's."""
    most: Array = np.maximum(np.maximum(np.abs(moved), np.abs(nearest)), before.x[-1] - before.x[0])
    return most


def _are_roundings(rounded: Array, full: Array, all_rounded: Array) -> Array:
    """Whether each of `rounded` is that of `full`, at the digits that all steps of its side have at most.

    A value that itself has few digits, among values that have few, was not rounded for all that is known.
    """
    digits = _digits_of(all_rounded).max()
    if digits >= _ALL_DIGITS:
        return np.zeros(len(rounded), bool)
    at_digits = _rounded(full, digits)
    # Whole numbers of few digits that lie near each other are two.
    are_whole = (rounded == np.round(rounded)) & (full == np.round(full))
    were_rounded = (digits >= _OF_PRINTF) | ((_digits_of(rounded) >= _LEAST_DIGITS) & ~are_whole)
    equal: Array = (rounded.astype(np.float32) == at_digits) & were_rounded
    return equal


def _are_far_from_others(moved: Array, nearest: Array, steps: Array) -> Array:
    """Whether each moved by a trifle of itself, and of the way to another step: else it is a move."""
    gaps = np.abs(steps[None, :] - nearest[:, None])
    gaps[gaps == 0] = np.inf
    limits = np.minimum(gaps.min(axis=1), np.maximum(np.abs(moved), np.abs(nearest)))
    far: Array = np.abs(moved - nearest) <= _TRIFLE * limits
    return far


def _digits_of(values: Array) -> Array:
    """For each the least number of digits with which it can be written, as a float of 32 bits."""
    wanted, result = values.astype(np.float32), np.full(len(values), _ALL_DIGITS)
    for digits in range(_ALL_DIGITS - 1, 0, -1):
        result[_rounded(values, digits) == wanted] = digits
    return result


def _rounded(values: Array, digits: int) -> Array:
    return np.array([float(f"{value:.{digits}g}") for value in values], np.float32)


def _are_near(moved: Array, nearest: Array, spread: float) -> Array:
    # Whole numbers were not rounded: two that lie near each other are two.
    are_whole = (moved == np.round(moved)) & (nearest == np.round(nearest))
    near: Array = ~are_whole
    near &= np.abs(moved - nearest) <= _OF_SIX_DIGITS * np.maximum(np.abs(nearest), spread)
    return near
