"""Both distributions of a feature on common bins, for the page, from statistics alone."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from trueserve.transforms.verdict.diagnosis import other_types
from trueserve.transforms.verdict.evidence import cdf, unseen_mass
from trueserve.transforms.verdict.evidence.cdf import Cdf
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

# The axis ends before this outermost share of the values where these reach further than so many ranges of the
# others; TFDV's own statistics know tenths alone.
_TAIL, _FAR = 0.01, 0.25
_TENTH, _FAR_OF_TENTHS = 0.1, 1.5
# A log axis begins at most so much below its end.
_MOST_DECADES = 1e12
# It is for middle halves that take less than this part of a linear axis.
_SQUEEZED = 0.1
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
    return tuple(_picture(reference, name, before.get(name), after.get(name)) for name in names)


def _picture(reference: Reference, name: str, training: View | None, serving: View | None) -> FeaturePicture:
    kind = _kind(training, serving)
    if kind == "category":
        drawn = _categories(training, serving, functools.partial(reference.label_of, name))
    else:
        drawn = _numbers(training, serving) if kind == "number" else _Drawn()
    return FeaturePicture(
        feature=name,
        space=reference.space,
        kind=kind,
        **drawn._asdict(),
        training_missing=training.missing_share if training else 1.0,
        serving_missing=serving.missing_share if serving else 1.0,
        training_rows=training.rows if training else 0,
        serving_rows=serving.rows if serving else 0,
    )


class _Drawn(NamedTuple):
    """The parts of a picture that its kind decides on."""

    labels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()
    training: tuple[float, ...] = ()
    serving: tuple[float, ...] = ()
    scale: str = "linear"


def _kind(training: View | None, serving: View | None) -> str:
    """The kind of training, or of serving where training has no values; `none` if it cannot be drawn."""
    with_values = [view for view in (training, serving) if view is not None and view.present]
    kind = with_values[0].kind if with_values else "none"
    return kind if kind in ("number", "category") else "none"


def _categories(training: View | None, serving: View | None, label_of: Callable[[str], str] = str) -> _Drawn:
    before, after = (_category_shares(view) for view in (training, serving))
    nameable = _nameable(training, serving)
    weight = {value: max(before.get(value, 0.0), after.get(value, 0.0)) for value in nameable}
    shown = sorted(weight, key=lambda value: (-weight[value], value))[:CATEGORIES]
    shares = [tuple(distribution.get(value, 0.0) for value in shown) for distribution in (before, after)]
    labels = tuple(_label(label_of(value)) for value in shown)
    rest = [
        max(1 - sum(part), 0.0) if distribution else 0.0
        for distribution, part in zip((before, after), shares, strict=True)
    ]
    if max(rest) < _NO_REST:
        return _Drawn(labels, (), shares[0], shares[1])
    return _Drawn((*labels, OTHER), (), (*shares[0], rest[0]), (*shares[1], rest[1]))


def _label(value: str) -> str:
    return plain(value if len(value) <= _LONGEST else value[:_LONGEST] + "...")


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
    """Shares by bins of one axis, from the distribution functions: exact at each of their 200 quantiles."""
    functions = [
        None if view is None or view.kind != "number" else cdf.of_view(view) for view in (training, serving)
    ]
    edges, scale = _axis([function for function in functions if function is not None])
    before, after = (_shares(function, edges) for function in functions)
    return _Drawn(tuple(_labels(edges)), edges, before, after, scale)


def _axis(functions: Sequence[Cdf]) -> tuple[tuple[float, ...], str]:
    """The bounds of the bins, and the scale on which these are equally wide."""
    if not functions:
        return (0.0, 1.0), "linear"
    low, high = _reach(functions)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    start = _log_start(functions, low, high)
    if start is None:
        return (*(low + (high - low) * i / BINS for i in range(BINS)), high), "linear"
    return (*(start * (high / start) ** (i / BINS) for i in range(BINS)), high), "log"


def _reach(functions: Sequence[Cdf]) -> tuple[float, float]:
    """Where the axis begins and ends: at the outermost values, unless those lie far beyond nearly all."""
    reaches = [_reach_of(function) for function in functions]
    return min(low for low, _ in reaches), max(high for _, high in reaches)


def _reach_of(function: Cdf) -> tuple[float, float]:
    tail, far = (_TENTH, _FAR_OF_TENTHS) if function.is_loose else (_TAIL, _FAR)
    low, high = function.quantile(tail), function.quantile(1 - tail)
    least, most = float(function.x[0]), float(function.x[-1])
    margin = far * (high - low) if high > low else most - least
    return max(least, low - margin), min(most, high + margin)


def _log_start(functions: Sequence[Cdf], low: float, high: float) -> float | None:
    """Where a log axis begins; None where it would show no more than a linear one.

    It shows more where the middle half of one side is squeezed into a part of the linear axis, and takes at
    least twice that part of the log axis. Values of 0 are in its first bin; others below 0 allow none.
    """
    halves = [half for function in functions if (half := _middle_half(function))[0] < half[1]]
    if not halves or high <= 0 or any(function.under(np.zeros(1))[0] > _TAIL for function in functions):
        return None
    positive = [float(function.x[function.x > 0][0]) for function in functions if function.x[-1] > 0]
    start = max(min(positive), low, high / _MOST_DECADES)
    if start >= high or any(half[1] <= start for half in halves):
        return None
    linear = min((q3 - q1) / (high - low) for q1, q3 in halves)
    log = min(math.log(q3 / max(q1, start)) / math.log(high / start) for q1, q3 in halves)
    return start if linear < _SQUEEZED and log >= 2 * linear else None


def _middle_half(function: Cdf) -> tuple[float, float]:
    return function.quantile(0.25), function.quantile(0.75)


def _shares(function: Cdf | None, edges: tuple[float, ...]) -> tuple[float, ...]:
    if function is None:
        return (0.0,) * (len(edges) - 1)
    under = np.concatenate([[0.0], function.under(np.array(edges[1:-1])), [1.0]])
    return tuple(float(share) for share in np.maximum(np.diff(under), 0.0))


def _labels(edges: tuple[float, ...]) -> Iterator[str]:
    """The outer bins hold whatever lies beyond them too, and say so."""
    if len(edges) < 3:
        return
    yield f"below {number(edges[1])}"
    for low, high in itertools.pairwise(edges[1:-1]):
        yield f"{number(low)} to {number(high)}"
    yield f"{number(edges[-2])} and above"
