"""Ranking traffic: requests of candidates that share a user, as they are and with prices far too high."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.detection_nights import CONTRACT, results
from benchmarks.detection_promises import Promise
from benchmarks.detection_rates import Share
from benchmarks.detection_seasons import DAY
from benchmarks.nights_data import CLUSTERED, EACH, NUMBER, Night, Traffic
from trueserve.transforms.core.batches import Window
from trueserve.transforms.publish.assemble import RunSettings, assemble_verdict
from trueserve.transforms.verdict.model import FindingKind, Severity
from trueserve.transforms.verdict.severity import Policy

REQUESTS = 250
#: A share of the rows has so many times its price.
DEARER, TIMES = 0.15, 3.0
MOST_FALSE, LEAST_FOUND = 1 / 200, 0.95
_WORLDS = 4


class Counts(NamedTuple):
    """Windows as they are, and windows with dear rows."""

    clean: int
    faulty: int


FULL, QUICK = Counts(400, 60), Counts(24, 6)


class Trial(NamedTuple):
    """A window; its baseline is that of `seed`."""

    seed: int
    number: int
    is_faulty: bool


def trials(counts: Counts, seed: int) -> list[Trial]:
    """Windows against some baselines in turn."""
    seeds = np.random.default_rng([seed, 9]).integers(1 << 31, size=_WORLDS).tolist()
    faulty = [False] * counts.clean + [True] * counts.faulty
    every = [Trial(seeds[i % _WORLDS], i // _WORLDS, is_faulty) for i, is_faulty in enumerate(faulty)]
    return sorted(every)  # a process keeps few baselines


class Errors(NamedTuple):
    """What is an error in a window: features by themselves, and features that go with others no longer."""

    features: frozenset[str]
    ties: frozenset[str]


def judge(trial: Trial) -> Errors:
    """What the verdict on the window has."""
    traffic = _traffic(trial.seed)
    night = traffic.night(trial.number, rows=REQUESTS * EACH)
    if trial.is_faulty:
        night = dearer(night, np.random.default_rng([trial.seed, 5, trial.number]))
    settings = RunSettings(Window(night.start, night.start + DAY), Policy(), CONTRACT)
    verdict, _ = assemble_verdict(lambda: [traffic.reference], results(night, traffic.reference), settings)
    errors = [finding for finding in verdict.findings if finding.severity is Severity.ERROR]
    features, ties = (
        frozenset(each.feature for each in errors if (each.kind is FindingKind.DEPENDENCE) is are_ties)
        for are_ties in (False, True)
    )
    return Errors(features, ties)


@functools.lru_cache(maxsize=2)
def _traffic(seed: int) -> Traffic:
    return Traffic(CLUSTERED, seed)


def dearer(night: Night, random: np.random.Generator) -> Night:
    """The night with some prices that are too high, in whichever requests."""
    price = np.asarray(night.columns[NUMBER])
    is_dear = random.random(len(price)) < DEARER
    changed = np.where(is_dear, TIMES * price, price).astype(np.float32)
    return night._replace(columns={**night.columns, NUMBER: changed})


def promises(judged: Sequence[tuple[Trial, Errors]]) -> Iterator[Promise]:
    """Of the windows as they are, by family of tests, and of those with dear rows."""
    clean = [errors for trial, errors in judged if not trial.is_faulty]
    what = f"one clean window in 200 of {REQUESTS} requests of about {EACH} candidates"
    for family, name in (("features", "features by themselves"), ("ties", "ties between features")):
        times = sum(1 for errors in clean if getattr(errors, family))
        yield Promise(f"at most {what} is an error of {name}", Share(times, len(clean)), MOST_FALSE)
    dear = [NUMBER in errors.features for trial, errors in judged if trial.is_faulty]
    text = f"at least {LEAST_FOUND:.0%} of prices times {TIMES:g} in {DEARER:.0%} of these rows are found"
    yield Promise(text, Share(sum(dear), len(dear)), LEAST_FOUND, at_least=True)
