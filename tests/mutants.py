"""`make mutants`: small random changes to the product, each of which the unit tests should find.

Each change is made in a copy of the checkout. The tests of `tests/unit` and `tests/pipelines` that run the
changed line run there, the nearest first, up to the first failure. Which file runs which lines is measured
once and kept under `build/mutants`. A change that nobody could see is in `tests/equivalent_changes.toml`:
it is left out, and another one is drawn.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from support import forked_tests, mutations, reached_lines
from support.forked_tests import Job, Tree
from support.mutations import Change
from support.reached_lines import Reached, Reaching
from support.repo import ROOT

_TESTS = ("tests/unit", "tests/pipelines")
_EQUIVALENT = ROOT / "tests" / "equivalent_changes.toml"
# CPU time that one test may take: so long, and so many times what its whole file took when it was measured.
_SECONDS, _TIMES = 20.0, 2.0
_SECONDS_TRACED = 300.0

Key = tuple[str, str, str, str]


class Result(NamedTuple):
    """What the tests made of a change: the first that failed, or "", and how many files were run."""

    change: Change
    failed: str
    num_files: int
    seconds: float


@dataclasses.dataclass
class Drawn:
    """Changes in the order of a seed: those to be tried, and those that are known to change nothing."""

    tried: list[Change] = dataclasses.field(default_factory=list)
    equivalent: list[tuple[Change, str]] = dataclasses.field(default_factory=list)


def draw(changes: Iterator[Change], count: int, equivalent: Mapping[Key, str]) -> Drawn:
    """Takes changes until `count` of them are to be tried."""
    drawn = Drawn()
    while len(drawn.tried) < count and (change := next(changes, None)):
        if change.key in equivalent:
            drawn.equivalent.append((change, equivalent[change.key]))
        else:
            drawn.tried.append(change)
    return drawn


def load_equivalent(path: Path) -> dict[Key, str]:
    """The reasons for which changes are not counted, by the key of the change."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("change", [])
    return {(e["module"], e["function"], e["before"], e["after"]): e["reason"] for e in entries}


def measure(folder: Path, trees: Sequence[Tree], files: Sequence[str]) -> dict[str, Reached]:
    """What each test file runs; as measured earlier where nothing that matters has changed."""
    paths = {name: folder / "reached" / f"{name.replace('/', '.')}.json" for name in files}
    reached = {name: reached_lines.load(ROOT, path) for name, path in paths.items()}
    new = [name for name, value in reached.items() if value is None]
    jobs = [
        Job([name], folder / "log", _SECONDS_TRACED, _emptied(folder / f"lines-{i}"))
        for i, name in enumerate(new)
    ]
    for number, (job, ended) in enumerate(forked_tests.run_all(trees, jobs), 1):
        name = job.files[0]
        assert job.lines is not None
        result = reached_lines.read_traced(ROOT, name, job.lines, ended.cpu_seconds, ended.failed)
        job.lines.unlink(missing_ok=True)
        result.save(paths[name])
        reached[name] = result
        print(f"  measured {number} of {len(new)}: {name}, {ended.seconds:.0f} s {ended.failed}", flush=True)
    return {name: value for name, value in reached.items() if value is not None}


def _emptied(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


def try_all(
    folder: Path, trees: Sequence[Tree], changes: Sequence[Change], reached: Mapping[str, Reached]
) -> Iterator[Result]:
    """Runs the tests on each change."""
    reaching = Reaching(ROOT, {name: value for name, value in reached.items() if not value.failed})
    jobs, changed = list[Job](), dict[int, Change]()
    for number, change in enumerate(changes):
        if files := reaching.files(change.point):
            limit = _SECONDS + _TIMES * max(reached[name].seconds for name in files)
            job = Job(
                files, folder / f"change-{number}.log", limit, edit=(change.point.module, change.source)
            )
            changed[id(job)] = change
            jobs.append(job)
        else:
            yield Result(change, "", 0, 0)
    for job, ended in forked_tests.run_all(trees, jobs):
        yield Result(changed[id(job)], ended.failed, len(job.files), ended.seconds)


def run(options: argparse.Namespace) -> int:
    """Measures, tries and prints; the exit code."""
    folder = ROOT / "build" / "mutants"
    folder.mkdir(parents=True, exist_ok=True)
    forked_tests.import_libraries()
    trees = [Tree(folder / f"tree-{number}", ROOT) for number in range(options.jobs)]
    files = [
        str(path.relative_to(ROOT)) for top in _TESTS for path in sorted((ROOT / top).rglob("test_*.py"))
    ]
    reached = measure(folder, trees, files)
    for name in (name for name, value in reached.items() if value.failed):
        print(f"{name} is left out: without any change, {reached[name].failed} fails", flush=True)
    modules = [name for name in mutations.eligible_modules(ROOT) if name.startswith(options.only)]
    drawn = draw(mutations.choose(ROOT, modules, options.seed), options.changes, load_equivalent(_EQUIVALENT))
    results = list(_shown(try_all(folder, trees, drawn.tried, reached), len(drawn.tried)))
    print("\n".join(report(results, drawn.equivalent)))
    num_found = sum(bool(result.failed) for result in results)
    print(f"seed {options.seed}: {num_found} of {len(results)} changes were found, {options.least} must be")
    return 0 if num_found >= options.least else 1


def _shown(results: Iterator[Result], count: int) -> Iterator[Result]:
    """Prints each result, and the time that is left."""
    began = time.monotonic()
    for number, result in enumerate(results, 1):
        left = (time.monotonic() - began) / number * (count - number) / 60
        what = f"found by {result.failed}" if result.failed else f"NOT FOUND by {result.num_files} files"
        print(f"{number:3} of {count}, {left:3.0f} min left: {result.change}", flush=True)
        print(f"      {what}, {result.seconds:.0f} s", flush=True)
        yield result


def report(results: Sequence[Result], equivalent: Sequence[tuple[Change, str]]) -> Iterator[str]:
    """Survivors, what changes nothing, and shares by kind and folder."""
    survivors = sorted(str(result.change) for result in results if not result.failed)
    yield "\nNot found:"
    yield from survivors
    if equivalent:
        yield "\nDrawn and not counted, because nobody could see the change:"
        yield from (f"{change}\n    {reason}" for change, reason in equivalent)
    yield ""
    for group in (
        lambda change: change.point.kind,
        lambda change: "/".join(change.point.module.split("/")[:2]),
    ):
        every = collections.Counter(group(result.change) for result in results)
        num_found = collections.Counter(group(result.change) for result in results if result.failed)
        yield ", ".join(f"{name} {num_found[name]} of {count}" for name, count in every.most_common())


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the changes; default %(default)s")
    parser.add_argument("--changes", type=int, default=100, help="that are tried; default %(default)s")
    parser.add_argument("--least", type=int, default=85, help="that must be found; default %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="changes at once; default %(default)s")
    parser.add_argument("--only", default="", help="modules whose path begins so")
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
