"""What statistics count: buckets of numbers, and the values of categories."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Bucket(NamedTuple):
    """`mass` values in `[low, high]`; both finite, equal for an atom."""

    low: float
    high: float
    mass: float


class Counted(NamedTuple):
    """A category's values.

    Attributes:
      counts: see `View.counts`.
      total: its values, kept or not; TFDV's sketch may count what it kept as more than there is.
      most_unkept: the most often that a value can come which TFDV did not keep; 0 where it kept them all.
    """

    counts: Counter[str]
    total: float
    most_unkept: float

    @property
    def edge(self) -> float:
        """The share up to which it is luck whether a value was kept: three deviations beyond the rarest."""
        return (self.most_unkept + 3 * math.sqrt(self.most_unkept)) / self.total if self.total else 0.0

    def shares(self) -> dict[str, float]:
        """See `View.shares`."""
        return {value: count / self.total for value, count in self.counts.items()} if self.total else {}


def masses_between(buckets: list[Bucket], bounds: Sequence[float]) -> list[float]:
    """Values from each of the ascending `bounds` to the next.

    Those of a bucket are spread evenly over it; an atom lies where it stands.
    """
    low, high, mass = np.array([(bucket.low, bucket.high, bucket.mass) for bucket in buckets]).T
    width = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(
            width > 0,
            (np.clip(bounds, low[:, None], high[:, None]).T - low) / width,
            np.asarray(bounds)[:, None] > low,
        )
    masses: list[float] = (np.diff(shares, axis=0) * mass).sum(axis=1).tolist()
    return masses
