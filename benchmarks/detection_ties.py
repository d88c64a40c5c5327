"""How features go together: windows as they are, and windows with a feature from other rows."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.detection_promises import MOST_FALSE_ON_AVERAGE, Promise
from benchmarks.detection_rates import Share
from benchmarks.ties_data import DRAWS, Rows, columns, of_other_rows
from examples.flights import data
from trueserve.transforms.verdict.dependence.compare import TrainingRows, compare
from trueserve.transforms.verdict.dependence.sampled import SampledRows
from trueserve.transforms.verdict.findings.rows.dependence import LEAST
from trueserve.transforms.verdict.severity import Policy

Array = np.ndarray[Any, Any]

FLIGHTS = "flights"
#: Features whose strongest tie is a correlation of 0.3 or more, by kind of rows.
TIED = {
    FLIGHTS: ("carrier", "origin", "dest", "distance", "humid", "visib"),
    "correlated": ("x3",),
    "trips": ("length", "destination", "carrier"),
    "heavy": ("product",),
}
ALL = "all"
TRAINING, FAULT_ROWS, SIZES = 20_000, 5_000, (500, 2_000, 5_000)
LEAST_FOUND = 0.95


class Counts(NamedTuple):
    """Windows without a fault of each kind and size, and windows with each fault."""

    clean: int
    faulty: int


FULL, QUICK = Counts(60, 10), Counts(6, 2)


class Trial(NamedTuple):
    """A window; `feature` is that which is from other rows in a part of them, or `all`, or empty."""

    kind: str
    rows: int
    number: int
    seed: int
    feature: str = ""
    share: float = 0.0


def trials(counts: Counts, seed: int) -> list[Trial]:
    """Windows of every kind, as they are, and with each fault in all rows and in a fifth of them."""
    result = []
    for kind, names in TIED.items():
        result += [Trial(kind, rows, n, seed) for rows in SIZES for n in range(counts.clean)]
        result += [
            Trial(kind, FAULT_ROWS, n, seed, name, share)
            for name in names
            for share in (1.0, 0.2)
            for n in range(counts.faulty)
        ]
        result += [Trial(kind, FAULT_ROWS, n, seed, ALL, 1.0) for n in range(counts.faulty)]
    return result


def judge(trial: Trial) -> bool:
    """Whether the window is skew; with a fault, whether that feature is named, or most are."""
    random = np.random.default_rng(
        [trial.seed, len(trial.kind), trial.rows, trial.number, len(trial.feature)]
    )
    training, serving = _drawn(trial, random)
    names = list(training)
    if trial.feature:
        wrong = names if trial.feature == ALL else [trial.feature]
        serving = of_other_rows(serving, random, trial.share, *wrong)
    groups = np.arange(trial.rows, dtype=np.uint64)
    limits = dict.fromkeys(names, LEAST)
    served = SampledRows(columns(serving), groups, trial.rows)
    weaker = compare(TrainingRows(columns(training)), served, names, Policy().false_alarms, limits).weaker
    named = {each.name for each in weaker}
    return bool(named) if trial.feature in ("", ALL) else trial.feature in named


def promises(judged: Sequence[tuple[Trial, bool]]) -> Iterator[Promise]:
    """What is promised of all kinds together."""
    clean = [is_skew for trial, is_skew in judged if not trial.feature]
    text = "at most one window in 200 without a fault has a feature that goes with the others less"
    yield Promise(text, Share(sum(clean), len(clean)), MOST_FALSE_ON_AVERAGE)
    for share, part in ((1.0, "all"), (0.2, "20 %")):
        named = [is_named for trial, is_named in judged if trial.feature and trial.share == share]
        which = f"in {part} of {FAULT_ROWS:,} rows"
        text = f"at least {LEAST_FOUND:.0%} of features from other rows, {which}, are named"
        yield Promise(text, Share(sum(named), len(named)), LEAST_FOUND, at_least=True)


def _drawn(trial: Trial, random: np.random.Generator) -> tuple[Rows, Rows]:
    if trial.kind != FLIGHTS:
        draw = DRAWS[trial.kind]
        return draw(random, TRAINING), draw(random, trial.rows)
    flights = _flights()
    chosen = random.choice(len(next(iter(flights.values()))), TRAINING + trial.rows, replace=False)
    before, after = np.split(chosen, [TRAINING])
    training, serving = ({name: values[rows] for name, values in flights.items()} for rows in (before, after))
    return training, serving


@functools.cache
def _flights() -> Rows:
    """All flights with all values, texts as numbers that stand for hashes."""
    table = data.read_flights()
    names = [name for name in table.column_names if name not in (data.TIME, data.LABEL, "month")]
    complete = table.select(names).drop_null()
    return {name: _values(complete[name].combine_chunks()) for name in names}


def _values(column: pa.Array) -> Array:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), float)
    return np.asarray(pc.dictionary_encode(column).indices.to_numpy(), np.uint32)
