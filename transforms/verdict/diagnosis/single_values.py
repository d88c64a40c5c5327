"""Explanations by one value: it took the place of all others, of those beyond it, or of another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.verdict.diagnosis.causes import CAPPED, CONSTANT, MOVED, Array, Explanation
from trueserve.transforms.verdict.evidence.cdf import Cdf

_MOST_STEPS = 5


def constants(grown: Sequence[float]) -> Iterator[Explanation]:
    """One value in place of all others: those that serving has much more often than training."""
    for value in grown:
        description = f"serving has {value:g} in place of other values"
        yield Explanation(CONSTANT, description, _step(value), _under_step(value), 1.0, (value,))


def grown_steps(training: Cdf, serving: Cdf, rows: float) -> list[float]:
    """The values that grew most; none that too few rows have to be named."""
    steps = serving.steps
    share = serving.up_to(steps) - serving.under(steps)
    grown = share - (training.up_to(steps) - training.under(steps))
    order = np.argsort(-grown)[:_MOST_STEPS]
    return [float(steps[i]) for i in order if grown[i] > 0.005 and share[i] * rows >= NAMED_FROM]


def _step(value: float) -> Callable[[Array], Array]:
    return lambda x: (np.asarray(x) >= value).astype(float)


def _under_step(value: float) -> Callable[[Array], Array]:
    return lambda x: (np.asarray(x) > value).astype(float)


def caps(training: Cdf, grown: Sequence[float]) -> Iterator[Explanation]:
    """All beyond a value brought to it."""
    for value in grown:
        beyond = 1 - float(training.up_to(np.array([value]))[0])
        below = float(training.under(np.array([value]))[0])
        if 0.001 < beyond < 0.6:
            yield _capped(training, value, above=True)
        if 0.001 < below < 0.6:
            yield _capped(training, value, above=False)


def _capped(training: Cdf, value: float, *, above: bool) -> Explanation:
    def share(upto: Callable[[Array], Array], step: Callable[[Array], Array]) -> Callable[[Array], Array]:
        if above:
            return lambda x: np.maximum(upto(x), step(x))
        return lambda x: upto(x) * step(x)

    end = "maximum" if above else "minimum"
    return Explanation(
        CAPPED,
        f"serving is capped at {value:g}, its {end}",
        share(training.up_to, _step(value)),
        share(training.under, _under_step(value)),
        1.0,
        (value,),
    )


def moves(training: Cdf, serving: Cdf, grown: Sequence[float]) -> Iterator[Explanation]:
    """What one value lost, one that has grown has gained: an id, or a code for missing, that moved."""
    steps = training.steps
    before, after = (cdf.up_to(steps) - cdf.under(steps) for cdf in (training, serving))
    fallen = [i for i in np.argsort(after - before)[:_MOST_STEPS] if before[i] - after[i] > 0.005]
    for new in grown:
        for i in fallen:
            yield _moved(training, float(steps[i]), new, float(before[i]))


def _moved(training: Cdf, old: float, new: float, mass: float) -> Explanation:
    """A value of which training has the share `mass` is another one."""

    def share(upto: Callable[[Array], Array], step: Callable[[float], Any]) -> Callable[[Array], Array]:
        return lambda x: upto(x) + mass * (step(new)(x) - step(old)(x))

    description = f"serving has {new:g} where training has {old:g}: an id that moved?"
    both = share(training.up_to, _step), share(training.under, _under_step)
    return Explanation(MOVED, description, *both, 1.0, (old, new))
