"""The tail of distances that belong together: spans overlap, and weather lasts for several periods."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.variation.tails import LEAST_IN_TAIL, TAIL, Tail

Array = np.ndarray[Any, Any]

# A distance lasts until it is correlated no more than so much with itself.
_ALIKE = 0.1


@dataclasses.dataclass(frozen=True)
class SpanTail(Tail):
    """Of spans so few of which do not overlap that their tail is not seen: it is taken to be Student's.

    Its scale is the root mean square of the distances; as many degrees of freedom as spans are independent.
    """

    def probability(self, distance: float) -> float:
        """How likely a span lies so far from training, at least; no less than the share of those that do."""
        if not self.most:
            return float(distance <= 0)
        scale = math.sqrt(float(np.mean(self.distances**2)))
        further = len(self.distances) - int(np.searchsorted(self.distances, distance, "left"))
        return max(p_values.of_student(distance / scale, self.independent), further / len(self.distances))


def tail_of_spans(distances: Array, independent: float, length: int) -> Tail:
    """The tail that so many independent spans allow, in the order of time: their own, or Student's.

    Single periods have their own: of these storms are some. What lasts for several makes fewer of them.
    """
    if length == 1:
        return Tail(np.sort(distances), min(independent, len(distances) / lasts(distances)))
    kind = Tail if TAIL * independent >= LEAST_IN_TAIL else SpanTail
    return kind(np.sort(distances), independent)


def lasts(distances: Array) -> float:
    """For how many periods a distance lasts: the sum of its correlations with those before and after."""
    apart = distances - distances.mean()
    if not apart.any():
        return 1.0
    power = np.abs(np.fft.rfft(apart, 2 * len(apart))) ** 2
    correlations = np.fft.irfft(power)[1 : len(apart) // 4]
    correlations /= float(apart @ apart)
    under = np.flatnonzero(correlations < _ALIKE)
    return 1 + 2 * float(correlations[: under[0] if len(under) else None].sum())
