"""Earlier runs under an output folder: which one to compare with, and which ones slow drift is sought in.

Runs are chosen at launch, from their copies of verdict.json alone. The last step of the graph reads their
statistics (`published_runs`).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence

from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.runs.published_runs import (
    Json,
    PublishedRun,
    current_run,
    folder_of,
    identity,
    read_runs,
    read_verdict,
    run_names,
    run_of,
    runs_of_series,
)
from trueserve.transforms.runs.run_ids import RUNS, VERDICT
from trueserve.transforms.runs.run_order import sorted_runs
from trueserve.transforms.runs.series import WINDOWS, names_before, parsed_name, series_of

AUTO = "auto"
#: Of the runs under an output folder no more than the newest are looked at, and so many windows kept.
MOST_RUNS, MOST_WINDOWS = 400, 30
_AT_A_TIME = 40
_DAY = dt.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class PreviousRuns:
    """What a run is to be compared with beside training.

    Attributes:
      previous: None where there is no earlier run.
      comparable_runs: earlier windows that are comparable, in the order of time.
      broken: runs whose verdict could not be read.
      left_out: older runs that were not looked at, where none of the newer ones is `previous`.
    """

    previous: PublishedRun | None = None
    comparable_runs: tuple[PublishedRun, ...] = ()
    broken: int = 0
    left_out: int = 0


def find(requested: str, output: str, window: Window, contract: Json | None) -> PreviousRuns:
    """The runs that `--previous=requested` means, for a run of `window` that publishes under `output`.

    Raises:
      UsageError: `requested` names no run, or one that cannot be compared with.
    """
    try:
        is_auto = requested == AUTO
        return _latest(output, window, contract) if is_auto else PreviousRuns(_named(requested, output))
    except InputError as error:
        raise UsageError(f"--previous: {error}") from error


def _latest_in_series(output: str, window: Window, contract: Json | None) -> PreviousRuns:
    """What `auto` means for a window of a series: of the windows before it, the run that stands of each."""
    all_names, runs_read = names_before(output, window.start), list[PublishedRun]()
    names, chosen = all_names[:MOST_RUNS], PreviousRuns()
    for at in range(0, len(names), _AT_A_TIME):
        runs = runs_of_series(output, names[at : at + _AT_A_TIME])
        runs_read += [run for run in runs if run is not None]
        chosen = choose(runs_read, window, identity(contract))
        if _is_complete(chosen, window):
            break
    left_out = len(all_names) - len(names) if chosen.previous is None else 0
    return dataclasses.replace(chosen, left_out=left_out)


def _latest(output: str, window: Window, contract: Json | None) -> PreviousRuns:
    """What `auto` means."""
    if (series := series_of(output)) is not None:
        return _latest_in_series(series[0], window, contract)
    runs_read: list[PublishedRun] = []
    all_names, standing = run_names(output), current_run(output)
    last = standing.name if standing else None
    if standing is not None and last not in all_names and paths.exists(standing.folder):
        runs_read.append(standing)  # its publisher died before it left a copy there
    broken, chosen = 0, choose(runs_read, window, identity(contract), last)
    names = all_names[:MOST_RUNS]
    for at in range(0, len(names), _AT_A_TIME):
        runs = read_runs(output, names[at : at + _AT_A_TIME])
        broken += sum(run is None for run in runs)
        runs_read += [run for run in runs if run is not None]
        chosen = choose(runs_read, window, identity(contract), last)
        if _is_complete(chosen, window):
            break
    left_out = len(all_names) - len(names) if chosen.previous is None else 0
    return dataclasses.replace(chosen, broken=broken, left_out=left_out)


def last_alike(
    runs: Iterable[PublishedRun], window: Window, standing: str | None = None
) -> PublishedRun | None:
    """The run whose window ended last before `window`, of those of about its length; all where it has none.

    Of runs that examined something. `standing` is the name of the run whose verdict.json stands.
    """
    known = [run for run in sorted_runs(runs, standing) if run.is_examined]
    if window.length is not None:
        known = [run for run in known if _of_similar_length(run.window, window)]
    return _last(known, window)


def choose(
    runs: Iterable[PublishedRun], window: Window, baseline: str | None, standing: str | None = None
) -> PreviousRuns:
    """Of the runs that examined anything the last before `window`, and those that make a history with it.

    `standing` is the name of the run whose verdict.json stands: no other was published later.
    """
    known = [run for run in sorted_runs(runs, standing) if run.is_examined]
    return PreviousRuns(_last(known, window), _comparable_runs(known, window, baseline))


def _last(runs: Sequence[PublishedRun], window: Window) -> PublishedRun | None:
    """The run whose window ended last, at or before this one's start; of several the one published last.

    `runs` are in the order of their publication.

    Where several ended then, one of about this window's length goes first. A window without a start has none
    before it: then it is the run that was published last.
    """
    start = window.start
    if start is None:
        return runs[-1] if runs else None
    before = [
        (run.window.end, _of_similar_length(run.window, window), at)
        for at, run in enumerate(runs)
        if run.window.end is not None and run.window.end <= start
    ]
    return runs[max(before)[-1]] if before else None


def _comparable_runs(
    runs: Sequence[PublishedRun], window: Window, baseline: str | None
) -> tuple[PublishedRun, ...]:
    """Windows of the same baseline and about the same length, none of which overlaps another.

    From this window backwards; of reruns the one published last. Windows shorter than a day must begin at
    the same time of day as this one: a day's round is no drift.
    """
    limit, chain = window.start, list[PublishedRun]()
    comparable = [
        (run.window.end, at, run.window.start, run)
        for at, run in enumerate(runs)
        if run.baseline == baseline
        and run.window.end
        and run.window.start
        and _of_similar_length(run.window, window)
    ]
    for end, _, start, run in sorted(comparable, key=lambda entry: entry[:2], reverse=True):
        if limit is not None and end <= limit and _same_time_of_day(run.window, window):
            chain.append(run)
            limit = start
        if len(chain) == MOST_WINDOWS:
            break
    return tuple(reversed(chain))


def _is_complete(chosen: PreviousRuns, window: Window) -> bool:
    """Whether no run published earlier can take the place of any that is chosen.

    So it is where every window ends where the next one starts, since of reruns the newest count.
    """
    if window.start is None:
        return chosen.previous is not None
    if chosen.previous is None or chosen.previous.window.end != window.start:
        return False
    windows = [run.window for run in chosen.comparable_runs] + [window]
    gapless = all(before.end == after.start for before, after in itertools.pairwise(windows))
    return (
        gapless
        and len(chosen.comparable_runs) == MOST_WINDOWS
        and _of_similar_length(chosen.previous.window, window)
    )


def _named(requested: str, output: str) -> PublishedRun:
    """The run that a folder, a verdict.json, an output folder or a run id means."""
    for path in _verdict_paths(requested, output) if requested else ():
        document = read_verdict(path)
        if document is None:
            continue
        folder, name = folder_of(path, document)
        run = run_of(folder, name, document)
        if run is None:
            break
        if not run.is_examined:
            raise UsageError(f"--previous: {path} says {run.outcome!r}; there is nothing to compare with")
        return run
    raise UsageError(
        f"--previous: expected auto, a run's folder, its {VERDICT}, an output folder or the id of a run below"
        f" {output}; no verdict of this format is at {requested!r}"
    )


def _verdict_paths(requested: str, output: str) -> Iterator[str]:
    """Where the verdict may lie, the likeliest first."""
    if requested.rstrip("/").rsplit("/", 1)[-1] == VERDICT:
        yield requested
        return
    if (series := series_of(output)) is not None and parsed_name(requested) is not None:
        yield paths.join(series[0], WINDOWS, requested, VERDICT)
    yield paths.join(requested, VERDICT)
    if "/" not in requested:
        names = [name for name in run_names(output) if name == requested or name.startswith(f"{requested}-")]
        yield from (paths.join(output, RUNS, name, VERDICT) for name in names)


def _of_similar_length(first: Window, second: Window) -> bool:
    """Whether one is half to twice as long as the other."""
    lengths = (first.length, second.length)
    if None in lengths:
        return False
    short, long = sorted(length for length in lengths if length is not None)
    return long <= 2 * short


def _same_time_of_day(first: Window, second: Window) -> bool:
    """Whether two windows begin at the same time of day, or the other is no shorter than a day."""
    length = second.length
    if length is None or length >= _DAY or first.start is None or second.start is None:
        return True
    return not (second.start - first.start) % _DAY
