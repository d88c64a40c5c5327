"""Cells that a feature's values are counted in, a period at a time: few enough to be kept for each day.

A number has cells between twenty quantiles of training, and one at each of them, so that values which many
rows share stand by themselves. A category has its most frequent values, and all others together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.verdict.buckets import Counted
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence import two_sample
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature

Array = np.ndarray[Any, Any]

NUMBER, CATEGORY = "number", "category"
_QUANTILES = 20
_FURTHEST = 1e6
#: Values of a category that have a cell of their own.
MOST_VALUES = 30


@dataclasses.dataclass(frozen=True)
class Bins:
    """The cells of one feature.

    Attributes:
      kind: `number` or `category`.
      edges: for a number, ascending: cell 2 i lies before edge i, cell 2 i + 1 is at it.
      values: for a category those with a cell, the most frequent first; the last cell is all others.
      lengths: edges of the numbers of values in a row, likewise; empty where no row has several.
      known: for a category all values of training with their counts, where statistics kept them all.
    """

    kind: str
    edges: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    values: tuple[str, ...] = ()
    lengths: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    known: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def has_moments(self) -> bool:
        """Whether values have a mean and a deviation."""
        return self.kind == NUMBER

    def standard(self, values: Array) -> Array:
        """Numbers from training's median on, in units of its middle nine tenths, a million at most."""
        middle, width = self.edges[len(self.edges) // 2], self.edges[-2:][0] - self.edges[:2][-1]
        scaled = (values - middle) / (width if width > 0 else max(abs(middle), 1.0))
        result: Array = np.clip(scaled, -_FURTHEST, _FURTHEST)
        return result

    @property
    def size(self) -> int:
        """How many cells values have."""
        return 2 * len(self.edges) + 1 if self.kind == NUMBER else len(self.values) + 1

    @property
    def length_size(self) -> int:
        """How many cells lengths have."""
        return 2 * len(self.lengths) + 1 if len(self.lengths) else 0


def of_statistics(statistics: Statistics, names: Iterable[str]) -> dict[str, Bins]:
    """The cells of these features, by name; what is neither number nor category, or empty, has none."""
    known = views_by_feature(statistics)
    all_cells = ((name, _of_view(known[name])) for name in names if name in known)
    return {name: cells for name, cells in all_cells if cells is not None}


def _of_view(view: View) -> Bins | None:
    lengths = np.unique(edges) if (edges := two_sample.length_edges(view)) is not None else np.zeros(0)
    if view.kind == NUMBER and (cdf := cdfs.of_view(view)) is not None:
        edges = np.unique(cdf.quantiles(np.linspace(0, 1, _QUANTILES + 1)))
        return Bins(NUMBER, edges=edges, lengths=lengths)
    if view.kind == CATEGORY and (counted := view.counted()).counts:
        values = tuple(value for value, _ in counted.counts.most_common(MOST_VALUES))
        known = {} if counted.most_unkept > 0 else dict(counted.counts)
        return Bins(CATEGORY, values=values, lengths=lengths, known=known)
    return None


def cell_indices(edges: Array, values: Array) -> Array:
    """The cell of each value, as `Bins.edges` has it."""
    result: Array = np.searchsorted(edges, values, "left") + np.searchsorted(edges, values, "right")
    return result


def shares_of_cdf(cdf: Cdf, edges: Array) -> Array:
    """The share of a distribution in each cell."""
    bounds = np.stack([cdf.under(edges), cdf.up_to(edges)], 1).ravel()
    result: Array = np.clip(np.diff(np.concatenate([[0.0], bounds, [1.0]])), 0.0, 1.0)
    return result


def shares_of_values(counted: Counted, values: Sequence[str]) -> Array:
    """The share of each of these values, and of all others."""
    shares = counted.shares()
    known = np.array([shares.get(value, 0.0) for value in values])
    return np.append(known, max(1.0 - float(known.sum()), 0.0))
