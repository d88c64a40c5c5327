"""Both distributions of a feature on common bins, for the page, from TFDV's statistics alone."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.verdict.buckets import Bucket, masses_between
from trueserve.transforms.verdict.diagnosis import other_types
from trueserve.transforms.verdict.evidence import unseen_mass
from trueserve.transforms.verdict.feature_stats import (
    Statistics,
    View,
    views_by_feature,
)
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.wording import number, plain

BINS = 20
CATEGORIES = 12
OTHER = "(other)"

_STANDARD = statistics_pb2.Histogram.STANDARD
_QUANTILES = statistics_pb2.Histogram.QUANTILES
# The axis ends where the outermost tenth of the rows reaches further than this many middle ranges.
_FAR = 1.5
_LONGEST = 40
# Less than this share is what rounding leaves.
_NO_REST = 1e-9


@dataclasses.dataclass(frozen=True)
class FeaturePicture:
    """One feature's two distributions, drawn over one another.

    Attributes:
      kind: `number`, `category`, or `none` where neither side has values that can be drawn.
      labels: one a bin: the category, or the bin's range for a person. Printable, not escaped for HTML.
      edges: for numbers the bins' bounds, one more than bins; values beyond them are in the outer bins.
      training, serving: shares (0..1) of the values, one a bin; they sum to 1, or are all 0 without values.
      training_missing, serving_missing: shares (0..1) of rows without a value.
      training_rows, serving_rows: rows in the statistics of either side.
      scale: of the axis, `linear` or `log`; of a log axis all edges are above 0.
    """

    feature: str
    space: Space
    kind: str
    labels: tuple[str, ...]
    training: tuple[float, ...]
    serving: tuple[float, ...]
    edges: tuple[float, ...]
    training_missing: float
    serving_missing: float
    training_rows: int
    serving_rows: int
    scale: str = "linear"


def pictures(
    reference: Reference, serving: Statistics, of_other_types: Statistics | None = None
) -> tuple[FeaturePicture, ...]:
    """A picture of each feature that the baseline or serving has statistics of, but for the label.

    Of a feature all of whose values came in another type, these are drawn.
    """
    before, after = views_by_feature(reference.statistics), dict(views_by_feature(serving))
    for name, (_, view) in other_types.commonest_forms(of_other_types or Statistics()).items():
        if name not in after or not after[name].present:
            after[name] = view
    names = [name for name in dict.fromkeys([*before, *after]) if not reference.is_label(name)]
    return tuple(_picture(name, reference.space, before.get(name), after.get(name)) for name in names)


def _picture(name: str, space: Space, training: View | None, serving: View | None) -> FeaturePicture:
    kind = _kind(training, serving)
    draw = {"number": _numbers, "category": _categories}.get(kind, _nothing)
    labels, edges, before, after = draw(training, serving)
    return FeaturePicture(
        feature=name,
        space=space,
        kind=kind,
        labels=labels,
        training=before,
        serving=after,
        edges=edges,
        training_missing=training.missing_share if training else 1.0,
        serving_missing=serving.missing_share if serving else 1.0,
        training_rows=training.rows if training else 0,
        serving_rows=serving.rows if serving else 0,
    )


_Drawn = tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...], tuple[float, ...]]


def _kind(training: View | None, serving: View | None) -> str:
    """The kind of training, or of serving where training has no values; `none` if it cannot be drawn."""
    with_values = [view for view in (training, serving) if view is not None and view.present]
    kind = with_values[0].kind if with_values else "none"
    return kind if kind in ("number", "category") else "none"


def _nothing(_training: View | None, _serving: View | None) -> _Drawn:
    return (), (), (), ()


def _categories(training: View | None, serving: View | None) -> _Drawn:
    before, after = (_category_shares(view) for view in (training, serving))
    nameable = _nameable(training, serving)
    weight = {value: max(before.get(value, 0.0), after.get(value, 0.0)) for value in nameable}
    shown = sorted(weight, key=lambda value: (-weight[value], value))[:CATEGORIES]
    shares = [tuple(distribution.get(value, 0.0) for value in shown) for distribution in (before, after)]
    labels = tuple(plain(value if len(value) <= _LONGEST else value[:_LONGEST] + "...") for value in shown)
    rest = [
        max(1 - sum(part), 0.0) if distribution else 0.0
        for distribution, part in zip((before, after), shares, strict=True)
    ]
    if max(rest) < _NO_REST:
        return labels, (), shares[0], shares[1]
    return (*labels, OTHER), (), (*shares[0], rest[0]), (*shares[1], rest[1])


def _nameable(training: View | None, serving: View | None) -> set[str]:
    """Values that the page may show: a rare one that training does not know may be a person's."""
    known, served = _category_counts(training), _category_counts(serving)
    rows = {v: c if serving is None else serving.rows_at_least(v, c) for v, c in served.items()}
    return {value for value in {*known, *rows} if unseen_mass.may_be_named(value, known, rows.get(value, 0))}


def _category_counts(view: View | None) -> Counter[str]:
    return view.counts() if view is not None and view.kind == "category" else Counter()


def _category_shares(view: View | None) -> dict[str, float]:
    return view.shares() if view is not None and view.kind == "category" else {}


def _numbers(training: View | None, serving: View | None) -> _Drawn:
    histograms = [_buckets(view) for view in (training, serving)]
    edges = _edges(histograms)
    before, after = (_shares(buckets, edges) for buckets in histograms)
    return tuple(_labels(edges)), edges, before, after


def _buckets(view: View | None) -> list[Bucket]:
    """The finer of TFDV's histograms: by width, or by mass where far values make the buckets too wide."""
    if view is None or view.kind != "number":
        return []
    standard, quantiles = view.buckets(_STANDARD), view.buckets(_QUANTILES)
    if not quantiles or not standard:
        return standard or quantiles
    return quantiles if _is_far(quantiles) else standard


def _is_far(quantiles: Sequence[Bucket]) -> bool:
    low, high = _reach(quantiles)
    return quantiles[0].low < low or quantiles[-1].high > high


def _reach(buckets: Sequence[Bucket]) -> tuple[float, float]:
    """Where an axis for these buckets begins and ends: at their ends, unless those lie far out."""
    if len(buckets) < 3:
        return buckets[0].low, buckets[-1].high
    low, high = buckets[0].high, buckets[-1].low
    margin = _FAR * (high - low) if high > low else buckets[-1].high - buckets[0].low
    return max(buckets[0].low, low - margin), min(buckets[-1].high, high + margin)


def _edges(histograms: Sequence[list[Bucket]]) -> tuple[float, ...]:
    reaches = [_reach(buckets) for buckets in histograms if buckets]
    if not reaches:
        return (0.0, 1.0)
    low, high = min(reach[0] for reach in reaches), max(reach[1] for reach in reaches)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    return (*(low + (high - low) * i / BINS for i in range(BINS)), high)


def _shares(buckets: list[Bucket], edges: tuple[float, ...]) -> tuple[float, ...]:
    total = sum(bucket.mass for bucket in buckets)
    if not total:
        return (0.0,) * (len(edges) - 1)
    bounds = [float("-inf"), *edges[1:-1], float("inf")]
    return tuple(mass / total for mass in masses_between(buckets, bounds))


def _labels(edges: tuple[float, ...]) -> Iterator[str]:
    """The outer bins hold whatever lies beyond them too, and say so."""
    yield f"below {number(edges[1])}"
    for low, high in itertools.pairwise(edges[1:-1]):
        yield f"{number(low)} to {number(high)}"
    yield f"{number(edges[-2])} and above"
