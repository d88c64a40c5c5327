"""The L-infinity norm between categories of which TFDV kept only the most frequent values.

TFDV takes shares of the values that it kept, and a value that it did not keep for one that never came. So a
long tail raises every share, and a value at the edge of one side's list counts as gone. Here shares are of
all values, and one that a side did not keep came at most as often as the rarest that it kept.
"""

from __future__ import annotations

from typing import NamedTuple

from trueserve.transforms.verdict.feature_stats import View


class LargestDifference(NamedTuple):
    """The value whose shares (0..1 of all values) differ most, and by how much at least."""

    value: str
    difference: float


def is_cut(*feature_views: View) -> bool:
    """Whether any side has values that TFDV did not keep."""
    return any(view.most_unkept > 0 for view in feature_views)


def largest_difference(training: View, serving: View) -> LargestDifference | None:
    """The L-infinity norm, a lower bound where a list is cut; None where neither side has values."""
    before, after = training.shares(), serving.shares()
    if not before and not after:
        return None
    beyond = [view.most_unkept / view.total if view.total else 0.0 for view in (training, serving)]
    differences = {
        value: _apart(before.get(value), after.get(value), beyond[0], beyond[1])
        for value in {*before, *after}
    }
    value = min(differences, key=lambda key: (-differences[key], key))
    return LargestDifference(value, differences[value])


def _apart(before: float | None, after: float | None, before_most: float, after_most: float) -> float:
    """The least difference of two shares; None is one that was not kept, which lies in `[0, most]`."""
    if before is not None and after is not None:
        return abs(before - after)
    known, most = (after, before_most) if before is None else (before, after_most)
    return max((known or 0.0) - most, 0.0)
