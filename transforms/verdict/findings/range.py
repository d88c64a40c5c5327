"""Numbers beyond the least and the greatest of training, which no distance between histograms shows.

A few values far out move a distance little, whatever their size. How many they are is read off the standard
histogram of serving: buckets that lie wholly beyond training's range. That is a lower bound, true to a part
in a thousand, TFDV's own resolution.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.evidence import noise_floor, unseen_mass
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import Finding, FindingKind
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.wording import number, percent

OUTSIDE_RANGE = "outside_training_range"
# TFDV makes its histograms from a thousand quantiles.
_RESOLUTION = 0.001


def findings(pair: ComparedPair, names: Iterable[str]) -> Iterator[Finding]:
    """A finding for each number of which more lies beyond training's range than chance explains.

    Where the schema gives a bound that bound is the range, and TFDV's check of the schema reports it.
    """
    for name in names:
        training, serving = pair.training.get(name), pair.serving.get(name)
        if training is None or serving is None or not training.present:
            continue
        if training.kind == serving.kind == "number":
            yield from _finding(pair, name, training, serving)


def far_out(pair: ComparedPair, name: str) -> float:
    """The share of values that a finding's severity rests on: further out than training's range is wide."""
    training, serving = pair.training.get(name), pair.serving.get(name)
    if training is None or serving is None or not training.kind == serving.kind == "number":
        return 0.0
    share, beyond = _shares(pair, name, training, serving)
    return max(beyond - pair.expected_new(name), 0.0) if share > _least(training, serving) else 0.0


def _shares(pair: ComparedPair, name: str, training: View, serving: View) -> tuple[float, float]:
    """The shares of values outside training's range, and further out than it is wide."""
    low, high = _range(pair.features[name], training)
    wide = training.proto.num_stats.max - training.proto.num_stats.min
    return unseen_mass.share_outside(serving, low, high), unseen_mass.share_outside(
        serving, low - wide, high + wide
    )


def _least(training: View, serving: View) -> float:
    """More than this share is beyond chance."""
    return _RESOLUTION + noise_floor.range_floor(training.independent, serving.independent)


def _finding(pair: ComparedPair, name: str, training: View, serving: View) -> Iterator[Finding]:
    low, high = _range(pair.features[name], training)
    # Nearer values show in the distance: there its threshold decides, which may be the user's.
    share, beyond = _shares(pair, name, training, serving)
    if share <= _least(training, serving):
        return
    yield Finding(
        feature=name,
        space=pair.reference.space,
        kind=FindingKind.VALUES,
        severity=severity.of_unseen(max(beyond - pair.expected_new(name), 0.0), pair.least_unseen(name)),
        metric=OUTSIDE_RANGE,
        message=f"at least {percent(share)} of values lie outside training's range, {_range_text(low, high)}",
        raw_features=pair.raw_features(name),
    )


def _range(feature: schema_pb2.Feature, training: View) -> tuple[float, float]:
    """Training's least and greatest value, infinite where the schema has a bound of its own."""
    bound_low, bound_high = unseen_mass.bounds(feature)
    numbers = training.proto.num_stats
    low = -math.inf if math.isfinite(bound_low) else numbers.min
    return low, math.inf if math.isfinite(bound_high) else numbers.max


def _range_text(low: float, high: float) -> str:
    if math.isinf(low):
        return f"up to {number(high)}"
    return f"from {number(low)} on" if math.isinf(high) else f"{number(low)} to {number(high)}"
