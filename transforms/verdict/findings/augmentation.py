"""How much wider or narrower what is served is than what an augmented training gave the model.

It is told and is no fault: serving is compared with what training was before it was augmented.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trueserve.transforms.verdict.feature_stats import View, views_by_feature
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.wording import number

SPREAD = "augmentation_spread"
# An augmentation that widens or narrows a feature by less is not worth a word.
_LEAST_CHANGE = 0.02
# How far from the augmented spread, as a part of the change that augmentation made, serving is still like it.
_AS_WIDE = 0.25


def findings(pair: ComparedPair, names: Iterable[str]) -> Iterator[Finding]:
    """An info for each number whose spread the augmentation changed."""
    if pair.reference.trained_on is None:
        return
    augmented = views_by_feature(pair.reference.trained_on)
    for name in names:
        clean, trained, served = (
            feature_views.get(name) for feature_views in (pair.training, augmented, pair.serving)
        )
        if clean is not None and trained is not None and served is not None:
            yield from _finding(pair, name, *map(_deviation, (clean, trained, served)))


def _deviation(view: View) -> float:
    """The standard deviation; NaN where the feature is no number or has no finite one."""
    is_known = view.kind == "number" and view.present
    return float(view.proto.num_stats.std_dev) if is_known else float("nan")


def _finding(pair: ComparedPair, name: str, clean: float, trained: float, served: float) -> Iterator[Finding]:
    if not (trained > 0 and abs(trained - clean) >= _LEAST_CHANGE * trained and served >= 0):
        return
    message = (
        f"standard deviation: augmented training {number(trained)}, training before augmentation"
        f" {number(clean)}, serving {number(served)} ({number(served / trained)} of augmented training)"
    )
    if abs(served - trained) <= _AS_WIDE * abs(trained - clean):
        message += (
            "; serving is about as wide as augmented training: is the augmentation in the serving code, too?"
        )
    yield Finding(
        feature=name,
        space=pair.reference.space,
        kind=FindingKind.DISTRIBUTION,
        severity=Severity.INFO,
        metric=SPREAD,
        message=message,
        distance=abs(served / trained - 1),
        raw_features=pair.raw_features(name),
    )
