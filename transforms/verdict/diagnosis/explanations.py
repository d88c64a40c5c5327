"""What may have been done to a number on its way to the model, as distributions to be compared with serving.

An explanation says what the distribution would be if every row had it. Serving is then a mixture: a part of
the rows has it, the rest is as in training. How large the part is follows from the fit (`fitting`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from trueserve.transforms.verdict.diagnosis.causes import (
    ROUNDED,
    SCALE,
    SHIFT,
    SPREAD,
    SWAPPED,
    TIME,
    TRANSFORMED,
    Array,
    Explanation,
)
from trueserve.transforms.verdict.diagnosis.single_values import caps, constants, grown_steps, moves
from trueserve.transforms.verdict.diagnosis.units import FACTORS, PERIODS
from trueserve.transforms.verdict.evidence.cdf import Cdf

_FITTED_PRIOR = 0.3
# Other factors are 13 % apart, up to five times as much and down to a fifth.
_STEP, _STEPS = 0.125, 13
# A narrower change of the spread is none (of the logarithm).
_LEAST_SPREAD = 0.08
# So much of a day, a week or a circle most values must fill.
_LEAST_TURN = 0.4


def of_number(training: Cdf, serving: Cdf, rows: float = math.inf) -> Iterator[Explanation]:
    """All explanations of one number that need no other feature; `rows` of serving have it at least."""
    grown = grown_steps(training, serving, rows)
    yield from _units(training)
    yield from _other_factors(training)
    yield from _functions(training)
    yield from _fitted(training, serving)
    yield from _spreads(training, serving)
    yield from _in_time(training)
    yield from constants(grown)
    yield from caps(training, grown)
    yield from moves(training, serving, grown)
    yield from _roundings(training)


def swapped(name: str, other: Cdf) -> Explanation:
    """That serving has the values of another feature."""
    return Explanation(SWAPPED, f"serving has the values of `{name}`", other.up_to, other.under, 0.5)


def _monotone(
    cause: str,
    description: str,
    training: Cdf,
    inverse: Callable[[Array], Array],
    prior: float,
    *,
    falls: bool = False,
) -> Explanation:
    """Training's values through a function of which the inverse is given."""
    if falls:
        return Explanation(
            cause,
            description,
            lambda x: 1 - training.under(inverse(x)),
            lambda x: 1 - training.up_to(inverse(x)),
            prior,
        )
    return Explanation(
        cause, description, lambda x: training.up_to(inverse(x)), lambda x: training.under(inverse(x)), prior
    )


def _units(training: Cdf) -> Iterator[Explanation]:
    for factor, hint in FACTORS.items():
        description = f"serving is training x {factor:.4g}: {hint}"
        yield _monotone(SCALE, description, training, _divide(factor), 1.0, falls=factor < 0)
    yield _monotone(
        SCALE, "serving is 1.8 x training + 32: Fahrenheit for Celsius?", training, _affine(1.8, 32.0), 1.0
    )
    description = "serving is (training - 32) / 1.8: Celsius for Fahrenheit?"
    yield _monotone(SCALE, description, training, _affine(1 / 1.8, -32 / 1.8), 1.0)
    for offset, hint in ((273.15, "Kelvin for Celsius?"), (-273.15, "Celsius for Kelvin?")):
        yield _monotone(
            SHIFT, f"serving is training {offset:+g}: {hint}", training, _affine(1.0, offset), 1.0
        )


def _other_factors(training: Cdf) -> Iterator[Explanation]:
    """Factors between the units, which nobody has a name for: a unit in a part of the rows must beat them."""
    units = np.abs(np.log([factor for factor in FACTORS if factor > 0]))
    for step in (*range(-_STEPS, 0), *range(1, _STEPS + 1)):
        if np.abs(units - abs(step) * _STEP).min() > _STEP / 4:
            factor = math.exp(step * _STEP)
            description = f"serving is training x {factor:.2g} or so"
            yield _monotone(SCALE, description, training, _divide(factor), _FITTED_PRIOR)


