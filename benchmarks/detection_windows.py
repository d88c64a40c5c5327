"""One window after another: drawn, judged as it is, and again with each fault planted in it."""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.detection_answers import (
    EVIDENTLY,
    METHODS_OF_PEERS,
    OURS,
    PLAIN,
    SURE,
    WITH_INFO,
    Answer,
    Judged,
    Planted,
)
from benchmarks.detection_asking import ComparedColumn, Peers
from benchmarks.detection_data import FLIGHTS, SOURCES, World, world
from benchmarks.detection_faults import Cell, cells
from benchmarks.detection_methods import Served, Tfdv, flagged, plain, scored, served
from benchmarks.in_memory import Column, Lists
from trueserve.transforms.verdict.reference import Reference

_PROCESSES = 2


class Counts(NamedTuple):
    """Windows of a size and source: how many in all, and of how many of these first ones more is asked.

    Attributes:
      faulty: with faults planted in them, too.
      slow_clean, slow_faulty: of all methods, as they are and with the faults; of the others the slow ones
        (`SLOW`) are not asked.
    """

    clean: int
    faulty: int
    slow_clean: int
    slow_faulty: int


SLOW = (PLAIN, EVIDENTLY)
#: By the rows in a window.
FULL = {
    200: Counts(200, 4, 30, 2),
    500: Counts(200, 24, 30, 4),
    2_000: Counts(200, 12, 30, 4),
    20_000: Counts(200, 12, 20, 4),
    200_000: Counts(100, 0, 6, 0),
}


class Task(NamedTuple):
    """A window to be judged."""

    source: str
    rows: int
    number: int
    seed: int
    is_faulty: bool
    slow_clean: bool
    slow_faulty: bool


def tasks(plan: Mapping[int, Counts], seed: int) -> list[Task]:
    """Those of one size and world after another, the largest first, since they take longest."""
    every = [
        Task(
            source,
            rows,
            number,
            seed,
            is_faulty=number < of.faulty,
            slow_clean=number < of.slow_clean,
            slow_faulty=number < of.slow_faulty,
        )
        for source in SOURCES
        for rows, of in sorted(plan.items(), reverse=True)
        for number in range(of.clean)
    ]
    return sorted(every, key=lambda task: (not task.is_faulty and task.rows < 50_000, -task.rows))


def judged(every: Sequence[Task], python: Path | None, log: Path) -> Iterator[Judged]:
    """All tasks, in any order, by two processes; what TFDV's and the peers' code prints goes to `log`."""
    context = multiprocessing.get_context("spawn")
    processes = min(_PROCESSES, os.cpu_count() or 1)
    log.parent.mkdir(parents=True, exist_ok=True)
    with context.Pool(processes, start, (python, log)) as pool:
        yield from pool.imap_unordered(judge, every)


def agreed(python: Path) -> None:
    """Holds the peers' answers on a window of flights against their own reports. Raises PeersError."""
    flights = world(FLIGHTS, 0, 500)
    peers = Peers(python)
    peers.agree(flights.name, flights.training, flights.draw(500, np.random.default_rng(0)))
    peers.close()


_peers: Peers | None = None


def start(python: Path | None, log: Path) -> None:
    """Begins a process that judges: what is printed to stderr goes to `log`, and the peers are its own."""
    global _peers  # noqa: PLW0603, a process has one
    with log.open("a", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), 2)
    _peers = Peers(python) if python else None


def judge(task: Task) -> Judged:
    """Draws a window, asks all of it, and of each fault."""
    return judge_of(world(task.source, task.number, task.rows), task.source).judged(task)


@functools.lru_cache(maxsize=9)
def judge_of(of_world: World, source: str) -> Judge:
    """What judges windows of a world."""
    return Judge(of_world, source)


