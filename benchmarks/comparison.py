"""This run's figures beside those of the last full run of the same stack: what got worse beyond noise.

Noise is known from the rounds of a run. Each round gives a figure of its own, and the spread is the largest
divided by the smallest. A figure got worse beyond noise if it is worse by more than a tenth beyond both runs'
spreads multiplied. If the figures of three rounds differ by 20 % (a standard deviation), 1 in 500 figures is
called worse by chance; if by 5 %, none of 100,000.
"""

from __future__ import annotations

import enum
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.cases import Case
from benchmarks.measure import Run, median
from benchmarks.targets import TARGETS, Target, figures
from constraints.install import STAMP

#: What two runs may differ by beyond their spreads: their machines differ, too.
TENTH = 1.1
_LEAST_ROUNDS = 2

Runs = Mapping[Case, Sequence[Run]]


class Measured(NamedTuple):
    """A figure of medians, and the figures of the single rounds."""

    figure: float
    rounds: tuple[float, ...] = ()

    @property
    def spread(self) -> float | None:
        """The largest round divided by the smallest; None where it is unknown: too few, or below zero."""
        if len(self.rounds) < _LEAST_ROUNDS or min(self.rounds) <= 0:
            return None
        return max(self.rounds) / min(self.rounds)


class Outcome(enum.Enum):
    """How a figure compares with the last one."""

    BETTER = "better"
    WITHIN_NOISE = "within noise"
    WORSE = "WORSE"
    UNKNOWN = "not compared"


class Compared(NamedTuple):
    """A figure of this run and of the last one.

    Attributes:
      times_worse: below 1 where it is better.
      noise: what `times_worse` has to exceed; None where the spread of this run is unknown.
    """

    text: str
    unit: str
    now: float
    last: float
    times_worse: float
    noise: float | None

    @property
    def outcome(self) -> Outcome:
        if self.noise is None or self.times_worse <= 0:
            return Outcome.UNKNOWN
        if self.times_worse > self.noise:
            return Outcome.WORSE
        return Outcome.BETTER if self.times_worse < 1 / self.noise else Outcome.WITHIN_NOISE

    def __str__(self) -> str:
        if self.noise is None:
            return f"{self.outcome.value}: {self.text}: the spread of its rounds is unknown"
        figures = f"{self.now:.2f}{self.unit}, in the last full run {self.last:.2f}{self.unit}"
        worse = f"{self.times_worse:.2f} times worse, noise is {self.noise:.2f} times"
        return f"{self.outcome.value}: {self.text}: {figures} ({worse})"


def measured(runs: Runs) -> dict[str, Measured]:
    """The figures whose cases were all run, by text."""
    most = max(map(len, runs.values()), default=0)
    rounds = [
        figures({case: taken[number] for case, taken in runs.items() if number < len(taken)})
        for number in range(most)
    ]
    return {
        text: Measured(figure, tuple(of[text][1] for of in rounds if text in of))
        for text, (_, figure) in figures({case: median(taken) for case, taken in runs.items()}).items()
    }


def compared(
    now: Mapping[str, Measured], last: Mapping[str, Measured], targets: Sequence[Target]
) -> list[Compared]:
    """The figures of ratios and of memory that both runs have."""
    return [
        _compared(target, now[target.text], last[target.text])
        for target in targets
        if target.is_compared and target.text in now and target.text in last
    ]


def _compared(target: Target, now: Measured, last: Measured) -> Compared:
    worse = (last.figure, now.figure) if target.at_least else (now.figure, last.figure)
    times_worse = worse[0] / worse[1] if worse[1] > 0 else math.inf
    return Compared(target.text, target.unit, now.figure, last.figure, times_worse, _noise(now, last))


def _noise(now: Measured, last: Measured) -> float | None:
    """A last run of which no rounds were kept is taken to have spread as this one."""
    if now.spread is None:
        return None
    return TENTH * now.spread * (last.spread or now.spread)


def missed(now: Mapping[str, Measured], targets: Sequence[Target]) -> list[str]:
    """The promises that this run's figures do not keep, in words."""
    return [
        f"MISSED: {target.text}: {now[target.text].figure:.2f}{target.unit},"
        f" promised {'at least' if target.at_least else 'at most'} {target.bound:g}{target.unit}"
        for target in targets
        if target.text in now and target.met(now[target.text].figure) is False
    ]


def stack() -> str:
    """The stack of dependencies that this interpreter's venv was made of; "unknown" where it was not."""
    stamp = Path(sys.prefix, STAMP)
    return stamp.read_text(encoding="utf-8").strip() if stamp.exists() else "unknown"


def read(path: Path, stack: str) -> dict[str, Measured]:
    """The figures of the last full run of a stack; empty where there is none."""
    every = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept: dict[str, dict[str, Any]] = every.get(stack, {})
    return {text: Measured(each["figure"], tuple(each["rounds"])) for text, each in kept.items()}


def write(path: Path, stack: str, now: Mapping[str, Measured]) -> None:
    """Keeps the figures of a full run; those of other stacks stay."""
    every = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    every[stack] = {
        text: {"figure": round(each.figure, 3), "rounds": [round(figure, 3) for figure in each.rounds]}
        for text, each in now.items()
    }
    path.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")


def report(now: Mapping[str, Measured], last: Mapping[str, Measured], stack: str) -> tuple[list[str], bool]:
    """Lines on what was compared and what is missed; and whether any is missed, or worse beyond noise."""
    pairs = compared(now, last, TARGETS)
    misses = missed(now, TARGETS)
    worse = [pair for pair in pairs if pair.outcome is Outcome.WORSE]
    lines = [
        f"Compared with the last full run of {stack}:"
        if last
        else f"No full run of {stack} to compare with.",
        *map(str, pairs),
        *misses,
        f"{len(misses)} promises are missed, {len(worse)} of {len(pairs)} figures are worse beyond noise.",
    ]
    return lines, bool(misses or worse)
