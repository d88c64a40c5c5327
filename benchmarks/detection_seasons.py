"""Two years of traffic with seasons, weeks and rounds of the day: windows of the second against the first.

The weather of a day resembles that of the day before, as much as the seed says; numbers of riders have rush
hours on working days; words follow season and weather. No window has rows of training.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv

from benchmarks import in_memory
from benchmarks.in_memory import Column
from trueserve.transforms.drift import window_drift
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.model import Finding, Severity, Space
from trueserve.transforms.verdict.variation import bins, store
from trueserve.transforms.verdict.variation.period_counts import Layout, PeriodCounts

Array = np.ndarray[Any, Any]
Columns = dict[str, Column]

START = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
_YEAR = 365


class Weather(NamedTuple):
    """What a seed decides: how long weather lasts (0 to 1), the deviation of days, the range of seasons."""

    lasts: float
    deviation: float
    season: float


@dataclasses.dataclass(frozen=True, eq=False)
class Seasons:
    """Traffic of `days` days from `START` on, of which the first `trained` are training.

    Attributes:
      rate: rows in an hour.
    """

    seed: int
    days: int = 2 * _YEAR
    trained: int = _YEAR
    rate: int = 1

    @functools.cached_property
    def weather(self) -> Weather:
        random = np.random.default_rng([self.seed, 1])
        return Weather(random.uniform(0.6, 0.9), random.uniform(0.04, 0.07), random.uniform(0.18, 0.28))

    @functools.cached_property
    def _levels(self) -> Array:
        """How warm, cloudy and windy each day is, beside its season, [3, days]."""
        random = np.random.default_rng([self.seed, 2])
        lasts = self.weather.lasts * np.array([1.0, 0.8, 0.6])
        noise = random.normal(size=(self.days, 3)) * np.sqrt(1 - lasts**2)
        levels = np.zeros((self.days, 3))
        for day in range(self.days):
            levels[day] = (levels[day - 1] * lasts if day else 0) + noise[day]
        return levels.T

    @functools.cached_property
    def reference(self) -> Reference:
        """The baseline of the first days, with how they differ."""
        columns, batch = None, None
        hours = np.arange(24 * self.trained)
        columns = self.rows(hours)
        batch = in_memory.batch(columns)
        statistics = in_memory.statistics(batch)
        counts = PeriodCounts(Layout.of(bins.of_statistics(statistics, list(columns))))
        counts.add(batch, _times(np.repeat(hours, self.rate)))
        schema = tfdv.infer_schema(statistics, infer_feature_shape=False)
        return Reference(schema, statistics, Space.RAW, variation=store.of_counts(counts))

    def rows(self, hours: Array) -> Columns:
        """The rows of these hours, counted from `START`."""
        hour = np.repeat(hours, self.rate)
        day, clock = hour // 24, hour % 24
        warm, clouds, wind = self._levels[:, day]
        random = np.random.default_rng([self.seed, 3, int(hours[0]), len(hours)])
        weekday = (day + START.weekday()) % 7
        season = -np.cos(2 * np.pi * (day - 15) / 365.25)
        rush = np.exp(-((clock - 8.5) ** 2) / 4) + np.exp(-((clock - 17.5) ** 2) / 6)
        busy = np.where(weekday < 5, 20 + 200 * rush, 20 + 90 * np.exp(-((clock - 14) ** 2) / 18))
        rain = random.random(len(hour)) < 1 / (1 + np.exp(2.0 - clouds))
        temperature = 0.5 + self.weather.season * season + self.weather.deviation * warm
        temperature = temperature + 0.06 * np.sin(2 * np.pi * (clock - 9) / 24)
        temperature = temperature + random.normal(0, 0.03, len(hour))
        humidity = 0.62 + 0.08 * clouds - 0.1 * np.sin(2 * np.pi * (clock - 9) / 24)
        kinds = np.array(["casual", "member", "guest"], object)
        casual = np.clip(0.25 + 0.1 * season + 0.15 * (weekday >= 5), 0.02, 0.9)
        missing = random.random(len(hour)) < 0.03 + 0.02 * (wind > 1.5)
        gusts = np.exp(-2 + 0.35 * wind + 0.3 * random.normal(size=len(hour)) - 0.1 * season)
        return {
            "temperature": temperature.astype(np.float32),
            "felt": (0.9 * temperature + 0.05 + random.normal(0, 0.02, len(hour))).astype(np.float32),
            "humidity": np.clip(humidity + random.normal(0, 0.08, len(hour)), 0.1, 1).astype(np.float32),
            "wind": np.where(missing, np.nan, gusts).astype(np.float32),
            "riders": random.poisson(busy * (1 + 0.5 * season) * np.exp(-0.1 * clouds)),
            "distance": random.lognormal(1.0, 0.5, len(hour)).astype(np.float32),
            "weather": np.where(
                rain, "rain", np.where(clouds + random.normal(size=len(hour)) > 0, "cloud", "clear")
            ).astype(object),
            "kind": kinds[
                np.where(random.random(len(hour)) < casual, 0, random.choice([1, 2], len(hour), p=[0.8, 0.2]))
            ],
            "weekday": np.array([f"d{number}" for number in range(7)], object)[weekday],
            "daytime": np.array(["night", "morning", "noon", "evening"], object)[clock // 6],
        }


def _times(hours: Array) -> pa.Array:
    microseconds = int(START.timestamp()) * 1_000_000 + hours * 3_600_000_000 + 1_800_000_000
    return pa.array(microseconds).cast(pa.timestamp("us", tz="UTC"))


class Window(NamedTuple):
    """Rows of `hours` hours from the hour `first` on; what serving made of them is in the columns."""

    first: int
    hours: int
    columns: Columns

    @property
    def start(self) -> dt.datetime:
        return START + HOUR * self.first

    @property
    def span(self) -> dt.timedelta:
        return HOUR * self.hours


def window(of: Seasons, first: int, hours: int, rows_of: int | None = None) -> Window:
    """The rows of a window, or those that other hours (from `rows_of` on) had, in its place."""
    return Window(first, hours, of.rows(np.arange(hours) + (first if rows_of is None else rows_of)))


def errors(of: Seasons, served: Window) -> tuple[Finding, ...]:
    """What is an error in a window."""
    batch, forms = in_memory.read(served.columns, of.reference)
    statistics = in_memory.statistics(batch, of.reference)
    result = compare(of.reference, statistics, Policy(), Counter(forms), served.span, start=served.start)
    return tuple(finding for finding in result.findings if finding.severity is Severity.ERROR)


def warnings_between(of: Seasons, before: Window, after: Window) -> tuple[Finding, ...]:
    """What is a warning in a window beside the one before it."""
    both = [
        in_memory.statistics(in_memory.read(each.columns, of.reference)[0], of.reference)
        for each in (before, after)
    ]
    windows = window_drift.Windows(
        of.reference,
        both[0],
        both[1],
        ("then", "now"),
        Policy(),
        after.span,
        start=after.start,
        previous_start=before.start,
    )
    return tuple(f for f in window_drift.findings(windows) if f.severity is Severity.WARNING)


def months(of: Seasons) -> list[tuple[int, int]]:
    """The months after training: the first hour and the number of hours."""
    first = START + DAY * of.trained
    starts = [dt.datetime(first.year, month, 1, tzinfo=dt.UTC) for month in range(1, 13)]
    starts.append(dt.datetime(first.year + 1, 1, 1, tzinfo=dt.UTC))
    return [((a - START) // HOUR, (b - a) // HOUR) for a, b in itertools.pairwise(starts)]


def with_temperature(served: Window, change: Callable[[Array], Array]) -> Window:
    """The window with another temperature."""
    changed = change(np.asarray(served.columns["temperature"])).astype(np.float32)
    return served._replace(columns=served.columns | {"temperature": changed})
