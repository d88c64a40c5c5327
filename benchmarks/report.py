"""The measured figures as Markdown: the table, the promises and the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.cases import GRAPH_IMPORTS, IMPORTS, KINDS, NAMES, RAW, Case
from benchmarks.measure import Run
from benchmarks.targets import Results, figures, slope

_PACKAGES = (
    "tensorflow",
    "tensorflow-data-validation",
    "tfx-bsl",
    "tensorflow-transform",
    "apache-beam",
    "pyarrow",
    "numpy",
    "numba",
    "protobuf",
)
_HEADS = ("", "rows", "runs", "s", "CPU s", "peak MB", "rows/s", "MB/s", "us a row", "CPU us a row", "x ours")
_TITLE, _OF_STACK = "# The last full runs of `make bench`", "## "
_NOTES = """\
Every run is a process of its own, and its seconds, CPU and peak memory are those of the whole process,
imports with them; several runs of a case, in turn with those of the others, give the median. *us a row* is
the slope of the wall time from the next smaller size to this one, so that imports do not count; *CPU us a
row* the same of CPU time. *x ours* compares the slopes with that of `trueserve validate --spaces=raw` on the
same data, or the whole runs where there is one size only (marked \\*). Each run must have seen every row, or
it failed.
"""


def table(results: Results, counts: Mapping[Case, int], sizes: Mapping[Case, int]) -> str:
    """One table of all cases; `counts` are runs, `sizes` the bytes of the data."""
    lines = [_line(_HEADS), _line(["---"] + ["---:"] * (len(_HEADS) - 1))]
    for kind in dict.fromkeys(case.kind for case in results):
        lines.append(_line([f"**{KINDS[kind]}**"] + [""] * (len(_HEADS) - 1)))
        of_kind = [case for case in results if case.kind == kind]
        order = list(dict.fromkeys(case.contender for case in of_kind))
        for case in sorted(of_kind, key=lambda case: (order.index(case.contender), case.rows)):
            lines.append(_line(_cells(results, case, counts[case], sizes.get(case, 0))))
    return "\n".join(lines)


def _cells(results: Results, case: Case, count: int, size: int) -> list[str]:
    run, more = results[case], slope(results, case)
    fast = [f"{case.rows / run.seconds:,.0f}", f"{size / run.seconds / 1e6:.1f}"] if case.rows else ["", ""]
    slopes = [f"{more.wall:.2f}", f"{more.cpu:.2f}"] if more else ["", ""]
    figures = [f"{run.seconds:.2f}", f"{run.cpu_seconds:.2f}", f"{run.peak_bytes / 1e6:,.0f}"]
    return [
        NAMES[case.contender],
        f"{case.rows:,}",
        str(count),
        *figures,
        *fast,
        *slopes,
        _ratio(results, case),
    ]


def _ratio(results: Results, case: Case) -> str:
    """How many times as dear as this job with raw features only."""
    if case.contender in (RAW, IMPORTS, GRAPH_IMPORTS):
        return ""
    ours = [c for c in results if c.contender == RAW and c.kind == case.kind and slope(results, c)]
    mine = slope(results, case)
    if mine and ours:
        nearest = slope(results, min(ours, key=lambda c: abs(c.rows - case.rows)))
        return f"{mine.wall / nearest.wall:.1f}" if nearest else ""
    same = results.get(Case(RAW, "narrow" if case.kind == "table" else case.kind, case.rows))
    whole_runs = same is not None and not mine
    return f"{results[case].seconds / same.seconds:.1f}\\*" if whole_runs and same else ""


def promises(results: Results, last: Mapping[str, float]) -> str:
    """The targets with their figures, and those of the last full run where there are any."""
    lines = [_line(["", "promised", "measured", "", "last full run"]), _line(["---", *["---:"] * 4])]
    for text, (target, figure) in figures(results).items():
        sign = "at least" if target.at_least else "at most"
        bound = "" if target.bound is None else f"{sign} {target.bound:g}{target.unit}"
        met = {True: "met", False: "**missed**", None: ""}[target.met(figure)]
        before = f"{last[text]:.2f}{target.unit}" if text in last else ""
        lines.append(_line([text, bound, f"{figure:.2f}{target.unit}", met, before]))
    return "\n".join(lines)


def document(sections: Mapping[str, str]) -> str:
    """The page of the last full runs: a section for each stack."""
    by_stack = [f"{_OF_STACK}{stack}\n\n{section}" for stack, section in sorted(sections.items())]
    return "\n\n".join([_TITLE, _NOTES.strip(), *by_stack]) + "\n"


def sections_of(page: str) -> dict[str, str]:
    """The sections of a page by stack; empty where there is none."""
    _, *sections = ("\n" + page).split(f"\n{_OF_STACK}")
    by_stack = (section.partition("\n") for section in sections)
    return {stack: section.strip() for stack, _, section in by_stack}


def section(parts: Sequence[str], failures: Mapping[Case, str], notes: Iterable[str]) -> str:
    """What a full run says of its stack."""
    lacks = [f"- {describe(case)}: {reason}" for case, reason in failures.items()]
    lacks += [f"- {note}" for note in notes]
    return "\n\n".join(
        [machine(), *parts, *(["What failed, or is missing:", "\n".join(lacks)] if lacks else [])]
    )


def describe(case: Case) -> str:
    """A case in a few words, for progress lines."""
    return f"{case.contender} {case.kind} {case.rows:,}"


def machine() -> str:
    """The processor, memory, system and versions."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    parts = [
        f"{os.cpu_count()} cores ({_processor()})",
        f"{pages / 1e9:.0f} GB of memory",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        *(f"{name} {_version(name)}" for name in _PACKAGES),
        f"commit {_commit()}",
    ]
    return ", ".join(parts) + "."


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _commit() -> str:
    here = Path(__file__).resolve().parent
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    # A copy without the repository, as `.ci/compat` makes one, is told whose copy it is.
    return done.stdout.strip() or os.environ.get("TRUESERVE_COMMIT", "unknown")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def as_runs(taken: Mapping[Case, Sequence[Run]]) -> dict[Case, int]:
    """How many runs each case had."""
    return {case: len(runs) for case, runs in taken.items()}
