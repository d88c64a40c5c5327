"""Nights of traffic after a training year, with nothing wrong in them but what is planted.

Independent rows, rows of requests that share their user, a second year of seasons, and levels that
resemble those of the day before.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv

from benchmarks import in_memory
from benchmarks.detection_seasons import DAY, START, Seasons
from benchmarks.in_memory import Column
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference, TrainingSample
from trueserve.transforms.verdict.variation import bins, store
from trueserve.transforms.verdict.variation.period_counts import Layout, PeriodCounts

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Column]

INDEPENDENT, CLUSTERED, SEASONAL, AUTOCORRELATED = "independent", "clustered", "seasonal", "autocorrelated"
KINDS = (INDEPENDENT, CLUSTERED, SEASONAL, AUTOCORRELATED)
#: The features that shifts are planted in.
NUMBER, CATEGORY = "price", "shop"
ROWS, YEAR = 2_000, 365
_TRAINED_DAYS = 50
# As many training rows as a baseline keeps for ties. Of fewer, one that is off by chance is off all year.
_SAMPLED = 20_000
# Rows of a request, and rows of an hour with seasons: of training, and of a night.
EACH, _RATE = 20, 83
_COUNTRIES, _SHOPS = 20, 200
_FEATURES = ("country", "age", "device", "tenure", "price", "stock", "shop", "discount")


class Shift(NamedTuple):
    """A feature whose distribution moves by `distance`: Kolmogorov's of a number, else total variation."""

    feature: str
    distance: float


class Night(NamedTuple):
    """The rows of a day that begins at `start`; `records` has the number of each row's request."""

    start: dt.datetime
    columns: Columns
    records: Array


class World(Protocol):
    """A baseline, the training rows that it was made of, and the nights after them."""

    @property
    def reference(self) -> Reference: ...

    @property
    def training(self) -> Columns: ...

    def night(self, number: int, shift: Shift | None = None) -> Night: ...


def world(kind: str, seed: int) -> World:
    """The traffic of a kind, all of which follows from the seed."""
    return SeasonalYear(seed) if kind == SEASONAL else Traffic(kind, seed)


@dataclasses.dataclass(frozen=True, eq=False)
class SeasonalYear:
    """The second year of `Seasons`, held against the first one, whose days are known."""

    seed: int

    @functools.cached_property
    def _first_year(self) -> Seasons:
        return Seasons(self.seed, rate=_RATE)

    @functools.cached_property
    def training(self) -> Columns:
        return self._first_year.rows(np.arange(24 * YEAR))

    @functools.cached_property
    def reference(self) -> Reference:
        hours = np.repeat(np.arange(24 * YEAR), _RATE)
        return _with_sample(self._first_year.reference, self.training, _microseconds(hours / 24), self.seed)

    def night(self, number: int, shift: Shift | None = None) -> Night:
        assert shift is None, "shifts are planted in other traffic"
        columns = Seasons(self.seed, rate=_RATE).rows(np.arange(24) + 24 * (YEAR + number))
        return Night(START + DAY * (YEAR + number), columns, np.arange(24 * _RATE))


@dataclasses.dataclass(frozen=True, eq=False)
class Traffic:
    """Requests with a user, a price, a shop: of one row each, or of several candidates where clustered.

    Attributes:
      trained: training's rows of each day.
    """

    kind: str
    seed: int
    trained: int = ROWS

    @functools.cached_property
    def levels(self) -> Mapping[str, Array]:
        """How far each feature lies off on each day, in deviations: 0 where days are alike."""
        random = np.random.default_rng([self.seed, 1])
        return {name: _levels(random) * (self.kind == AUTOCORRELATED) for name in _FEATURES}

    @functools.cached_property
    def _trained(self) -> tuple[Columns, Array]:
        """Training's rows, and the day of each."""
        days = np.repeat(np.arange(YEAR if self.kind == AUTOCORRELATED else _TRAINED_DAYS), self.trained)
        columns, request = self._drawn(np.random.default_rng([self.seed, 2]), days)
        return columns, days[: len(request)]

    @property
    def training(self) -> Columns:
        return self._trained[0]

    @functools.cached_property
    def reference(self) -> Reference:
        columns, days = self._trained
        batch = in_memory.batch(columns)
        statistics = in_memory.statistics(batch)
        schema = tfdv.infer_schema(statistics, infer_feature_shape=False)
        reference = Reference(schema, statistics, Space.RAW)
        if self.kind != AUTOCORRELATED:
            return _with_sample(reference, columns, None, self.seed)
        times = _microseconds(days + 0.5)
        counts = PeriodCounts(Layout.of(bins.of_statistics(statistics, list(columns))))
        counts.add(batch, pa.array(times).cast(pa.timestamp("us", tz="UTC")))
        known = dataclasses.replace(reference, variation=store.of_counts(counts))
        return _with_sample(known, columns, times, self.seed)

    def night(self, number: int, shift: Shift | None = None, rows: int = ROWS) -> Night:
        random = np.random.default_rng([self.seed, 3, number])
        columns, request = self._drawn(random, np.full(rows, YEAR + number), shift)
        return Night(START + DAY * (YEAR + number), columns, request)

    def _drawn(
        self, random: np.random.Generator, days: Array, shift: Shift | None = None
    ) -> tuple[Columns, Array]:
        """A row for each of these days, and the number of its request."""
        request = _requests(random, len(days)) if self.kind == CLUSTERED else np.arange(len(days))
        level = {name: levels[days] for name, levels in self.levels.items()}
        users = _users(random, {name: of[: request[-1] + 1] for name, of in level.items()})
        columns = {name: column[request] for name, column in users.items()} | _candidates(random, level)
        return columns if shift is None else _shifted(columns, shift, random), request


