"""Vectors: clean windows of several kinds, and windows whose positions are others than training's."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow_data_validation as tfdv

from benchmarks import in_memory
from benchmarks.detection_promises import Promise
from benchmarks.detection_rates import Share
from benchmarks.in_memory import Lists
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Finding, Severity, Space

Array = np.ndarray[Any, Any]
Random: TypeAlias = np.random.Generator
Draw: TypeAlias = Callable[[int, Random], Array]

FEATURE = "vector"
LENGTH, SIDE, CHANNELS = 32, 8, 3
TRAINING_ROWS = 20_000
SIZES = (500, 1_000, 2_000, 5_000)
#: Faults in windows of so many rows are promised to be found.
FAULT_ROWS = 1_000


def embedding(world: int) -> Draw:
    """An encoder's output: a few factors that all positions share, with means and spreads of their own."""
    of = np.random.default_rng([world, 1])
    factors, means = of.normal(size=(LENGTH // 4, LENGTH)), of.normal(0, 0.5, LENGTH)
    spreads = of.uniform(0.2, 1.0, LENGTH)

    def draw(rows: int, random: Random) -> Array:
        shared = random.normal(size=(rows, len(factors))) @ factors / 3
        values = means + spreads * (shared + random.normal(size=(rows, LENGTH)))
        return np.asarray(values, np.float32)

    return draw


def alike(world: int) -> Draw:
    """An embedding of which all positions have mean 0 and variance 1, and only go together."""
    of = np.random.default_rng([world, 2])
    factors = of.normal(size=(LENGTH // 4, LENGTH))
    spread = np.sqrt((factors**2).sum(0) + 1)

    def draw(rows: int, random: Random) -> Array:
        shared = random.normal(size=(rows, len(factors))) @ factors
        return np.asarray((shared + random.normal(size=(rows, LENGTH))) / spread, np.float32)

    return draw


def one_hot(world: int) -> Draw:
    """One of 32 positions is 1, the rest are 0; some are rare."""
    shares = np.random.default_rng([world, 3]).permutation(1 / np.arange(1, LENGTH + 1) ** 1.5)

    def draw(rows: int, random: Random) -> Array:
        chosen = random.choice(LENGTH, rows, p=shares / shares.sum())
        result: Array = np.eye(LENGTH, dtype=np.int64)[chosen]
        return result

    return draw


def counts(world: int) -> Draw:
    """Counts that are mostly 0, of words say; some come in one row of ten thousand."""
    rates = np.exp(np.random.default_rng([world, 4]).normal(-4, 2.5, LENGTH))

    def draw(rows: int, random: Random) -> Array:
        return random.poisson(rates * random.gamma(1, 1, (rows, 1)), (rows, LENGTH)).astype(np.int64)

    return draw


def heavy(world: int) -> Draw:
    """Heavy tails: half of the positions are log-normal, half have Student's distribution with 3 degrees."""
    spreads = np.random.default_rng([world, 5]).uniform(0.5, 3, LENGTH)

    def draw(rows: int, random: Random) -> Array:
        values = random.standard_t(3, (rows, LENGTH))
        values[:, ::2] = random.lognormal(0, 1.5, (rows, LENGTH // 2))
        return np.asarray(values * spreads, np.float32)

    return draw


def images(world: int) -> Draw:
    """Small pictures, height x width x channels: a bright disc that moves, of a colour that varies little."""
    of = np.random.default_rng([world, 6])
    colour, grid = of.uniform(40, 220, CHANNELS), np.arange(SIDE)

    def draw(rows: int, random: Random) -> Array:
        y, x = (random.normal(SIDE / 2, 1.5, (rows, 1, 1)) for _ in range(2))
        far = (grid[None, :, None] - y) ** 2 + (grid[None, None, :] - x) ** 2
        light = np.exp(-far / 8)[..., None] * (colour + random.normal(0, 12, (rows, 1, 1, CHANNELS)))
        noise = random.normal(20, 5, (rows, SIDE, SIDE, CHANNELS))
        result: Array = np.clip(light + noise, 0, 255).astype(np.int64).reshape(rows, -1)
        return result

    return draw


KINDS: dict[str, Callable[[int], Draw]] = {
    "embedding": embedding,
    "alike": alike,
    "one_hot": one_hot,
    "counts": counts,
    "heavy": heavy,
    "images": images,
}


def permuted(vectors: Array, random: Random) -> Array:
    """All positions in another order."""
    return vectors[:, random.permutation(vectors.shape[1])]


def rotated(vectors: Array, random: Random) -> Array:
    """Another basis of the same space."""
    turned, triangle = np.linalg.qr(random.normal(size=(vectors.shape[1], vectors.shape[1])))
    return np.asarray(vectors @ (turned * np.sign(np.diag(triangle))), np.float32)


def dead(vectors: Array, random: Random) -> Array:
    """One position is 0."""
    result = vectors.copy()
    result[:, random.integers(vectors.shape[1])] = 0
    return result


def channels_first(vectors: Array, _random: Random) -> Array:
    """Channels, height, width for height, width, channels."""
    pictures = vectors.reshape(-1, SIDE, SIDE, CHANNELS)
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)).reshape(len(vectors), -1)


#: Of each fault the kinds of vectors that it is planted in.
FAULTS: dict[str, tuple[Callable[[Array, Random], Array], tuple[str, ...]]] = {
    "permuted": (permuted, ("embedding", "alike", "one_hot", "heavy")),
    "rotated": (rotated, ("embedding", "alike")),
    "dead": (dead, ("embedding", "alike")),
    "channels_first": (channels_first, ("images",)),
}


class Trial(NamedTuple):
    """A window: its kind, rows, baseline, and the fault that is planted; empty for none."""

    kind: str
    rows: int
    world: int
    seed: int
    fault: str = ""


@functools.lru_cache(maxsize=12)
def reference(kind: str, world: int) -> Reference:
    """The baseline of a kind."""
    return baseline(KINDS[kind](world)(TRAINING_ROWS, np.random.default_rng([world, 7])))


def baseline(vectors: Array, shape: Sequence[int] = ()) -> Reference:
    """A baseline of these vectors as `prepare` makes it; `shape` is what the schema says of the feature's."""
    rows = in_memory.batch({FEATURE: column(vectors)})
    schema = tfdv.infer_schema(in_memory.statistics(rows), infer_feature_shape=False)
    for size in shape:
        schema.feature[0].shape.dim.add(size=size)
    without = Reference(schema, Statistics(), Space.RAW)
    return dataclasses.replace(without, statistics=in_memory.statistics(rows, without))


def column(vectors: Array) -> Lists:
    """Vectors, one a row."""
    return Lists(vectors.reshape(-1), np.full(len(vectors), vectors.shape[1]))


def findings_of(vectors: Array, of: Reference) -> list[Finding]:
    """What `validate` says of a window of these vectors."""
    statistics = in_memory.statistics(in_memory.batch({FEATURE: column(vectors)}), of)
    return list(compare(of, statistics, Policy(), Counter()).findings)


def judge(trial: Trial) -> bool:
    """Whether the window is skew."""
    random = np.random.default_rng(
        [trial.seed, trial.rows, trial.world, *trial.kind.encode(), *trial.fault.encode()]
    )
    vectors = KINDS[trial.kind](trial.world)(trial.rows, random)
    if trial.fault:
        vectors = FAULTS[trial.fault][0](vectors, random)
    findings = findings_of(vectors, reference(trial.kind, trial.world))
    return any(finding.severity is Severity.ERROR for finding in findings)


def clean_trials(count: int, seed: int, worlds: int = 4) -> Iterator[Trial]:
    """So many windows of each kind, of all sizes."""
    for kind in KINDS:
        for number in range(count):
            yield Trial(kind, SIZES[number % len(SIZES)], number * worlds // count, seed + number)


def fault_trials(count: int, seed: int, worlds: int = 4) -> Iterator[Trial]:
    """So many windows of each fault and kind."""
    for fault, (_, kinds) in FAULTS.items():
        for kind in kinds:
            for number in range(count):
                yield Trial(kind, FAULT_ROWS, number * worlds // count, seed + number, fault)


#: What is promised: one clean window in so many, and the least share of each fault that is found.
MOST_FALSE, LEAST_FOUND = 0.005, 0.95
_NAMES = {
    "permuted": "vectors with permuted positions",
    "rotated": "rotated vectors",
    "dead": "vectors with one dead position",
    "channels_first": "images with their channels first",
}


class Plan(NamedTuple):
    """How many clean windows of each kind, and how many of each fault and kind."""

    clean: int
    faults: int


QUICK, FULL = Plan(40, 4), Plan(100, 25)


def trials(plan: Plan, seed: int) -> list[Trial]:
    """All windows of a plan."""
    return [*clean_trials(plan.clean, seed), *fault_trials(plan.faults, seed)]


def promises(judged: Sequence[tuple[Trial, bool]]) -> Iterator[Promise]:
    """Of windows, and whether each is skew."""
    yield Promise(
        "at most one clean window of vectors in 200 raises an error", _share(judged, ""), MOST_FALSE
    )
    for fault, name in _NAMES.items():
        text = f"at least {LEAST_FOUND:.0%} of {name} are found in {FAULT_ROWS:,} rows"
        yield Promise(text, _share(judged, fault), LEAST_FOUND, at_least=True)


def _share(judged: Sequence[tuple[Trial, bool]], fault: str) -> Share:
    of_fault = [is_skew for trial, is_skew in judged if trial.fault == fault]
    return Share(sum(of_fault), len(of_fault))
