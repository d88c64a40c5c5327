"""What a feature's statistics know of its positions, as samples that can be compared."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.core.custom_stats import HEAVIEST_ROW, VECTOR_STATS, VectorStats, unpacked_positions
from trueserve.transforms.verdict.evidence.vectors.bounds import Sample
from trueserve.transforms.verdict.feature_stats import View

Array = np.ndarray[Any, Any]

# From this share of the rows with a list on, all have the same length.
_ALL = 1 - 1e-6


class Profile(NamedTuple):
    """The positions of a feature.

    Attributes:
      length: positions of a vector.
      known: see `custom_stats.VectorStats`; of the positions alone, or of the sums with fixed signs alone.
      rows: how many independent rows tell as much as those with a vector.
      heaviest: for how many rows the one of the greatest weight counts.
      is_vector: whether every list has this length.
    """

    length: int
    known: Array
    rows: float
    heaviest: float
    is_vector: bool

    @property
    def width(self) -> int:
        """How many neighbours a position stands for; their mean is known."""
        return -(-self.length // len(self.known))

    def num_positions(self, which: Array) -> int:
        """How many positions these stand for; the last one may stand for fewer than `width`."""
        ends = np.minimum((which + 1) * self.width, self.length)
        return int((ends - which * self.width).sum())

    @property
    def energy(self) -> float:
        """The mean of the squared length of a vector."""
        return float((self.known["mean"] ** 2 + np.square(self.known["deviation"], dtype=float)).sum())

    @property
    def means(self) -> Sample:
        """The values."""
        least, most = _floats(self.known, "least", "most")
        return Sample(self.known["mean"], _variance(self.known), least, most, self._rows, self.heaviest)

    def squares_about(self) -> Sample:
        """The squared deviations from the mean."""
        known = self.known
        variance = _variance(known)
        least, most = _floats(known, "least", "most")
        furthest = np.maximum(most - known["mean"], known["mean"] - least) ** 2
        of_squares = np.maximum(known["kurtosis"].astype(float) - 1, 0.0) * variance**2
        return Sample(variance, of_squares, np.zeros_like(variance), furthest, self._rows, self.heaviest)

    def shares(self, field: str) -> Sample:
        """Whether a row is zero (`zeros`), or finite."""
        [share] = _floats(self.known, field)
        ends, rows = np.zeros_like(share), np.full(len(share), self.rows)
        return Sample(share, share * (1 - share), ends, ends + 1, rows, self.heaviest)

    @property
    def _rows(self) -> Array:
        result: Array = self.rows * self.known["finite"].astype(float)
        return result

    def taken(self, order: Array) -> Profile:
        """With the positions in another order."""
        return self._replace(known=self.known[order])


def of_view(view: View, design_effect: float = 1.0) -> tuple[Profile, Profile] | None:
    """The positions, and the sums with fixed signs; None where the statistics do not have them.

    `design_effect`: so many rows count as one, at least.
    """
    known = _vector_stats(view)
    if known is None or not view.present:
        return None
    heaviest = max([1.0, *(float(each.num) for each in view.proto.custom_stats if each.name == HEAVIEST_ROW)])
    rows = view.present / max(view.design_effect, design_effect) * known.share
    parts = known.known[: known.columns], known.known[known.columns :]
    is_vector = known.share >= _ALL
    first, second = (Profile(known.length, part, rows, heaviest, is_vector) for part in parts)
    return first, second


def _vector_stats(view: View) -> VectorStats | None:
    packed = [each.any.value for each in view.proto.custom_stats if each.name == VECTOR_STATS]
    return unpacked_positions(packed[0]) if packed else None


def _variance(known: Array) -> Array:
    result: Array = np.square(known["deviation"], dtype=float)
    return result


def _floats(known: Array, *fields: str) -> list[Array]:
    return [known[field].astype(float) for field in fields]
