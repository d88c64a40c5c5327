"""What grows, gets colder or is bought by others is no unit: causes of changes that nobody made.

The seeds were fixed before the first run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trueserve.transforms.verdict.diagnosis import explanations, fitting
from trueserve.transforms.verdict.diagnosis.causes import SCALE, SHIFT, TIME
from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.model import Diagnosis

TRAINING, SERVING = 6000, 3000
CONFIDENT = 0.9
Numbers = np.ndarray[Any, Any]
Source = Callable[[np.random.Generator, int], Numbers]


def of_customers(generator: np.random.Generator, count: int, parts: tuple[float, ...] = (1, 1, 1)) -> Numbers:
    shares = np.array(parts) / sum(parts)
    return generator.normal(generator.choice([1400.0, 1300.0, 1200.0], count, p=shares), 300)


SOURCES: dict[str, Source] = {
    "customers": of_customers,
    "price": lambda generator, count: generator.gamma(2, 5, count),
    "load": lambda generator, count: generator.lognormal(0, 1, count),
    "kelvin": lambda generator, count: generator.normal(290, 10, count),
    "pixel": lambda generator, count: generator.beta(2, 3, count),
}


def cdf(values: Numbers) -> Cdf:
    shares = np.linspace(0, 1, 201)
    return Cdf(np.quantile(values.astype(np.float32), shares).astype(float), shares)


def diagnosis(training: Numbers, serving: Numbers) -> Diagnosis:
    before, after = cdf(training), cdf(serving)
    size = p_values.effective_size(len(training), len(serving))
    made = fitting.diagnose(before, after, list(explanations.of_number(before, after, len(serving))), size)
    assert made is not None
    return made


@pytest.mark.parametrize("growth", [1.8, 2.0, 0.7, 1.4])
@pytest.mark.parametrize("name", ["price", "load"])
@pytest.mark.parametrize("seed", [1, 2])
def test_growth_is_a_factor_and_no_unit(name: str, growth: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    made = diagnosis(SOURCES[name](generator, TRAINING), growth * SOURCES[name](generator, SERVING))
    assert made.cause == SCALE
    assert "?" not in made.evidence, made
    factor = float(made.evidence.split(" x ")[1].split()[0])
    assert factor == pytest.approx(growth, rel=0.06)


@pytest.mark.parametrize("colder", [-10.0, -6.0, 5.0])
def test_a_colder_month_is_a_shift_and_no_turn_of_a_circle(colder: float) -> None:
    generator = np.random.default_rng(3)
    made = diagnosis(SOURCES["kelvin"](generator, TRAINING), colder + SOURCES["kelvin"](generator, SERVING))
    assert made.cause in (SHIFT, SCALE)
    assert made.cause != TIME


def changed(generator: np.random.Generator, source: Source) -> Numbers:
    """Other customers, a new product, or those with much who come more often: none has a name."""
    values = source(generator, SERVING)
    kind = generator.integers(3)
    if kind == 0:
        ranks = np.argsort(np.argsort(values)) / SERVING
        weights = np.exp(generator.uniform(0.5, 3) * generator.choice([-1, 1]) * ranks)
        return generator.choice(values, SERVING, p=weights / weights.sum())
    if kind == 1:
        new = generator.normal(
            values.mean() + generator.uniform(-2, 2) * values.std(), values.std() / 2, SERVING
        )
        return np.where(generator.random(SERVING) < generator.uniform(0.1, 0.5), new, values)
    return generator.choice(values[values > np.quantile(values, 0.25)], SERVING)


@pytest.mark.parametrize("name", SOURCES)
def test_what_has_no_name_gets_none_with_confidence(name: str) -> None:
    sure = 0
    for seed in range(20):
        generator = np.random.default_rng(1000 + seed)
        training = SOURCES[name](generator, TRAINING)
        sure += diagnosis(training, changed(generator, SOURCES[name])).confidence >= CONFIDENT
    assert sure <= 3


@pytest.mark.parametrize("part", [1.0, 0.5, 0.3])
@pytest.mark.parametrize("name", ["customers", "price", "load"])
def test_a_unit_is_named_all_the_same(name: str, part: float) -> None:
    generator = np.random.default_rng(5)
    served = SOURCES[name](generator, SERVING)
    in_kilometres = np.where(generator.random(SERVING) < part, 1.609344 * served, served)
    made = diagnosis(SOURCES[name](generator, TRAINING), in_kilometres)
    assert made.cause == SCALE
    # In a part of the rows the factor is, and what it may be the unit of where that is sure.
    assert ("kilometres for miles?" in made.evidence) == (part == 1 or made.confidence >= CONFIDENT)
    assert "serving is training x 1." in made.evidence
    assert made.confidence > (0.85 if part == 1 else 0.5)
