"""Measures this job beside others: `python benchmarks/bench.py [--quick] [--only NAME] [--list]`.

The full run writes RESULTS.md and results.json beside this file; a quick one, or one of some contenders or
kinds only, prints what they would say. A quick run has exit code 1 where a promise is missed, or a ratio is
worse than in the last full run of the same stack, beyond noise (`comparison.py`). Any run has it where a case
failed. Data, seeded, and the peers' venv are kept in `.bench-cache/`.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import comparison, peers_venv, report  # noqa: E402
from benchmarks.cases import ALL, FULL, PEERS, QUICK, RAW, Case, Commands, Plan, needs  # noqa: E402
from benchmarks.data import file_of  # noqa: E402
from benchmarks.measure import Command, FailedRunError, Run, measure, median  # noqa: E402

_HERE = Path(__file__).resolve().parent
_CACHE = ROOT / ".bench-cache"
_DATA = _CACHE / "data-2"  # another number for other data under the same names
_RESULTS, _FIGURES = _HERE / "RESULTS.md", _HERE / "results.json"
# What 20 million rows take, and some room.
_FREE_BYTES = 10 * 10**9

Runs = dict[Case, list[Run]]


class Bench:
    """Runs cases and keeps what they cost, and what failed."""

    def __init__(self, make: Callable[[Case], Command], say: Callable[[str], None] = print) -> None:
        self.runs: Runs = {}
        self.failures: dict[Case, str] = {}
        self._make, self._say = make, say

    def rounds(self, plan: Plan) -> None:
        """Runs the plan's cases in turn, until each has its runs or has taken its time."""
        for number in range(1, plan.most_runs + 1):
            left = [case for case in plan.cases if self._goes_on(case, plan)]
            for progress, case in enumerate(left, 1):
                self.run(case, f"round {number}, {progress}/{len(left)}")

    def run(self, case: Case, progress: str) -> None:
        """Runs a case once; a failure is kept and ends the case."""
        try:
            run = measure(self._make(case), case.rows)
        except (FailedRunError, OSError) as error:
            self.failures[case] = str(error)
            self._say(f"{progress}: {report.describe(case)}: FAILED, {error}")
            return
        self.runs.setdefault(case, []).append(run)
        figures = f"{run.seconds:.1f} s, {run.cpu_seconds:.1f} CPU s, {run.peak_bytes / 1e6:,.0f} MB"
        self._say(f"{progress}: {report.describe(case)}: {figures}")

    def results(self) -> dict[Case, Run]:
        """The medians."""
        return {case: median(runs) for case, runs in self.runs.items()}

    def _goes_on(self, case: Case, plan: Plan) -> bool:
        spent = sum(run.seconds for run in self.runs.get(case, []))
        return case not in self.failures and spent < plan.seconds


def chosen(plan: Plan, only: Sequence[str]) -> Plan:
    """The plan's cases whose contender or kind is named; all without any name."""

    def keep(cases: Iterable[Case]) -> tuple[Case, ...]:
        return tuple(case for case in cases if not only or case.contender in only or case.kind in only)

    return Plan(keep(plan.cases), keep(plan.once), plan.most_runs, plan.seconds)


def make_data(cases: Iterable[Case]) -> None:
    """Writes what the cases need and is not there, in a process of its own: this one must stay small."""
    wanted = list(dict.fromkeys(word for case in cases for word in needs(case)))
    command = [sys.executable, "-W", "ignore", str(_HERE / "data.py"), str(_DATA), *wanted]
    subprocess.run(command, cwd=ROOT, check=True)


def peers_python(cases: Iterable[Case], notes: list[str]) -> Path | None:
    """The interpreter of the peers' venv, made if a case needs it; None where it cannot be."""
    if not any(case.contender in PEERS for case in cases):
        return None
    return peers_venv.python(_CACHE, notes, say)


