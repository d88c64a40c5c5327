"""A year of nights: how many clean ones raise an alarm, and after how many a shift that lasts is found."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.detection_nights import BUDGET, Judged, Nights  # noqa: E402
from benchmarks.detection_promises import Promise  # noqa: E402
from benchmarks.detection_rates import Share  # noqa: E402
from benchmarks.nights_data import (  # noqa: E402
    CATEGORY,
    INDEPENDENT,
    KINDS,
    NUMBER,
    YEAR,
    Shift,
    world,
)
from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV  # noqa: E402
from trueserve.transforms.verdict.significance import LEAST_EFFECT  # noqa: E402

_PROCESSES = 2
#: Shifts as multiples of the least effect that matters.
SIZES = (0.5, 1.0, 2.0)
#: So many clean nights before a shift, and so many with it.
BEFORE, MOST = 10, 40
#: Of shifts of the least effect and more the share found within `MOST` nights.
LEAST_FOUND = 0.95


class Counts(NamedTuple):
    """Clean years of each kind, and how often each shift is planted."""

    years: int
    shifts: int


FULL = Counts(4, 8)


class Trial(NamedTuple):
    """A year of a kind."""

    kind: str
    seed: int
    nights: int = YEAR


class Year(NamedTuple):
    """A clean year, night by night."""

    kind: str
    seed: int
    nights: tuple[Judged, ...]


class Delay(NamedTuple):
    """The night of a shift on which each finds it, counted from 1; None if none of `MOST` nights does."""

    seed: int
    shift: Shift
    errors: int | None = None
    lasting: int | None = None
    slow: int | None = None
    peer: int | None = None

    @property
    def ours(self) -> int | None:
        """An error, or a warning of a shift that lasts."""
        return min((night for night in (self.errors, self.lasting) if night), default=None)


def judged_year(trial: Trial) -> Year:
    """The clean nights of a year."""
    with tempfile.TemporaryDirectory(prefix="trueserve-nights-") as folder:
        nights = Nights(world(trial.kind, trial.seed), Path(folder))
        judged = tuple(nights.judge(number) for number in range(trial.nights))
    return Year(trial.kind, trial.seed, judged)


def judged_delays(seed: int) -> list[Delay]:
    """Every shift, each after the same clean nights."""
    traffic = world(INDEPENDENT, seed)
    delays = []
    with tempfile.TemporaryDirectory(prefix="trueserve-nights-") as folder:
        before = Nights(traffic, Path(folder, "before"))
        for number in range(BEFORE):
            before.judge(number)
        for shift in shifts():
            branch = Path(folder, f"{shift.feature}-{shift.distance}")
            nights = Nights(traffic, branch, list(before.published))
            judged = (nights.judge(number, shift) for number in range(BEFORE, BEFORE + MOST))
            delays.append(delay(seed, shift, judged))
    return delays


def shifts() -> list[Shift]:
    """The shifts that are planted."""
    least = LEAST_EFFECT[KOLMOGOROV]
    return [Shift(feature, size * least) for feature in (NUMBER, CATEGORY) for size in SIZES]


def delay(seed: int, shift: Shift, judged: Iterable[Judged]) -> Delay:
    """When each names the feature first; no further night is judged once all have."""
    first: dict[str, int] = {}
    sources = ("errors", "lasting", "slow", "peer")
    for number, night in enumerate(judged, 1):
        for source in sources:
            if any(feature == shift.feature for feature, _ in getattr(night, source)):
                first.setdefault(source, number)
        if len(first) == len(sources):
            break
    return Delay(seed, shift, **first)


def measured(counts: Counts = FULL, seed: int = 1) -> tuple[list[Year], list[Delay]]:
    """All years and shifts, in two processes."""
    with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
        return of_pool(pool, counts, seed)


def of_pool(pool: Pool, counts: Counts, seed: int) -> tuple[list[Year], list[Delay]]:
    """Years of each kind with the same seeds; the slowest kinds first."""
    random = np.random.default_rng([seed, 8])
    seeds = random.integers(1 << 31, size=max(counts.years, counts.shifts)).tolist()
    trials = [Trial(kind, number) for kind in KINDS[::-1] for number in seeds[: counts.years]]
    years = pool.map_async(judged_year, trials, chunksize=1)
    delays = pool.map_async(judged_delays, seeds[: counts.shifts], chunksize=1)
    return years.get(), [each for of_seed in delays.get() for each in of_seed]


def promises(years: Sequence[Year], delays: Sequence[Delay]) -> Iterator[Promise]:
    """Of clean nights by kind, and of shifts of the least effect or more."""
    for kind in KINDS:
        nights = [night for year in years if year.kind == kind for night in year.nights]
        text = f"at most one clean night in {BUDGET}, and what chance adds, raises an error ({kind} years)"
        loud = sum(1 for night in nights if night.errors)
        yield Promise(text, Share(loud, len(nights)), allowed(len(nights)))
    large = [each for each in delays if each.shift.distance >= LEAST_EFFECT[KOLMOGOROV]]
    text = f"at least {LEAST_FOUND:.0%} of shifts of the least effect or twice it are found in {MOST} nights"
    yield Promise(text, Share(sum(1 for each in large if each.ours), len(large)), LEAST_FOUND, at_least=True)
    sooner = [each for each in large if _night(each.ours) <= _night(each.peer)]
    text = "most of these are found no later than by tests of scipy with the same budget"
    yield Promise(text, Share(len(sooner), len(large)), 0.5, at_least=True)


def allowed(nights: int) -> float:
    """The share of nights that is more than the budget by chance once in 100 runs, if that is just kept."""
    return float(stats.binom.isf(0.01, nights, 1 / BUDGET)) / max(nights, 1)


def _night(number: int | None) -> float:
    return np.inf if number is None else number


_NOTES = f"""
*Allowed*: one night in {BUDGET}. *With an error*: nights whose verdict is skew. The next three are warnings,
which fail no run. In brackets: how often a night names a feature that the night before did not. *scipy's
tests*: Kolmogorov and Smirnov's of numbers, chi-squared of categories, on training's values, at a level that
gives one alarm in {BUDGET} nights of independent rows over all features.
"""
_SOURCES = {
    "errors": "with an error",
    "lasting": "lasting shift",
    "slow": "slow drift",
    "jumps": "since the last window",
    "peer": "scipy's tests",
}


def sections(years: Sequence[Year], delays: Sequence[Delay]) -> list[str]:
    """Those of the report, in Markdown."""
    return [
        "## Clean years, night by night",
        table_of_years(years),
        _NOTES.strip(),
        table_of_errors(years),
        "## Nights until a shift is found",
        table_of_delays(delays),
    ]


def table_of_years(years: Sequence[Year]) -> str:
    """By kind: nights on which each says something, and in brackets how often it begins to."""
    lines = _head("years", "nights", "allowed", *_SOURCES.values())
    for kind in dict.fromkeys(year.kind for year in years):
        of_kind = [year.nights for year in years if year.kind == kind]
        nights = sum(map(len, of_kind))
        cells = [_counted(of_kind, source) for source in _SOURCES]
        lines.append(_line(f"{len(of_kind)} {kind}", f"{nights:,}", f"{nights / BUDGET:.1f}", *cells))
    return "\n".join(lines)


def _counted(years: Iterable[Sequence[Judged]], source: str) -> str:
    """Nights, and how many of them name a feature that the night before does not."""
    loud = begun = 0
    for nights in years:
        before: set[str] = set()
        for night in nights:
            named = {feature for feature, _ in getattr(night, source)}
            loud, begun, before = loud + bool(named), begun + bool(named - before), named
    return f"{loud} ({begun})"


def table_of_errors(years: Sequence[Year]) -> str:
    """The features that are an error in clean nights, and the first message of each."""
    lines = _head("years", "feature", "nights", "such as")
    for kind in dict.fromkeys(year.kind for year in years):
        errors = [
            error for year in years if year.kind == kind for night in year.nights for error in night.errors
        ]
        messages = dict(errors[::-1])
        for feature, count in Counter(feature for feature, _ in errors).most_common():
            lines.append(_line(kind, feature, str(count), messages[feature]))
    return "\n".join(lines) if len(lines) > 2 else "None of the nights has an error."


def table_of_delays(delays: Sequence[Delay]) -> str:
    """By shift: the median night on which it is found, and how often it is found at all."""
    columns: dict[str, Callable[[Delay], int | None]] = {
        "trueserve": lambda each: each.ours,
        "an error": lambda each: each.errors,
        "a lasting shift": lambda each: each.lasting,
        "slow drift": lambda each: each.slow,
        "scipy's tests": lambda each: each.peer,
    }
    lines = _head("shift", "trials", *columns)
    for shift in dict.fromkeys(each.shift for each in delays):
        same = [each for each in delays if each.shift == shift]
        cells = [_median([found_on(each) for each in same]) for found_on in columns.values()]
        lines.append(_line(f"{shift.feature} by {shift.distance:.2%}", str(len(same)), *cells))
    return "\n".join(lines)


def _median(nights: Sequence[int | None]) -> str:
    count = sum(1 for night in nights if night is not None)
    middle = float(np.median([_night(night) for night in nights]))
    return f"{f'{middle:g}' if np.isfinite(middle) else 'over ' + str(MOST)} ({count} of {len(nights)})"


def _head(*names: str) -> list[str]:
    return [_line(*names), _line(*["---"] * len(names))]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """A run by itself: prints the tables; `--json` keeps what was said of every night."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=FULL.years)
    parser.add_argument("--shifts", type=int, default=FULL.shifts)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    years, delays = measured(Counts(options.years, options.shifts), options.seed)
    if options.json:
        options.json.write_text(json.dumps([years, delays]), encoding="utf-8")
    print(*sections(years, delays), sep="\n\n")
    print(*promises(years, delays), sep="\n")


if __name__ == "__main__":
    main()