@dataclasses.dataclass(frozen=True, eq=False)
class Judge:
    """All methods, held against one baseline."""

    world: World
    source: str

    @functools.cached_property
    def cells(self) -> list[Cell]:
        return cells(self.world, self.source)

    @functools.cached_property
    def tfdv(self) -> Tfdv:
        return Tfdv(self.world)

    @functools.cached_property
    def plain(self) -> Reference:
        return plain(self.world.reference)

    def judged(self, task: Task) -> Judged:
        """A window as it is, and with each fault in turn."""
        random = np.random.default_rng([task.seed, SOURCES.index(task.source), task.rows, task.number])
        columns = self.world.draw(task.rows, random)
        window = served(columns, self.world.reference)
        clean = self._answers(window, columns, task.slow_clean)
        columns_to_compare = {name: ComparedColumn(name, column) for name, column in columns.items()}
        for name, of_peers in self._peers(columns_to_compare, task.slow_clean).items():
            for method, answer in of_peers.items():
                clean.setdefault(method, {})[name] = answer
        planted = self._planted(task, columns, window, random) if task.is_faulty else ()
        numbers = frozenset(name for name, traits in self.world.traits.items() if traits.is_number)
        return Judged(task.source, task.rows, task.number, clean, tuple(planted), numbers)

    def _answers(self, window: Served, names: Iterable[str], slow: bool) -> dict[str, dict[str, Answer]]:
        """Of this job, with either baseline, and of TFDV."""
        names = list(names)
        ours = flagged(window, self.world.reference)
        answers = {
            OURS: scored(window, self.world.reference, names, ours.errors),
            WITH_INFO: {name: Answer(0.0, name in ours.reported) for name in names},
        }
        if slow:
            plainly = flagged(window, self.plain).errors
            answers[PLAIN] = {name: Answer(0.0, name in plainly) for name in names}
        return answers | self.tfdv.answers(window, names)

    def _planted(
        self, task: Task, columns: Mapping[str, Column], window: Served, random: np.random.Generator
    ) -> list[Planted]:
        answers: dict[str, dict[str, list[Answer]]] = {}
        columns_to_compare: dict[str, ComparedColumn] = {}
        for cell in self.cells:
            changed = cell.plant(columns, random)
            after = window.changed(changed, self.world.reference)
            by_method = self._answers(after, cell.touched, task.slow_faulty)
            answers[cell.key] = {
                method: list(of_features.values()) for method, of_features in by_method.items()
            }
            columns_to_compare |= {
                f"{cell.key}#{name}": ComparedColumn(name, column) for name, column in changed.items()
            }
        for key, of_peers in self._peers(columns_to_compare, task.slow_faulty).items():
            for method, answer in of_peers.items():
                answers[key.partition("#")[0]].setdefault(method, []).append(answer)
        return [self._of_cell(cell, answers[cell.key]) for cell in self.cells]

    def _of_cell(self, cell: Cell, answers: Mapping[str, list[Answer]]) -> Planted:
        surest = {method: _surest(of_features) for method, of_features in answers.items()}
        return planted_in(cell, self.world, surest)

    def _peers(self, columns: Mapping[str, ComparedColumn], slow: bool) -> dict[str, dict[str, Answer]]:
        """The peers' answers by id; a number that came as text is one that they cannot miss."""
        if _peers is None:
            return {}
        peers = [name for name in METHODS_OF_PEERS if slow or name not in SLOW]
        training = self.world.training
        fitting = {
            key: compared
            for key, compared in columns.items()
            if _is_text(compared.column) == _is_text(training[compared.feature])
        }
        scores = _peers.judged(self.world.name, training, fitting, peers)
        answers = {key: {name: Answer(*answer) for name, answer in by.items()} for key, by in scores.items()}
        sure = dict.fromkeys(peers, Answer(SURE, True))
        return answers | {key: sure for key in columns if key not in fitting}


def _surest(answers: Iterable[Answer]) -> Answer:
    scores, alarms, new = zip(*answers, strict=True)
    return Answer(max(scores), any(alarms), any(new))


def _is_text(column: Column) -> bool:
    return bool((column.values if isinstance(column, Lists) else column).dtype == object)


def planted_in(cell: Cell, of: World, answers: Mapping[str, Answer]) -> Planted:
    """The fault of a cell, with what each method answered on the features that it touched."""
    return Planted(
        key=cell.key,
        kind=cell.kind,
        feature=cell.feature,
        strength=cell.strength,
        is_promised=cell.is_promised,
        is_number=of.traits[cell.feature].is_number,
        is_long_tailed=cell.is_long_tailed,
        answers=answers,
    )