def _divide(factor: float) -> Callable[[Array], Array]:
    return lambda x: np.asarray(x) / factor


def _affine(factor: float, offset: float) -> Callable[[Array], Array]:
    return lambda x: (np.asarray(x) - offset) / factor


def _functions(training: Cdf) -> Iterator[Explanation]:
    """Logarithms and normalisations that preprocessing does, done by the client too."""
    low, high = float(training.x[0]), float(training.x[-1])
    if low > 0:
        yield _monotone(SCALE, "serving is the natural logarithm of training", training, _exp, 1.0)
        yield _monotone(SCALE, "serving is the decimal logarithm of training", training, _exp10, 1.0)
    if low > -1:
        yield _monotone(SCALE, "serving is log(1 + training)", training, _expm1, 0.9)
    mean, deviation = mean_and_deviation(training)
    if deviation > 0:
        description = "serving is standardised: (training - mean) / deviation"
        yield _monotone(TRANSFORMED, description, training, _affine(1 / deviation, -mean / deviation), 1.0)
    if high > low:
        description = "serving is scaled to 0..1 by training's range"
        yield _monotone(
            TRANSFORMED, description, training, _affine(1 / (high - low), -low / (high - low)), 0.7
        )


def _exp(x: Array) -> Array:
    result: Array = np.exp(np.clip(x, -700, 700))
    return result


def _exp10(x: Array) -> Array:
    result: Array = np.power(10.0, np.clip(x, -300, 300))
    return result


def _expm1(x: Array) -> Array:
    result: Array = np.expm1(np.clip(x, -700, 700))
    return result


def mean_and_deviation(cdf: Cdf) -> tuple[float, float]:
    """Mean and deviation, of values spread evenly between the points."""
    mass = np.diff(cdf.share)
    middle = (cdf.x[1:] + cdf.x[:-1]) / 2
    width = cdf.x[1:] - cdf.x[:-1]
    mean = float(np.sum(mass * middle))
    return mean, math.sqrt(float(np.sum(mass * ((middle - mean) ** 2 + width**2 / 12))))


def _fitted(training: Cdf, serving: Cdf) -> Iterator[Explanation]:
    """A factor or an offset that lays serving's middle over training's, if all rows have it."""
    at = (0.1, 0.25, 0.5, 0.75, 0.9)
    before, after = (np.array([cdf.quantile(q) for q in at]) for cdf in (training, serving))
    if np.all(before != 0):
        factor = float(np.median(after / before))
        if factor > 0 and abs(math.log(factor)) > 0.02:
            description = f"serving is training x {factor:.4g}"
            yield _of_serving(_monotone(SCALE, description, training, _divide(factor), _FITTED_PRIOR))
    offset = float(np.median(after - before))
    if offset != 0:
        description = f"serving is training {offset:+.4g}"
        yield _of_serving(_monotone(SHIFT, description, training, _affine(1.0, offset), _FITTED_PRIOR))


def _of_serving(explanation: Explanation) -> Explanation:
    return dataclasses.replace(explanation, is_fitted=True)


def _spreads(training: Cdf, serving: Cdf) -> Iterator[Explanation]:
    """Wider and narrower about the median: noise that was added, or is lacking."""
    centre = training.quantile(0.5)
    ends = np.array([0.1, 0.9])
    before, after = (float(np.ptp(cdf.quantiles(ends))) for cdf in (training, serving))
    fitted = round(after / before, 3) if before > 0 else 1.0
    for factor in dict.fromkeys((fitted, 0.25, 0.5, 0.7, 1.5, 2.0, 3.0, 5.0)):
        if factor > 0 and abs(math.log(factor)) > _LEAST_SPREAD:
            word = "wider (noise added?)" if factor > 1 else "narrower (noise left out, or smoothed?)"
            description = f"serving has the centre of training and is {factor:g} x as wide: {word}"
            yield _monotone(SPREAD, description, training, _affine(factor, centre * (1 - factor)), 0.6)
    deviations = [mean_and_deviation(cdf)[1] for cdf in (training, serving)]
    added = (
        math.sqrt(max(deviations[1] ** 2 - deviations[0] ** 2, 0.0)) / deviations[0] if deviations[0] else 0
    )
    for part in dict.fromkeys((round(added, 2), 0.25, 0.5, 1.0, 2.0)):
        if deviations[0] > 0 and part > 0.05:
            noisy = with_noise(training, part * deviations[0])
            description = f"noise was added to serving, {part:g} x the deviation of training"
            yield Explanation(SPREAD, description, noisy.up_to, noisy.under, 0.6)


