"""What the evidence says, in a sentence for a person and in figures."""

from __future__ import annotations

from transforms.verdict.evidence.categorical_tests import OTHERS
from transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN,
    VARIATION,
    Difference,
)
from transforms.verdict.evidence.unseen_mass import may_be_named
from transforms.verdict.model import Evidence, Part
from transforms.verdict.reference import Sides
from transforms.verdict.wording import number, percent, quoted

_NAMES = {
    KOLMOGOROV: "Kolmogorov-Smirnov distance",
    VARIATION: "total variation",
    LENGTH: "distance of the numbers of values in a row",
}


def parts_of(sides: Sides, name: str, one: Difference) -> tuple[Part, ...]:
    """What moved most; rare values that training does not have are not named, as they may be a person's."""
    return tuple(Part(_label(sides, name, one, label), *shares) for label, *shares in one.parts)


def sentence(one: Difference, told: Evidence) -> str:
    """Both conditions, and what moved."""
    if one.metric in (MISSING, UNSEEN):
        [part] = told.parts
        before, after = percent(part.training), percent(part.serving)
        said = f"missing in {before} of training rows and in {after} of those served"
        if one.metric == UNSEEN:
            said = f"{after} of the values served are new; training leads to expect {before}"
    else:
        said = distance(one)
    moved = "" if one.metric in (MISSING, UNSEEN) else "; ".join(map(_moved, told.parts[:1]))
    return "; ".join(part for part in (f"{said}{_conditions(one, told)}", moved, _natural(told)) if part)


def decided(one: Difference, told: Evidence) -> str:
    """Both conditions of a difference of distributions, and what days say of it."""
    return "; ".join(part for part in (f"{distance(one)}{_conditions(one, told)}", _natural(told)) if part)


def why_not(told: Evidence) -> str:
    """Why rows that lack a feature are no error."""
    if nature := only_nature(told):
        return f"which is {nature}"
    return "too few to be an error" if told.beyond_chance else "which is no more than chance explains"


def distance(one: Difference) -> str:
    """What a difference of distributions measures, and how much."""
    alone = f" of the values that are not {number(one.beside)}" if one.beside is not None else ""
    return f"{_NAMES[one.metric]} {number(one.effect)}{alone}"


def _conditions(one: Difference, told: Evidence) -> str:
    least = told.least_effect
    chance = f"beyond chance ({_p(told.p_value)})" if told.beyond_chance else "no more than chance explains"
    if not told.large_enough:
        return f", {chance}, is under {number(least)}, from which it matters"
    if nature := only_nature(told):
        return f" is over {number(least)}, but {nature}"
    if one.metric in (MISSING, UNSEEN):
        return f" ({_p(told.p_value)})"
    return f" is over {number(least)} and {chance}"


def _natural(told: Evidence) -> str:
    natural = told.natural
    if natural is None:
        return ""
    if not natural.most:
        return f"training's {natural.unit}s differ no more than chance makes them"
    lying = f"{number(natural.median)} from the rest (median), {number(natural.most)} at most"
    return f"training's {natural.unit}s lie {lying}, this window {number(natural.distance)}"


def only_nature(told: Evidence) -> str:
    """What to say where a difference is large enough and training's own periods explain it, else nothing."""
    if told.natural is None or not told.large_enough or told.beyond_chance:
        return ""
    return f"no more than training's {told.natural.unit}s differ"


def _p(p_value: float) -> str:
    return f"p {p_value:.1e}" if p_value >= 1e-12 else "p below 1e-12"


def _moved(part: Part) -> str:
    return f"{part.label}: {percent(part.training)} of training, {percent(part.serving)} of serving"


def _label(sides: Sides, name: str, one: Difference, label: str) -> str:
    serving = sides.serving.get(name)
    if serving is None or one.metric != VARIATION:
        return label
    if label == OTHERS:
        return label.strip("()")
    views = [sides.training[name], serving]
    rows = max(view.rows_at_least(label, view.counts()[label]) for view in views)
    # An earlier window is no training: it may hold a person's value as this one may.
    known = () if sides.is_pair else sides.training[name].counts()
    return quoted(label) if may_be_named(label, known, rows) else "a rare value"
