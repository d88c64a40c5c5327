"""How much days of one season vary beside those of another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trueserve.transforms.verdict.variation import matching
from trueserve.transforms.verdict.variation.seasonal_scale import SeasonalScale

Array = np.ndarray[Any, Any]
DAYS = np.arange(18_628, 18_628 + 365)  # 2021
ANGLES = DAYS * (2 * np.pi / matching.DAYS_OF_YEAR)


def noise(seed: int) -> Array:
    return np.random.default_rng(seed).normal(size=len(DAYS))


def test_days_that_vary_more_in_winter_have_a_greater_scale_there() -> None:
    """The deviation is 2 in the middle of winter and a half in the middle of summer."""
    deviation = np.exp(np.log(2) * np.cos(ANGLES))
    ratios = []
    for seed in range(20):
        scale = SeasonalScale.of_days(DAYS, deviation * noise(seed))
        winter, summer = scale.at(np.array([0.0, np.pi]))
        ratios.append(winter / summer)
    assert np.median(ratios) == pytest.approx(4, rel=0.1)
    assert min(ratios) > 2.5


def test_the_course_of_a_year_is_no_variation_of_days() -> None:
    course = 10 * np.cos(ANGLES)
    alone, both = (SeasonalScale.of_days(DAYS, values) for values in (noise(1), course + noise(1)))
    # Steep in spring and autumn, where days near one another differ by 2 at most.
    assert both.at(ANGLES) == pytest.approx(alone.at(ANGLES), rel=0.25)


def test_days_that_all_vary_alike_have_no_season() -> None:
    known = [SeasonalScale.of_days(DAYS, noise(seed)) for seed in range(200)]
    assert sum(not scale.wave.any() for scale in known) >= 180
    assert all(scale.freedom == np.inf for scale in known if not scale.wave.any())


def test_what_varies_in_one_season_alone_is_bounded() -> None:
    still = np.where(np.cos(ANGLES) > 0.9, 100 * noise(2), 0.0)
    scales = SeasonalScale.of_days(DAYS, still).at(ANGLES)
    assert np.isfinite(scales).all()
    assert scales.max() / scales.min() < 300
    assert SeasonalScale.of_days(DAYS, np.zeros(365)).at(ANGLES) == pytest.approx(1.0)


def test_weather_that_lasts_tells_less() -> None:
    deviation = np.exp(np.log(2) * np.cos(ANGLES))

    def freedom(values: Array) -> float:
        return SeasonalScale.of_days(DAYS, deviation * values).freedom

    known = [(freedom(noise(n)), freedom(np.convolve(noise(n), np.ones(6), "same"))) for n in range(20)]
    shorter, longer = np.median(known, 0)
    # The squares of normal values vary by twice their mean's square; that they last is a guess from above.
    assert 100 < shorter < 365 / 2 * 1.1
    assert 0 < longer < shorter / 1.6