def _levels(random: np.random.Generator) -> Array:
    """Days of an autoregressive series, as long as training and the year after it."""
    lasts, deviation = random.uniform(0.5, 0.9), random.uniform(0.05, 0.15)
    noise = random.normal(size=2 * YEAR) * np.sqrt(1 - lasts**2)
    levels = np.zeros(2 * YEAR)
    for day in range(2 * YEAR):
        levels[day] = (levels[day - 1] * lasts if day else 0.0) + noise[day]
    return levels * deviation


def _requests(random: np.random.Generator, rows: int) -> Array:
    sizes = random.integers(EACH // 2, EACH + EACH // 2 + 1, 2 * rows // EACH)
    requests: Array = np.repeat(np.arange(len(sizes)), sizes)[:rows]
    return requests


def _users(random: np.random.Generator, level: Mapping[str, Array]) -> dict[str, Array]:
    """A row for each user; age and device go together."""
    count = len(level["age"])
    common = random.normal(size=count)
    age = 0.6 * common + 0.8 * random.normal(size=count) + level["age"]
    device = np.digitize(0.5 * common + 0.87 * random.normal(size=count) + level["device"], (0.0, 1.0))
    tenure = 300 * random.exponential(size=count) * np.exp(level["tenure"])
    return {
        "country": _category(random, "c", _COUNTRIES, level["country"]),
        "age": np.floor(np.exp(3.5 + 0.3 * age)).astype(np.float32),
        "device": np.array(["phone", "desktop", "tablet"], object)[device],
        "tenure": np.where(random.random(count) < 0.05, np.nan, tenure).astype(np.float32),
    }


def _candidates(random: np.random.Generator, level: Mapping[str, Array]) -> dict[str, Array]:
    """What differs from row to row; what is dear is seldom in stock."""
    count = len(level["price"])
    price = random.normal(size=count)
    off = np.clip(random.normal(0.2, 0.1, count) + 0.1 * level["discount"], 0.01, 1)
    return {
        "price": np.exp(2 + 0.7 * (price + level["price"])).astype(np.float32),
        "stock": random.poisson(np.exp(1.0 - 0.3 * price + level["stock"])),
        "shop": _category(random, "s", _SHOPS, level["shop"]),
        "discount": np.where(random.random(count) < 0.6, 0.0, off).astype(np.float32),
    }


def _category(random: np.random.Generator, letter: str, count: int, level: Array) -> Array:
    """By Zipf's law; the log odds of the most frequent value are moved."""
    shares = 1 / np.arange(1, count + 1)
    first = 1 / (1 + (shares.sum() - 1) * np.exp(-level))
    others = random.choice(np.arange(1, count), len(level), p=shares[1:] / shares[1:].sum())
    names = np.array([f"{letter}{number}" for number in range(count)], object)
    chosen: Array = names[np.where(random.random(len(level)) < first, 0, others)]
    return chosen


def _shifted(columns: Columns, shift: Shift, random: np.random.Generator) -> Columns:
    """A number is moved on its scale of deviations, a category from its first value to its second."""
    values = np.asarray(columns[shift.feature])
    if shift.feature == NUMBER:
        deviations = 2 * NormalDist().inv_cdf((1 + shift.distance) / 2)
        moved = (values * np.exp(0.7 * deviations)).astype(np.float32)
    else:
        share = 1 / (1 / np.arange(1, _SHOPS + 1)).sum()
        is_moved = (values == "s0") & (random.random(len(values)) < shift.distance / share)
        moved = np.where(is_moved, "s1", values).astype(object)
    return {**columns, shift.feature: moved}


def _microseconds(days: Array) -> Array:
    """Of the epoch, of times in days after `START`."""
    microseconds: Array = (int(START.timestamp()) * 1_000_000 + days * 86_400_000_000).astype(np.int64)
    return microseconds


def _with_sample(reference: Reference, columns: Columns, times: Array | None, seed: int) -> Reference:
    """With some of training's rows, as a baseline keeps them; `times` in microseconds."""
    batch = in_memory.batch(columns)
    kept = np.random.default_rng([seed, 4]).permutation(batch.num_rows)[:_SAMPLED]
    sample = batch.take(pa.array(kept))
    seconds = None if times is None else times[kept] // 1_000_000
    return dataclasses.replace(reference, sample=TrainingSample(sample, sample, seconds))
