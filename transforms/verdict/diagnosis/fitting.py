"""Which explanation fits: serving as a mixture of training and of training with something done to it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from trueserve.transforms.verdict.diagnosis.causes import SCALE, Explanation
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.model import Diagnosis

Array = np.ndarray[Any, Any]

UNKNOWN = "unknown"
# What statistics cannot tell: quantiles are a hundredth apart.
_RESOLUTION = 0.004
_LEAST_FIT = 0.75
_LEAST_OF_NOISY = 0.5
_LEAST_PART = 0.01
_SURE, _CONFIDENT = 0.98, 0.9
_NEAR = 1e-6
# A factor or an offset without a name has this prior, and explains clearly more by this part of the noise.
_PLAIN_PRIOR, _CLEARLY = 0.3, 0.15
# A part of rows from which on it is all of them.
_ALL = 0.97
# How sure a fit makes, where it is of all rows and of a part of them.
_FITS, _FITS_OF_PART, _QUALITIES = (0.5, 0.75, 0.9, 0.93), (0.5, 0.75, 0.93, 0.96), (0.0, 0.65, 0.9, 1.0)


@dataclasses.dataclass(frozen=True)
class Fit:
    """An explanation with the part (0 to 1) of rows that it holds for.

    Attributes:
      left: the largest difference of the distribution functions that it does not explain.
      fit: how much of the difference it explains, at most 1.
    """

    explanation: Explanation
    part: float
    left: float
    fit: float


def diagnose(
    training: Cdf, serving: Cdf, explanations: Iterable[Explanation], size: float
) -> Diagnosis | None:
    """The cause that fits, `unknown` where none does or several do; None without any difference.

    Args:
      size: the effective number of rows (`chance.effective_size`), which says how much is noise.
    """
    fits = [
        fit for explanation in explanations if (fit := fitted(training, serving, explanation)) is not None
    ]
    if not fits:
        return Diagnosis(UNKNOWN, 0.0, "no known cause fits")
    return _chosen(fits, size)


def fitted(training: Cdf, serving: Cdf, explanation: Explanation) -> Fit | None:
    """The part of rows by least squares; None where the explanation points elsewhere."""
    at = np.unique(np.concatenate([training.x, serving.x, np.array(explanation.points)]))
    observed, expected, explained = _functions_at(at, training, serving, explanation)
    difference, direction = observed - expected, explained - expected
    length = float(direction @ direction)
    if length <= 0:
        return None
    part = min(float(difference @ direction) / length, 1.0)
    if part < _LEAST_PART:
        return None
    left = float(np.max(np.abs(difference - part * direction)))
    largest = float(np.max(np.abs(difference)))
    return Fit(explanation, part, left, 1 - left / largest) if largest > 0 else None


def _functions_at(
    at: Array, training: Cdf, serving: Cdf, explanation: Explanation
) -> tuple[Array, Array, Array]:
    """All three distribution functions at and just below each point."""
    # A value that was computed anew in float32 stands beside where arithmetic puts it.
    near = _NEAR * np.abs(at)
    upto = [share(at + near) for share in (serving.up_to, training.up_to, explanation.share_up_to)]
    under = [share(at - near) for share in (serving.under, training.under, explanation.share_under)]
    observed, expected, explained = (np.concatenate(pair) for pair in zip(upto, under, strict=True))
    return observed, expected, explained


def _chosen(fits: list[Fit], size: float) -> Diagnosis:
    """The best, as sure as the others fit worse."""
    fits = _without_beaten(fits, _noise(size))
    # What is fitted lies nearer to serving than the truth does, by what chance makes: so not the nearest.
    least = min(fit.left for fit in fits)
    best = max(fits, key=lambda fit: (fit.explanation.prior * _likelihood(fit, least, size), -fit.left))
    noise = _noise(size)
    if best.fit < _LEAST_FIT and (best.left > noise or best.fit < _LEAST_OF_NOISY):
        return Diagnosis(UNKNOWN, 0.0, f"the best explanation leaves {1 - best.fit:.0%} of the difference")
    weights: dict[str, float] = {}
    for fit in fits:
        weight = fit.explanation.prior * _likelihood(fit, least, size)
        cause = fit.explanation.cause
        weights[cause] = max(weights.get(cause, 0.0), weight)
    sure = weights[best.explanation.cause] / math.fsum(weights.values())
    # What chance leaves says nothing against an explanation.
    beyond = max(best.left - noise, 0.0) / (best.left / (1 - best.fit)) if best.fit < 1 else 0.0
    confidence = min(sure, _SURE) * (1 - beyond) * _quality(best)
    is_named = best.part > _ALL or not _is_unit(best) or confidence >= _CONFIDENT
    share = 1.0 if best.part > _ALL else round(best.part, 4)
    return Diagnosis(best.explanation.cause, round(confidence, 3), _evidence(best, is_named=is_named), share)


def _without_beaten(fits: list[Fit], noise: float) -> list[Fit]:
    """The fits without those of a part of rows that a factor or an offset without a name beats.

    One of all rows has as many free parameters as a unit in a part of them, which must be better: prices that
    grew by 90 % are nearly those of which four in five came in another unit. One of a part of rows has one
    more, so it must be clearly better than the unit.
    """
    of_all = [fit.left for fit in fits if fit.explanation.is_fitted and fit.part > _ALL]
    least = min(of_all, default=math.inf)
    margin = {True: 0.0, False: _CLEARLY * noise}
    kept = [fit for fit in fits if fit.part > _ALL or fit.left < least - margin[_is_named(fit)]]
    plain = [fit.left for fit in kept if not _is_named(fit)]
    least = min(plain, default=math.inf) + margin[False]
    return [fit for fit in kept if fit.part > _ALL or not _is_unit(fit) or fit.left < least]


def _is_named(fit: Fit) -> bool:
    return fit.explanation.prior > _PLAIN_PRIOR


def _is_unit(fit: Fit) -> bool:
    return fit.explanation.cause == SCALE and _is_named(fit)


def _quality(fit: Fit) -> float:
    """How sure so good a fit makes, beside what else may have happened (a mixture that changed, growth).

    What was planted is explained but for chance. What was not is explained by some cause to nine tenths
    often enough, and where the part of rows is free more often.
    """
    fits = _FITS if fit.part > _ALL else _FITS_OF_PART
    return float(np.interp(fit.fit, fits, _QUALITIES))


def _likelihood(fit: Fit, least: float, size: float) -> float:
    """How well a fit stands beside the nearest, which leaves `least`, by Kolmogorov's tail.

    What statistics cannot resolve is free.
    """
    noise = _noise(size)
    worse = max(fit.left - least, 0.0)
    return math.exp(-2 * (worse / noise) ** 2)


def _noise(size: float) -> float:
    """How far apart chance, and quantiles a hundredth apart, leave two distribution functions."""
    return math.sqrt(1 / max(size, 1.0)) + _RESOLUTION


def _evidence(fit: Fit, *, is_named: bool) -> str:
    """What fits, in words; what a factor may be the unit of only where it `is_named`."""
    description = fit.explanation.description if is_named else fit.explanation.description.split(":")[0]
    rows = "" if fit.part > _ALL else f" in about {fit.part:.0%} of rows"
    return f"{description}{rows} (fit {fit.fit:.3f})"
