"""What is detected in: flights of New York, and generated features whose difficulty is known.

A `World` is a baseline and a way to draw rows that are no part of it. All follow from seeds.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv

from benchmarks import in_memory
from benchmarks.in_memory import Column, Lists, is_missing
from examples.flights import data
from trueserve.transforms.verdict.compare import Reference
from trueserve.transforms.verdict.model import Space

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Column]
Draw = Callable[[int, np.random.Generator], dict[str, Column]]

FLIGHTS, GENERATED = "flights", "generated"
SOURCES = (FLIGHTS, GENERATED)
#: Splits of the flights, and baselines that are generated: a window is judged by one of them.
WORLDS = 4
GENERATED_ROWS = 100_000
#: From so many rows on a window is drawn from the flights of the whole year, split anew for each.
WHOLE_YEAR = 50_000


@dataclasses.dataclass(frozen=True, eq=False)
class World:
    """A baseline, and `draw(rows, random)`, which gives rows of the same distribution that are not in it."""

    name: str
    training: Columns
    reference: Reference
    draw: Draw

    @functools.cached_property
    def traits(self) -> dict[str, Traits]:
        return {name: traits_of(name, column) for name, column in self.training.items()}


class Traits(NamedTuple):
    """What planting a fault has to know of a feature.

    Attributes:
      is_number: or else a category.
      deviation: the standard deviation of a number.
      is_long_tailed: whether a number's skewness is beyond 1 on either side.
      levels: the values that a number of few values has, ascending; None for any other.
      zeros: the share of zeros of a number that has many and is none of few values, else 0.
      shares: a category's values, the most frequent first, with their shares.
    """

    is_number: bool
    deviation: float = 0.0
    is_long_tailed: bool = False
    levels: Array | None = None
    zeros: float = 0.0
    shares: tuple[tuple[str, float], ...] = ()


def world(source: str, number: int, rows: int) -> World:
    """The world in which window `number` of so many rows is drawn."""
    if source == GENERATED:
        return _generated(number % WORLDS)
    if rows >= WHOLE_YEAR:
        return _year(number, rows)
    return _spring(number % WORLDS)


def reference_of(training: Columns) -> Reference:
    """The baseline of these rows, with the schema that TFDV infers."""
    statistics = in_memory.statistics(in_memory.batch(training))
    return Reference(tfdv.infer_schema(statistics, infer_feature_shape=False), statistics, Space.RAW)


@functools.cache
def _spring(seed: int) -> World:
    """Half of January to June as the baseline; windows are drawn from the other half."""
    return _split(f"spring {seed}", _flights(6), seed, 0.5)


@functools.lru_cache(maxsize=1)
def _year(seed: int, rows: int) -> World:
    """All flights but `rows`, which are the window."""
    columns = _flights(12)
    return _split(f"year {seed}", columns, 1000 + seed, rows / len(columns["carrier"]))


def _split(name: str, columns: Mapping[str, Array], seed: int, served: float) -> World:
    order = np.random.default_rng([2013, seed]).permutation(len(columns["carrier"]))
    rest = order[: round(served * len(order))]
    training = {key: column[order[len(rest) :]] for key, column in columns.items()}

    def draw(rows: int, random: np.random.Generator) -> dict[str, Column]:
        chosen = random.choice(rest, rows, replace=False)
        return {key: column[chosen] for key, column in columns.items()}

    return World(name, training, reference_of(training), draw)


@functools.cache
def _flights(last_month: int) -> dict[str, Array]:
    table = data.read_flights()
    return data.columns(table.filter(pa.array(table["month"].to_numpy() <= last_month)))


@functools.cache
def _generated(seed: int) -> World:
    training = generated(GENERATED_ROWS, np.random.default_rng([1, seed]))
    return World(f"generated {seed}", training, reference_of(training), generated)


# Few hundred-thousandths of the words are in any window: some are never seen in training.
_VOCABULARY = np.array([f"w{number:05d}" for number in range(50_000)], object)
_WORD_SHARES = np.cumsum(1 / np.arange(1, len(_VOCABULARY) + 1) ** 1.1)
_FIFTY = np.array([f"c{number:02d}" for number in range(50)], object)
_TAGS = np.array([f"t{number:02d}" for number in range(20)], object)
# One in a thousand of `outliers` lies a thousand times as far out, and makes its standard deviation mean
# nothing: a deviation of it is that of the others.
_BODIES = {"outliers": 10.0}


def generated(rows: int, random: np.random.Generator) -> dict[str, Column]:
    """Sixteen features of known difficulty."""
    numbers = {
        "normal": random.normal(50, 10, rows),
        "uniform": random.random(rows),
        "bimodal": np.where(random.random(rows) < 0.6, random.normal(-3, 1, rows), random.normal(3, 1, rows)),
        "lognormal": random.lognormal(0, 1, rows),
        "outliers": random.normal(50, 10, rows) * np.where(random.random(rows) < 0.001, 1000, 1),
        "zeros": np.where(random.random(rows) < 0.6, 0, random.exponential(1, rows)),
        "levels": random.choice([0.5, 1, 2, 5, 10], rows, p=[0.1, 0.4, 0.3, 0.15, 0.05]),
        "rounded": np.round(random.normal(100, 15, rows)),
        "nearly_constant": np.where(random.random(rows) < 0.98, 1, random.normal(1, 0.5, rows)),
        "mostly_missing": np.where(random.random(rows) < 0.85, np.nan, random.normal(50, 10, rows)),
    }
    columns: dict[str, Column] = {name: column.astype("float32") for name, column in numbers.items()}
    columns["counts"] = random.poisson(3, rows).astype("int64")
    columns["coin"] = np.where(random.random(rows) < 0.5, np.array("yes", object), np.array("no", object))
    five = random.choice(5, rows, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    columns["five"] = np.array(["red", "green", "blue", "black", "white"], object)[five]
    columns["fifty"] = _FIFTY[np.minimum(random.geometric(0.06, rows) - 1, 49)]
    word_ids = np.searchsorted(_WORD_SHARES, random.random(rows) * _WORD_SHARES[-1])
    columns["words"] = _VOCABULARY[np.minimum(word_ids, len(_VOCABULARY) - 1)]
    lengths = 1 + np.minimum(random.poisson(1, rows), 5)
    tags = np.minimum(random.geometric(0.15, int(lengths.sum())) - 1, 19)
    columns["tags"] = Lists(_TAGS[tags], lengths)
    return columns


def traits_of(name: str, column: Column) -> Traits:
    """From the training rows, but for the deviation of a feature with outliers."""
    present = column.values if isinstance(column, Lists) else column[~is_missing(column)]
    if present.dtype == object:
        values, counts = np.unique(present.astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return Traits(False, shares=tuple((str(values[at]), counts[at] / len(present)) for at in order))
    numbers = present.astype(float)
    deviation = _BODIES.get(name, float(numbers.std()))
    skewness = float(np.mean(((numbers - numbers.mean()) / numbers.std()) ** 3))
    levels = np.unique(present)
    is_few = len(levels) <= 1000 or present.dtype.kind == "i"
    zeros = 0.0 if is_few else float(np.mean(numbers == 0))
    return Traits(True, deviation, abs(skewness) > 1, levels if is_few else None, zeros * (zeros > 0.1))