_HERMITE: Any = np.polynomial.hermite_e.hermegauss  # typed in some versions of numpy alone
_NODES = _HERMITE(15)


def with_noise(cdf: Cdf, deviation: float) -> Cdf:
    """The distribution with normal noise added, by Gauss and Hermite's quadrature."""
    nodes, weights = _NODES
    span = 4 * deviation
    x = np.linspace(cdf.x[0] - span, cdf.x[-1] + span, 800)
    x = np.unique(np.concatenate([x, cdf.x]))
    share = sum(w * cdf.up_to(x - deviation * node) for node, w in zip(nodes, weights, strict=True))
    return Cdf(x, np.clip(np.asarray(share) / float(weights.sum()), 0, 1))


def _in_time(training: Cdf) -> Iterator[Explanation]:
    """Moved on by some hours, past midnight, for numbers that fill a day, a week or a circle."""
    for period, (step, unit) in PERIODS.items():
        low, high = float(training.x[0]), float(training.x[-1])
        most = float(np.ptp(training.quantiles(np.array([0.02, 0.98]))))
        # Temperatures in Kelvin lie between 0 and 360, too, and go around nothing.
        if not (low >= -1e-9 and high <= period and high > 0.7 * period and most > _LEAST_TURN * period):
            continue
        for count in range(1, round(period / step)):
            later = count * step
            description = f"serving is training {_turn_text(count, period / step, unit)}"
            yield Explanation(TIME, description, *_turned(training, period, later), 1.0)


def _turn_text(count: int, full_turn: float, unit: str) -> str:
    """By how much, the shorter way around."""
    sign, steps = ("+", count) if count <= full_turn - count else ("-", round(full_turn - count))
    if unit == "degrees":
        return f"{sign} {15 * steps} degrees, around the circle"
    if unit == "days":
        return f"{sign} {steps} day{'s' * (steps > 1)}, around the week"
    suffix = "" if unit == "hours" else f" (in {unit})"
    return f"{sign} {steps} hour{'s' * (steps > 1)}, around the clock{suffix}"


def _turned(
    training: Cdf, period: float, later: float
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    cut = np.array([period - later])

    def turn(upto: Callable[[Array], Array]) -> Callable[[Array], Array]:
        def share(x: Array) -> Array:
            x = np.asarray(x, float)
            early = upto(x - later) * (x >= later)  # those that did not pass midnight
            passed = np.clip(upto(np.minimum(x + period - later, period)) - training.under(cut), 0, 1)
            result: Array = np.where(
                x < 0, 0.0, np.where(x >= period, 1.0, np.minimum(early, training.under(cut)) + passed)
            )
            return result

        return share

    return turn(training.up_to), turn(training.under)


def _roundings(training: Cdf) -> Iterator[Explanation]:
    spread = training.quantile(0.9) - training.quantile(0.1)
    for step in (0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0, 1000.0):
        if spread / 100 < step < spread:
            yield Explanation(
                ROUNDED,
                f"serving is rounded to {step:g}",
                _rounded(training.under, step, np.floor),
                _rounded(training.under, step, _floor_under),
                0.7,
            )


def _rounded(
    under: Callable[[Array], Array], step: float, floor: Callable[[Array], Array]
) -> Callable[[Array], Array]:
    return lambda x: under((floor(np.asarray(x) / step) + 0.5) * step)


def _floor_under(x: Array) -> Array:
    return np.ceil(x) - 1