@contextlib.contextmanager
def large_data(cases: Sequence[Case], notes: list[str]) -> Iterator[Sequence[Case]]:
    """The cases, with their files for as long as they run; none of them where the disk is too full."""
    _DATA.mkdir(parents=True, exist_ok=True)
    if cases and shutil.disk_usage(_DATA).free < _FREE_BYTES:
        notes.append(f"no {cases[0].rows:,} rows: less than {_FREE_BYTES / 1e9:.0f} GB of disk are free")
        cases = ()
    try:
        if cases:
            make_data(cases)
        yield cases
    finally:
        for case in cases:
            file_of(_DATA, case.kind, case.rows).unlink(missing_ok=True)


def run_plan(plan: Plan, notes: list[str]) -> tuple[Bench, Mapping[Case, int]]:
    """Measures a plan; the bench, and how many bytes each case read."""
    python = peers_python(plan.cases, notes)
    cases = tuple(case for case in plan.cases if python or case.contender not in PEERS)
    make_data(cases)
    work = _CACHE / "work"
    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(Commands(_DATA, work, python).of, say)
    warm_up(cases, bench)
    bench.rounds(Plan(cases, (), plan.most_runs, plan.seconds))
    with large_data(plan.once, notes) as large:
        for case in large:
            bench.run(case, "once")
        sizes = {case: _size(case) for case in bench.runs}
    return bench, sizes


def warm_up(cases: Sequence[Case], bench: Bench) -> None:
    """Runs the smallest job once, uncounted: a checkout's first start compiles."""
    if ours := [case for case in cases if case.contender in (RAW, ALL)]:
        smallest = min(ours, key=lambda case: case.rows)
        bench.run(smallest, "warming up, not counted")
        bench.runs.pop(smallest, None)


def _size(case: Case) -> int:
    file = file_of(_DATA, case.kind, case.rows)
    return file.stat().st_size if file.exists() else 0


def say(text: str) -> None:
    """A line of progress, with the time since the start."""
    print(f"[{time.perf_counter() - _BEGUN:6.0f} s] {text}", flush=True)


_BEGUN = time.perf_counter()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 where something failed or, in a quick run, where a figure is too bad."""
    options = _parse(argv)
    plan = chosen(QUICK if options.quick else FULL, options.only)
    if options.list:
        print("\n".join(report.describe(case) for case in (*plan.cases, *plan.once)))
        return 0
    is_full = not options.quick and not options.only
    bench, too_bad = reported(plan, is_full)
    say("done")
    return 1 if bench.failures or (too_bad and options.quick) else 0


def reported(plan: Plan, is_full: bool) -> tuple[Bench, bool]:
    """Measures a plan and prints the figures, and whether any is too bad; those of a full run are written."""
    notes: list[str] = []
    bench, sizes = run_plan(plan, notes)
    now, stack = comparison.measured(bench.runs), comparison.stack()
    last = comparison.read(_FIGURES, stack)
    parts = [
        report.promises(bench.results(), {text: kept.figure for text, kept in last.items()}),
        report.table(bench.results(), report.as_runs(bench.runs), sizes),
    ]
    print("\n" + "\n\n".join(parts), *notes, sep="\n")
    if is_full:
        say(f"writing {_RESULTS.name}")
        page = _RESULTS.read_text(encoding="utf-8") if _RESULTS.exists() else ""
        sections = report.sections_of(page) | {stack: report.section(parts, bench.failures, notes)}
        _RESULTS.write_text(report.document(sections), encoding="utf-8")
        comparison.write(_FIGURES, stack, now)
    lines, too_bad = comparison.report(now, last, stack)
    print("", *lines, *(f"FAILED: {report.describe(case)}" for case in bench.failures), sep="\n")
    return bench, too_bad


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the main ratios, in a few minutes")
    names = sorted({name for case in (*FULL.cases, *FULL.once) for name in case[:2]})
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=names,
        metavar="NAME",
        help=f"a contender or a kind of data, may be given several times: {', '.join(names)}",
    )
    parser.add_argument("--list", action="store_true", help="only tell what would be measured")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
