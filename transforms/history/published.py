"""The figures of each window below an output folder: of the runs that were committed the last one's."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Window
from trueserve.transforms.files import paths
from trueserve.transforms.history.table import table
from trueserve.transforms.runs import published_runs
from trueserve.transforms.runs.run_ids import RUNS, VERDICT, attempt_of
from trueserve.transforms.runs.run_order import sorted_runs

#: Below it each window has an output folder of its own, where a schedule of windows writes them.
WINDOWS = "windows"
_READERS = 8
_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclasses.dataclass(frozen=True)
class CommittedRun:
    """A run whose verdict stands.

    Attributes:
      name: of its attempt; sorts by the time of the run.
      replaces: the name of the run whose verdict.json its own took the place of.
      figures: the rows of its window, as `table` makes them.
    """

    name: str
    replaces: str | None
    window: Window
    figures: pa.Table


@dataclasses.dataclass(frozen=True)
class Published:
    """What stands below an output folder.

    Attributes:
      figures: by window, in the order of time.
      broken: files that are called verdict.json and are not what `validate` writes.
    """

    figures: Mapping[Window, pa.Table]
    broken: Sequence[str] = ()


def read(output: str) -> Published:
    """Reads the verdicts below `output`: those of its own runs, or those in `windows/` where it has these.

    An attempt that has no verdict.json was not committed, and is not read.

    Raises:
      InputError: the folder cannot be listed.
    """
    files = _window_files(output) or _run_files(output)
    with ThreadPoolExecutor(_READERS) as readers:
        entries = dict(zip(files, readers.map(_read, files), strict=True))
    broken = [file for file, run in entries.items() if run is None and paths.exists(file)]
    standing = entries.get(paths.join(output, VERDICT))
    runs = {run.name: run for run in entries.values() if run is not None}
    return Published(_last_of_each(runs.values(), standing.name if standing else None), broken)


def _window_files(output: str) -> list[str]:
    base = paths.join(output, WINDOWS)
    files = (name.replace("\\", "/").split("/") for name in paths.list_files(base))
    return [paths.join(base, *parts) for parts in files if len(parts) == 2 and parts[1] == VERDICT]


def _run_files(output: str) -> list[str]:
    """That of the output folder is of the last run, whose publisher may have died before it was copied."""
    names = published_runs.run_names(output)
    return [*(paths.join(output, RUNS, name, VERDICT) for name in names), paths.join(output, VERDICT)]


def _read(file: str) -> CommittedRun | None:
    """None for what is no verdict."""
    document = published_runs.read_verdict(file)
    if document is None:
        return None
    folder = file.removesuffix(f"/{VERDICT}")
    run = published_runs.run_of(folder, attempt_of(document) or folder, document)
    try:
        return None if run is None else CommittedRun(run.name, run.replaces, run.window, table([document]))
    except ValueError:
        return None


def _last_of_each(runs: Iterable[CommittedRun], standing: str | None) -> dict[Window, pa.Table]:
    """Of each window the figures of the run that was published last."""
    last = {run.window: run.figures for run in sorted_runs(runs, standing)}
    return {window: last[window] for window in sorted(last, key=_time_order)}


def _time_order(window: Window) -> tuple[dt.datetime, dt.datetime]:
    return window.start or _FIRST, window.end or _FIRST
