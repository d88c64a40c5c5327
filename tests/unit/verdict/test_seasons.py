"""Windows of the second year against the first: what the season explains, and what it does not."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from benchmarks import detection_seasons, in_memory
from benchmarks.detection_seasons import Seasons, Window
from trueserve.transforms.verdict.compare import Policy, compare

SEED = 901


@functools.cache
def year() -> Seasons:
    return Seasons(SEED)


def month(number: int, *, of: int | None = None) -> Window:
    """A month of the second year, with the rows of another one (`of`) in its place."""
    first, hours = detection_seasons.months(year())[number - 1]
    return detection_seasons.window(
        year(), first, hours, None if of is None else detection_seasons.months(year())[of - 1][0]
    )


def culprits(window: Window) -> set[str]:
    return {finding.feature for finding in detection_seasons.errors(year(), window)}


@pytest.mark.parametrize("number", range(1, 13))
def test_a_month_like_that_of_the_year_before_is_no_error(number: int) -> None:
    assert culprits(month(number)) == set()


def test_july_with_the_temperatures_of_january_is_an_error() -> None:
    window, january = month(7), month(1)
    frozen = detection_seasons.with_temperature(
        window, lambda values: np.resize(np.asarray(january.columns["temperature"]), len(values))
    )
    [finding] = detection_seasons.errors(year(), frozen)
    assert finding.feature == "temperature"
    assert finding.evidence is not None
    assert finding.evidence.seasonal is not None
    assert finding.evidence.seasonal.matched > 40
    assert "days of training match this window" in finding.message


def test_a_constant_is_an_error_whatever_the_season() -> None:
    constant = detection_seasons.with_temperature(
        month(4), lambda values: np.full_like(values, np.median(values))
    )
    assert culprits(constant) == {"temperature"}


def test_what_lies_among_other_seasons_is_an_error_in_its_own() -> None:
    warm = detection_seasons.with_temperature(month(2), lambda values: values + 0.2)
    assert culprits(warm) == {"temperature"}


def test_a_window_without_a_time_is_compared_with_all_days() -> None:
    window = month(7)
    batch, forms = in_memory.read(window.columns, year().reference)
    statistics = in_memory.statistics(batch, year().reference)
    result = compare(year().reference, statistics, Policy(), forms, window.span)
    evidence = [f.evidence.seasonal for f in result.findings if f.evidence and f.evidence.seasonal]
    assert evidence
    assert {seasonal.matched for seasonal in evidence} == {0}


def test_a_fall_overnight_is_drift_and_the_course_of_the_year_is_none() -> None:
    july, august = month(7), month(8)
    assert not detection_seasons.warnings_between(year(), july, august)
    fallen = detection_seasons.with_temperature(august, lambda values: values - 0.44)
    drift = detection_seasons.warnings_between(year(), july, fallen)
    assert {finding.feature for finding in drift} == {"temperature"}


def test_more_missing_rows_than_in_that_season_are_an_error() -> None:
    window, random = month(5), np.random.default_rng(1)
    wind = np.asarray(window.columns["wind"]).copy()
    wind[random.random(len(wind)) < 0.15] = np.nan
    lacking = window._replace(columns=window.columns | {"wind": wind})
    [finding] = detection_seasons.errors(year(), lacking)
    assert (finding.feature, finding.metric) == ("wind", "missing_share_difference")
    assert finding.evidence is not None
    assert finding.evidence.seasonal is not None
    assert finding.evidence.seasonal.matched > 40


def test_another_mix_of_words_than_in_that_season_is_an_error() -> None:
    window, random = month(10), np.random.default_rng(1)
    kind = np.asarray(window.columns["kind"]).copy()
    kind[random.random(len(kind)) < 0.3] = "guest"
    assert culprits(window._replace(columns=window.columns | {"kind": kind})) == {"kind"}


def test_weekends_are_no_error_though_most_days_are_no_weekends() -> None:
    of = Seasons(SEED, rate=10)
    for day in (383, 384):  # a Sunday and a Monday
        assert not detection_seasons.errors(of, detection_seasons.window(of, 24 * day, 24))
