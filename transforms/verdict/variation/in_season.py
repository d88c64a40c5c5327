"""Differences from the periods of training that match the window in season, where it has a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from trueserve.transforms.verdict.evidence.feature_difference import FeatureDifference
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.variation import seasonal_difference
from trueserve.transforms.verdict.variation.matched import Matched, Placed
from trueserve.transforms.verdict.variation.seasonal_difference import SeasonalDifference
from trueserve.transforms.verdict.variation.store import Variation

#: By the name of a feature: training's statistics, and serving's where it has any.
ViewsOf: TypeAlias = Callable[[str], tuple[View, View | None]]


def matched(
    variation: Variation,
    differences: Mapping[str, Iterable[FeatureDifference]],
    views_of: ViewsOf,
    rows: int,
    where: Placed,
) -> dict[tuple[str, str], SeasonalDifference]:
    """For differences from all of training those from the periods that match, by feature and metric.

    `rows` are those of the window. What too few periods of training match is not in it.
    """
    named = ((name, Matched.of(variation, name, where)) for name in differences)
    every = (
        (name, seasonal_difference.of_difference(of_feature, difference, views_of(name), rows))
        for name, of_feature in named
        if of_feature is not None
        for difference in differences[name]
    )
    return {(name, known.difference.metric): known for name, known in every if known is not None}
