"""The short run: this job alone, in windows drawn for one question each, so that trials are independent.

A fault is planted in a window of its own. The first windows of each size are judged without it, too. Peers
are not asked: that this job finds no less than they do is no share, and takes a full run.
"""

from __future__ import annotations

import functools
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import (
    detection_days,
    detection_new_rows,
    detection_others,
    detection_promises,
    detection_ranking,
    detection_season_trials,
    detection_ties,
    detection_vectors,
)
from benchmarks.detection_answers import OURS, Answer, Judged, Planted
from benchmarks.detection_data import SOURCES, World, world
from benchmarks.detection_days import Day
from benchmarks.detection_faults import Cell, cells
from benchmarks.detection_large import trifles
from benchmarks.detection_methods import flagged, served
from benchmarks.detection_promises import Promise
from benchmarks.detection_season_trials import SeasonTrial
from benchmarks.detection_windows import planted_in, start

_PROCESSES = 2
_DAYS = 40
_YEARS = 4


class Counts(NamedTuple):
    """Windows of a size and source: how many are judged as they are, and how often each fault is planted."""

    clean: int
    repeats: int


#: By the rows in a window.
PLAN = {
    200: Counts(150, 0),
    500: Counts(150, 5),
    2_000: Counts(150, 3),
    20_000: Counts(150, 2),
    200_000: Counts(8, 0),
}


class Trial(NamedTuple):
    """A window.

    Attributes:
      number: of the windows of this size and source; the rows follow from it and the seed.
      world: the number of the baseline, see `detection_data.world`.
      is_clean_judged: whether it is judged without a fault, too.
      fault: the key of the fault that is planted in it; None for none.
    """

    source: str
    rows: int
    number: int
    world: int
    seed: int
    is_clean_judged: bool
    fault: str | None


def trials(seed: int) -> list[Trial]:
    """All windows, the largest first, since they take longest."""
    return [
        trial
        for rows, counts in sorted(PLAN.items(), reverse=True)
        for source in SOURCES
        for trial in _of_size(source, rows, counts, seed)
    ]


def _of_size(source: str, rows: int, counts: Counts, seed: int) -> Iterator[Trial]:
    keys = [cell.key for cell in cells(world(source, 0, rows), source) if cell.is_promised]
    for number in range(max(counts.clean, counts.repeats * len(keys))):
        repeat, index = divmod(number, len(keys))
        fault = keys[index] if repeat < counts.repeats else None
        # Each repeat of a fault has another baseline than the last.
        yield Trial(source, rows, number, index + repeat, seed, number < counts.clean, fault)


def judge(trial: Trial) -> Judged:
    """What `validate` says of a window, without and with its fault."""
    of = world(trial.source, trial.world, trial.rows)
    random = np.random.default_rng([trial.seed, SOURCES.index(trial.source), trial.rows, trial.number])
    columns = of.draw(trial.rows, random)
    window = served(columns, of.reference)
    clean: dict[str, dict[str, Answer]] = {}
    if trial.is_clean_judged:
        errors = flagged(window, of.reference).errors
        clean[OURS] = {name: Answer(0.0, name in errors) for name in columns}
    planted: tuple[Planted, ...] = ()
    if trial.fault is not None:
        cell = _cells(of, trial.source)[trial.fault]
        errors = flagged(window.changed(cell.plant(columns, random), of.reference), of.reference).errors
        planted = (planted_in(cell, of, {OURS: Answer(0.0, not errors.isdisjoint(cell.touched))}),)
    numbers = frozenset(name for name, traits in of.traits.items() if traits.is_number)
    return Judged(trial.source, trial.rows, trial.number, clean, planted, numbers)


@functools.lru_cache(maxsize=9)
def _cells(of: World, source: str) -> dict[str, Cell]:
    return {cell.key: cell for cell in cells(of, source)}


def promises(seed: int, log: Path) -> list[Promise]:
    """Judges all windows, and some real days, in two processes; what was promised, and what was measured."""
    log.parent.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="trueserve-days-") as folder,
        ThreadPoolExecutor(1) as thread,
        context.Pool(_PROCESSES, start, (None, log)) as pool,
    ):
        prepared = thread.submit(detection_days.prepare, Path(folder))
        windows = pool.imap_unordered(judge, trials(seed), chunksize=4)
        large = trifles(seed)
        judged = list(windows)
        others = detection_others.of_pool(
            pool,
            detection_vectors.trials(detection_vectors.QUICK, seed),
            detection_ties.trials(detection_ties.QUICK, seed),
            detection_ranking.trials(detection_ranking.QUICK, seed),
        )
        days = _days(folder, prepared, seed, pool)
        seasons = _seasons(seed, pool)
    new_rows = detection_new_rows.judged(detection_new_rows.FEW, seed)
    return [
        *detection_promises.of_false_alarms(judged),
        detection_promises.on_average(judged),
        *detection_promises.of_detections(judged),
        *detection_promises.of_trifles(large),
        detection_promises.of_days(days),
        *detection_promises.of_seasons(seasons),
        *others,
        detection_promises.of_new_rows(new_rows),
    ]


def _seasons(seed: int, pool: Pool) -> list[SeasonTrial]:
    """Windows of some second years; each of the years follows from the seed."""
    seeds = detection_season_trials.seeds_of(seed, _YEARS)
    return [trial for year in pool.imap_unordered(detection_season_trials.judged, seeds) for trial in year]


def _days(folder: str, prepared: Future[None], seed: int, pool: Pool) -> Sequence[Day]:
    """Some of all days, drawn by the seed."""
    prepared.result()
    dates = np.random.default_rng([seed, 4]).choice(detection_days.dates(Path(folder)), _DAYS, replace=False)
    days = pool.map(functools.partial(detection_days.judge, folder), dates.tolist(), chunksize=_DAYS // 2)
    return [day for day in days if day is not None]
