"""Windows of a second year, as they are and with faults that lie among other seasons, judged by this job."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmarks import detection_seasons
from benchmarks.detection_seasons import Seasons, Window

CLEAN_MONTHS, CLEAN_DAYS, CLEAN_HOURS, CLEAN_NIGHTS = "months", "days", "hours", "months beside the last"
FROZEN, CONSTANT, WARM, LATE, FALL = "frozen", "constant", "warm", "late", "fall"
CLEAN = (CLEAN_MONTHS, CLEAN_DAYS, CLEAN_HOURS, CLEAN_NIGHTS)
#: What is planted, in words.
FAULTS = {
    FROZEN: "July with the temperatures of January",
    CONSTANT: "a month with a constant temperature",
    WARM: "a month that is 0.2 of the range too warm",
    LATE: "an hour of traffic served six hours late",
    FALL: "a temperature that falls by 0.44 from one month to the next",
}
_TEMPERATURE = "temperature"
_HOURS_LATE, _TRAINED, _WEEK = 6, 60, 7
# Rows of an hour, where days and where hours are judged.
_OF_DAYS, _OF_HOURS = 12, 150
_YEARS = 20
# Months of a year in which faults are planted.
_FAULTY = 4


class SeasonTrial(NamedTuple):
    """A window: which kind, or which fault, and whether it is an error (for drift: a warning)."""

    seed: int
    kind: str
    is_error: bool
    features: tuple[str, ...] = ()


def of_years(seed: int, years: int = _YEARS) -> list[SeasonTrial]:
    """The windows of so many worlds, each of which follows from the seed, by two processes."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return [trial for year in pool.imap(judged, seeds_of(seed, years)) for trial in year]


def seeds_of(seed: int, years: int) -> list[int]:
    """The seeds of so many worlds."""
    seeds: list[int] = np.random.default_rng([seed, 7]).integers(1 << 31, size=years).tolist()
    return seeds


def judged(seed: int) -> list[SeasonTrial]:
    """All windows of one world's second year."""
    return [*_months(seed), *_days(seed), *_hours(seed)]


def _months(seed: int) -> Iterator[SeasonTrial]:
    of = Seasons(seed)
    random = np.random.default_rng([seed, 4])
    windows = [detection_seasons.window(of, *month) for month in detection_seasons.months(of)]
    for window in windows:
        yield _trial(of, CLEAN_MONTHS, window)
    january = np.asarray(windows[0].columns[_TEMPERATURE])
    width = float(np.ptp(np.asarray(of.rows(np.arange(24 * of.trained))[_TEMPERATURE])))
    frozen = detection_seasons.with_temperature(windows[6], lambda values: np.resize(january, len(values)))
    yield _trial(of, FROZEN, frozen, _TEMPERATURE)
    for number in random.choice(len(windows), _FAULTY, replace=False).tolist():
        constant, warm = (
            detection_seasons.with_temperature(windows[number], change)
            for change in (
                lambda values: np.full_like(values, np.median(values)),
                lambda values: values + 0.2 * width,
            )
        )
        yield _trial(of, CONSTANT, constant, _TEMPERATURE)
        yield _trial(of, WARM, warm, _TEMPERATURE)
    for before, after in itertools.pairwise(windows):
        yield _drift(of, CLEAN_NIGHTS, before, after)
    for number in (6, 7, 8):
        fallen = detection_seasons.with_temperature(windows[number], lambda values: values - 0.44)
        yield _drift(of, FALL, windows[number - 1], fallen, _TEMPERATURE)


def _days(seed: int) -> Iterator[SeasonTrial]:
    of = Seasons(seed, rate=_OF_DAYS)
    for day in np.random.default_rng([seed, 5]).choice(np.arange(of.trained, of.days), 12, replace=False):
        yield _trial(of, CLEAN_DAYS, detection_seasons.window(of, 24 * int(day), 24))


def _hours(seed: int) -> Iterator[SeasonTrial]:
    """Hours of the week after two months of training."""
    of = Seasons(seed, days=_TRAINED + _WEEK, trained=_TRAINED, rate=_OF_HOURS)
    first = 24 * _TRAINED + _HOURS_LATE
    hours = np.arange(first, 24 * (_TRAINED + _WEEK))
    for hour in np.random.default_rng([seed, 6]).choice(hours, 8, replace=False).tolist():
        yield _trial(of, CLEAN_HOURS, detection_seasons.window(of, hour, 1))
        yield _trial(of, LATE, detection_seasons.window(of, hour, 1, hour - _HOURS_LATE))


def _trial(of: Seasons, kind: str, window: Window, feature: str | None = None) -> SeasonTrial:
    """`feature` is the one that the fault is in; of any other the error is none of the fault's."""
    features = tuple(dict.fromkeys(finding.feature for finding in detection_seasons.errors(of, window)))
    return SeasonTrial(of.seed, kind, bool(features) if feature is None else feature in features, features)


def _drift(of: Seasons, kind: str, before: Window, after: Window, feature: str | None = None) -> SeasonTrial:
    warnings = detection_seasons.warnings_between(of, before, after)
    features = tuple(dict.fromkeys(finding.feature for finding in warnings))
    return SeasonTrial(of.seed, kind, bool(features) if feature is None else feature in features, features)
