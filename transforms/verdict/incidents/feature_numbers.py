"""The figures of each feature that was compared, healthy ones too: what is plotted, and exported."""

from __future__ import annotations

from collections.abc import Container, Iterator

from trueserve.transforms.verdict.evidence import stability_index
from trueserve.transforms.verdict.evidence.feature_difference import MISSING, UNSEEN_SHARE, FeatureDifference
from trueserve.transforms.verdict.model import FeatureNumbers
from trueserve.transforms.verdict.significance import TestResults


def of_features(results: TestResults, left_out: Container[str]) -> Iterator[FeatureNumbers]:
    """One for each feature whose values were tested, in the schema's order; none of those `left_out`."""
    for name in results.names:
        if name not in left_out:
            yield _numbers(results, name)


def _numbers(results: TestResults, name: str) -> FeatureNumbers:
    pair, differences = results.pair, results.differences.get(name, [])
    new = [each.effect for each in differences if each.metric == UNSEEN_SHARE]
    values = [each for each in differences if each.metric not in (MISSING, UNSEEN_SHARE)]
    most = max(values, key=lambda each: _ratio(results, name, each), default=None)
    training, serving, in_rows = pair.training[name], pair.serving.get(name), name in pair.top_level
    return FeatureNumbers(
        feature=name,
        space=pair.reference.space,
        rows=pair.rows,
        missing_share=pair.missing(name) / pair.rows if in_rows and pair.rows else None,
        training_missing_share=training.missing_share if in_rows else None,
        unseen_share=new[0] if new else None,
        psi=None if serving is None else stability_index.of_values(training, serving),
        metric=None if most is None else most.metric,
        effect=None if most is None else most.effect,
        least_effect=None if most is None else results.least_effect(name, most.metric),
        p_value=None if most is None else most.p_value,
    )


def _ratio(results: TestResults, name: str, difference: FeatureDifference) -> float:
    return difference.effect / results.least_effect(name, difference.metric)
