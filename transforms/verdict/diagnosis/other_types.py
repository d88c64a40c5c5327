"""Values of another type: whether they are training's all the same, or what else was done to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from trueserve.transforms.core.accounting import form_and_feature
from trueserve.transforms.verdict.diagnosis import categories, explanations, fitting
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence import p_values, two_sample, wording
from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV, VARIATION, FeatureDifference
from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.model import Diagnosis
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.significance import LEAST_EFFECT
from trueserve.transforms.verdict.wording import number

TYPE_CHANGED = "type changed"
_SURE = 0.98
# What chance makes as seldom as this is a difference.
_SELDOM = 0.001
_CAME = {
    "int": "integers",
    "float": "floats",
    "bytes": "strings of numbers",
    "uint8_bytes": "strings with the bytes of uint8 values",
    "float32_bytes": "strings with the bytes of float32 values",
    "float64_bytes": "strings with the bytes of float64 values",
}


class ValuesOfOtherType(NamedTuple):
    """What is known of a feature's values that came in another type.

    Attributes:
      cause: what was done to them; that the type changed, if nothing else was, or nothing known.
      figures: how they compare with training's, in a sentence.
    """

    cause: Diagnosis
    figures: str


def commonest_forms(statistics: Statistics) -> Mapping[str, tuple[str, View]]:
    """By feature the form that most of its values of another type came in, and their statistics."""
    commonest: dict[str, tuple[str, View]] = {}
    for name, view in views_by_feature(statistics).items():
        form, feature = form_and_feature(name)
        if feature not in commonest or view.present > commonest[feature][1].present:
            commonest[feature] = form, view
    return commonest


def compared(pair: ComparedPair, name: str) -> ValuesOfOtherType | None:
    """A feature's values of another type beside training's; None where they cannot be compared."""
    training, (form, serving) = (
        pair.training.get(name),
        commonest_forms(pair.other_types).get(name, ("", None)),
    )
    if training is None or serving is None:
        return None
    differences = two_sample.of_values(training, serving)
    difference = next((d for d in differences if d.metric in (KOLMOGOROV, VARIATION)), None)
    if difference is None:
        return None
    return ValuesOfOtherType(
        _cause(pair, name, difference, (training, serving), _CAME[form.partition("_for_")[0]]),
        _figures(difference, training, serving),
    )


def _cause(
    pair: ComparedPair, name: str, difference: FeatureDifference, both: tuple[View, View], came: str
) -> Diagnosis:
    least = pair.limit(name, difference.metric, LEAST_EFFECT[difference.metric])
    if difference.effect < least or difference.p_value > _SELDOM:
        return Diagnosis(TYPE_CHANGED, _SURE, f"{came}, with training's values")
    cause = _of_category(*both) if both[0].kind == "category" else _of_number(*both)
    if cause is None or cause.cause == fitting.UNKNOWN:
        return Diagnosis(TYPE_CHANGED, _SURE, f"{came}, and other values than training's")
    return Diagnosis(cause.cause, cause.confidence, f"{came}, and {cause.evidence}")


def _of_category(training: View, serving: View) -> Diagnosis:
    size = p_values.effective_size(training.worth_finite, serving.worth_finite)
    return categories.diagnose(training.shares(), serving.shares(), {}, size)


def _of_number(training: View, serving: View) -> Diagnosis | None:
    before, after = cdfs.of_view(training), cdfs.of_view(serving)
    size = p_values.effective_size(training.worth_finite, serving.worth_finite)
    if before is None or after is None or not size:
        return None
    known = explanations.of_number(before, after, serving.rows_of_share(1.0))
    return fitting.diagnose(before, after, known, size)


def _figures(difference: FeatureDifference, training: View, serving: View) -> str:
    distance = wording.distance(difference)
    if training.kind == "category":
        return distance
    medians = f"median {number(training.median())} in training, {number(serving.median())} in these rows"
    return f"{medians}; {distance}"
