"""What the evidence says, in a sentence for a person and in figures."""

from __future__ import annotations

from trueserve.transforms.verdict.evidence.categorical_tests import OTHERS
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    FeatureDifference,
)
from trueserve.transforms.verdict.evidence.unseen_mass import may_be_named
from trueserve.transforms.verdict.evidence.vectors.difference import VectorDifference
from trueserve.transforms.verdict.model import FindingEvidence, SeasonalVariation, ShareChange
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.wording import number, percent, quoted, spans

_NAMES = {
    KOLMOGOROV: "Kolmogorov-Smirnov distance",
    VARIATION: "total variation",
    LENGTH: "distance of the numbers of values in a row",
}


def parts_of(pair: ComparedPair, name: str, difference: FeatureDifference) -> tuple[ShareChange, ...]:
    """What moved most; rare values that training does not have are not named, as they may be a person's."""
    return tuple(
        ShareChange(_label(pair, name, difference, label), *shares) for label, *shares in difference.parts
    )


def sentence(difference: FeatureDifference, evidence: FindingEvidence) -> str:
    """Both conditions, and what moved."""
    if difference.metric in (MISSING, UNSEEN_SHARE):
        [part] = evidence.parts
        before, after = percent(part.training), percent(part.serving)
        message = f"missing in {before} of training rows and in {after} of those served"
        if difference.metric == UNSEEN_SHARE:
            message = f"{after} of the values served are new; training leads to expect {before}"
    else:
        message = distance(difference)
    moved = "" if difference.metric in (MISSING, UNSEEN_SHARE) else "; ".join(map(_moved, evidence.parts[:1]))
    return "; ".join(
        part for part in (f"{message}{_conditions(difference, evidence)}", moved, _seasonal(evidence)) if part
    )


def decided(difference: FeatureDifference, evidence: FindingEvidence) -> str:
    """Both conditions of a difference of distributions, and what days say of it."""
    return "; ".join(
        part
        for part in (f"{distance(difference)}{_conditions(difference, evidence)}", _seasonal(evidence))
        if part
    )


def why_not(evidence: FindingEvidence) -> str:
    """Why rows that lack a feature are no error."""
    if reason := only_seasonal(evidence):
        return f"which is {reason}"
    return "too few to be an error" if evidence.beyond_chance else "which is no more than chance explains"


def distance(difference: FeatureDifference) -> str:
    """What a difference of distributions measures, and how much."""
    if isinstance(difference, VectorDifference):
        return _of_positions(difference)
    scope = (
        f" of the values that are not {number(difference.excluded_value)}"
        if difference.excluded_value is not None
        else ""
    )
    return f"{_NAMES[difference.metric]} {number(difference.effect)}{scope}"


def _of_positions(difference: VectorDifference) -> str:
    """How many positions differ and which, and by how much at least."""
    least = f"total variation of at least {number(difference.effect)}"
    compared, sums = difference.of_positions, difference.of_sums
    if compared is None or not len(compared.differing):
        is_of_sums = sums is not None and len(sums.differing) > 0
        what = (
            "no position by itself but sums of positions differ"
            if is_of_sums
            else "positions differ a little"
        )
        return f"{what}: {least}"
    training, which = compared.training, compared.differing
    listed = spans(which.tolist(), training.width, training.length)
    return f"{training.num_positions(which):,} of {training.length:,} positions differ ({listed}): {least}"


def _conditions(difference: FeatureDifference, evidence: FindingEvidence) -> str:
    least = evidence.least_effect
    significance = (
        f"beyond chance ({_p(evidence.p_value)})"
        if evidence.beyond_chance
        else "no more than chance explains"
    )
    if not evidence.large_enough:
        return f", {significance}, is under the limit {number(least)}"
    if reason := only_seasonal(evidence):
        return f" is over {number(least)}, but {reason}"
    if difference.metric in (MISSING, UNSEEN_SHARE):
        return f" ({_p(evidence.p_value)})"
    return f" is over {number(least)} and {significance}"


def _seasonal(evidence: FindingEvidence) -> str:
    seasonal = evidence.seasonal
    if seasonal is None:
        return ""
    if not seasonal.most and not seasonal.matched:
        return f"training's {seasonal.unit}s differ no more than chance makes them"
    if seasonal.matched:
        return _matched(seasonal)
    distances = f"{number(seasonal.median)} from the rest (median), {number(seasonal.most)} at most"
    return f"training's {seasonal.unit}s lie {distances}, this window {number(seasonal.distance)}"


def _matched(seasonal: SeasonalVariation) -> str:
    """How far the window lies from training of its season, and how far training's own periods do."""
    distances = f"{number(seasonal.median)} from theirs (median), {number(seasonal.most)} at most"
    matched = f"{seasonal.matched:,} {seasonal.unit}s of training match this window"
    return f"{matched}: it lies {number(seasonal.distance)} from them, training's own lie {distances}"


def only_seasonal(evidence: FindingEvidence) -> str:
    """What to say where a difference is large enough and training's own periods explain it, else nothing."""
    if evidence.seasonal is None or not evidence.large_enough or evidence.beyond_chance:
        return ""
    return f"no more than training's {evidence.seasonal.unit}s differ"


def _p(p_value: float) -> str:
    return f"p {p_value:.1e}" if p_value >= 1e-12 else "p below 1e-12"


def _moved(part: ShareChange) -> str:
    return f"{part.label}: {percent(part.training)} of training, {percent(part.serving)} of serving"


def _label(pair: ComparedPair, name: str, difference: FeatureDifference, label: str) -> str:
    serving = pair.serving.get(name)
    if serving is None or difference.metric != VARIATION:
        return label
    if label == OTHERS:
        return label.strip("()")
    both_views = [pair.training[name], serving]
    rows = max(view.rows_at_least(label, view.counts()[label]) for view in both_views)
    # An earlier window is no training: it may hold a person's value as this one may.
    known = () if pair.between_windows else pair.training[name].counts()
    return quoted(label) if may_be_named(label, known, rows) else "a rare value"
