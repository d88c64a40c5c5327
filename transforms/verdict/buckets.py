"""Buckets of TFDV's histograms, and what lies between two bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Bucket(NamedTuple):
    """`mass` values in `[low, high]`; both finite, equal for an atom."""

    low: float
    high: float
    mass: float


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
