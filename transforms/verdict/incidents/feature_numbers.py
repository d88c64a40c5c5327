"""The figures of each feature that was compared, healthy ones too: what is plotted, and exported."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterator

from trueserve.transforms.verdict.evidence import stability_index
from trueserve.transforms.verdict.evidence.feature_difference import MISSING, UNSEEN_SHARE, FeatureDifference
from trueserve.transforms.verdict.model import FeatureNumbers
from trueserve.transforms.verdict.significance import TestResults


def of_features(
    results: TestResults, left_out: Container[str], moved: Container[str]
) -> Iterator[FeatureNumbers]:
    """One for each feature of which anything was tested, in the schema's order.

    Args:
      results: what it looks at for missing rows alone has no other figures.
      left_out: nor have these.
      moved: those whose population stability index is computed, which takes as long as all the rest.
    """
    for name in results.names:
        yield _of_missing(results, name) if name in left_out else _numbers(results, name, name in moved)
    for name in results.present:
        yield _of_missing(results, name)


def _of_missing(results: TestResults, name: str) -> FeatureNumbers:
    pair, in_rows = results.pair, name in results.pair.top_level
    return FeatureNumbers(
        feature=name,
        space=pair.reference.space,
        rows=pair.rows,
        missing_share=min(pair.missing(name) / pair.rows, 1.0) if in_rows and pair.rows else None,
        training_missing_share=pair.training[name].missing_share if in_rows else None,
    )


def _numbers(results: TestResults, name: str, has_moved: bool) -> FeatureNumbers:
    pair, differences = results.pair, results.differences.get(name, [])
    new = [each.effect for each in differences if each.metric == UNSEEN_SHARE]
    values = [each for each in differences if each.metric not in (MISSING, UNSEEN_SHARE)]
    most = max(values, key=lambda each: _ratio(results, name, each), default=None)
    training, serving = pair.training[name], pair.serving.get(name)
    return dataclasses.replace(
        _of_missing(results, name),
        unseen_share=new[0] if new else None,
        psi=stability_index.of_values(training, serving) if has_moved and serving is not None else None,
        metric=None if most is None else most.metric,
        effect=None if most is None else most.effect,
        least_effect=None if most is None else results.least_effect(name, most.metric),
        p_value=None if most is None else most.p_value,
    )


def _ratio(results: TestResults, name: str, difference: FeatureDifference) -> float:
    return difference.effect / results.least_effect(name, difference.metric)
