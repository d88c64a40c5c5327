"""Earlier runs under an output folder: which one to compare with, and what they left to be read.

Runs are chosen at launch, from their copies of verdict.json alone; the last step of the graph reads their
statistics. What is read here may have been written by anybody: it is bounded, checked, and left out where it
is not what a run writes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.protobuf.message import DecodeError

from transforms.core.batches import Window
from transforms.core.errors import InputError, UsageError
from transforms.files import paths
from transforms.files.file_systems import explained
from transforms.runs import window_summary
from transforms.runs.alike import alike, same_time_of_day
from transforms.runs.run_ids import ATTEMPT, RUNS, VERDICT, attempt_of
from transforms.runs.run_order import ordered
from transforms.runs.window_summary import WindowSummary
from transforms.verdict.feature_stats import Statistics
from transforms.verdict.model import Space
from transforms.verdict.result import FORMAT

AUTO = "auto"
POSITIONS = "positions.json"
#: Of the runs under an output folder no more than the newest are looked at, and so many windows kept.
MOST_RUNS, MOST_WINDOWS = 400, 30
_AT_A_TIME, _READERS = 40, 8
_LARGEST = 256 << 20  # bytes of a verdict or of positions
_LARGEST_STATISTICS = 2 << 30
_EXAMINED = ("ok", "skew")

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Run:
    """A published run.

    Attributes:
      folder: where its files lie; `name` is that folder's own name, and sorts by the time of the run.
      replaces: the name of the run whose verdict.json its own took the place of.
      outcome: its verdict.
      baseline, graph: which baseline and which transform graph it compared with (`identity`, `graph_of`).
      files: size in bytes and SHA-256 of its statistics and positions, by name.
    """

    folder: str
    name: str
    window: Window
    outcome: str
    baseline: str | None = None
    graph: str | None = None
    files: Mapping[str, tuple[int, str]] = dataclasses.field(default_factory=dict)
    replaces: str | None = None

    @property
    def is_examined(self) -> bool:
        return self.outcome in _EXAMINED


@dataclasses.dataclass(frozen=True)
class PreviousRuns:
    """What a run is to be compared with beside training.

    Attributes:
      previous: None where there is no earlier run.
      history: earlier windows that are comparable, in the order of time.
      broken: runs whose verdict could not be read.
      left_out: older runs that were not looked at, where none of the newer ones is `previous`.
    """

    previous: Run | None = None
    history: tuple[Run, ...] = ()
    broken: int = 0
    left_out: int = 0


class UnreadableError(Exception):
    """A file of an earlier run has gone, or is not what its verdict says."""


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


def _latest(output: str, window: Window, contract: Json | None) -> PreviousRuns:
    """What `auto` means."""
    runs_read: list[Run] = []
    all_names, standing = _names(output), _standing(output)
    last = standing.name if standing else None
    if standing is not None and last not in all_names and paths.exists(standing.folder):
        runs_read.append(standing)  # its publisher died before it left a copy there
    broken, chosen = 0, choose(runs_read, window, identity(contract), last)
    names = all_names[:MOST_RUNS]
    for at in range(0, len(names), _AT_A_TIME):
        runs = _read_all(output, names[at : at + _AT_A_TIME])
        broken += sum(run is None for run in runs)
        runs_read += [run for run in runs if run is not None]
        chosen = choose(runs_read, window, identity(contract), last)
        if _is_complete(chosen, window):
            break
    left_out = len(all_names) - len(names) if chosen.previous is None else 0
    return dataclasses.replace(chosen, broken=broken, left_out=left_out)


def choose(
    runs: Iterable[Run], window: Window, baseline: str | None, standing: str | None = None
) -> PreviousRuns:
    """Of the runs that examined anything the last before `window`, and those that make a history with it.

    `standing` is the name of the run whose verdict.json stands: no other was published later.
    """
    known = [run for run in ordered(runs, standing) if run.is_examined]
    return PreviousRuns(_last(known, window), _history(known, window, baseline))


def _last(runs: Sequence[Run], window: Window) -> Run | None:
    """The run whose window ended last, at or before this one's start; of several the one published last.

    `runs` are in the order of their publication.

    Where several ended then, one of about this window's length goes first. A window without a start has none
    before it: then it is the run that was published last.
    """
    start = window.start
    if start is None:
        return runs[-1] if runs else None
    before = [
        (run.window.end, alike(run.window, window), at)
        for at, run in enumerate(runs)
        if run.window.end is not None and run.window.end <= start
    ]
    return runs[max(before)[-1]] if before else None


def _history(runs: Sequence[Run], window: Window, baseline: str | None) -> tuple[Run, ...]:
    """Windows of the same baseline and about the same length, none of which overlaps another.

    From this window backwards; of reruns the one published last. Windows shorter than a day must begin at
    the same time of day as this one: a day's round is no drift.
    """
    limit, chain = window.start, list[Run]()
    comparable = [
        (run.window.end, at, run.window.start, run)
        for at, run in enumerate(runs)
        if run.baseline == baseline and run.window.end and run.window.start and alike(run.window, window)
    ]
    for end, _, start, run in sorted(comparable, key=lambda entry: entry[:2], reverse=True):
        if limit is not None and end <= limit and same_time_of_day(run.window, window):
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
    windows = [run.window for run in chosen.history] + [window]
    gapless = all(before.end == after.start for before, after in itertools.pairwise(windows))
    return gapless and len(chosen.history) == MOST_WINDOWS and alike(chosen.previous.window, window)


def identity(contract: Json | None) -> str | None:
    """A digest that tells baselines apart, None without a contract (or for what is none)."""
    digests = contract.get("digests") if isinstance(contract, Mapping) else None
    if contract is None or not isinstance(digests, Mapping):
        return None
    identifying = (contract.get("created"), digests.get("graph"), contract.get("num_examples"))
    return hashlib.sha256(repr(identifying).encode("utf-8", "backslashreplace")).hexdigest()


def graph_of(contract: Json | None) -> str | None:
    """The digest of a contract's transform graph."""
    digests = contract.get("digests") if isinstance(contract, Mapping) else None
    graph = digests.get("graph") if isinstance(digests, Mapping) else None
    return graph if isinstance(graph, str) else None


def statistics_name(space: Space) -> str:
    """The file with the statistics of a space."""
    return "stats.binpb" if space is Space.RAW else f"{space}_stats.binpb"


def load_statistics(run: Run, space: Space) -> Statistics:
    """Raises UnreadableError where they have gone, or are broken."""
    data = _checked(run, statistics_name(space), _LARGEST_STATISTICS)
    try:
        statistics = Statistics.FromString(data)
    except DecodeError as error:
        raise UnreadableError(f"{statistics_name(space)} is not a DatasetFeatureStatisticsList") from error
    if len(statistics.datasets) != 1:
        count = len(statistics.datasets)
        raise UnreadableError(f"{statistics_name(space)} has {count} data sets; expected 1")
    return statistics


def load_summary(run: Run) -> WindowSummary:
    """Raises UnreadableError where they have gone, or are broken, or are of another window."""
    summary = window_summary.parsed(_checked(run, POSITIONS, _LARGEST))
    if summary is None or summary.window != run.window:
        raise UnreadableError(f"{POSITIONS} is not what a run writes")
    return summary


def _checked(run: Run, name: str, most: int) -> bytes:
    """A file's content, if it is what the run's verdict says of it."""
    size, digest = run.files.get(name, (most + 1, ""))
    data = _read(paths.join(run.folder, name), size) if size <= most else None
    if data is None or len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise UnreadableError(f"{name} is missing, or not the file that the run's verdict names")
    return data


def _read(path: str, most: int) -> bytes | None:
    """A file's content; None where it cannot be read, or is longer than `most` bytes."""
    try:
        if not paths.is_plain(path):  # a pipe would be waited for
            return None
        with paths.open_stored(path) as stream, explained("read", path):
            data = stream.read(most + 1)
    except (InputError, OSError):
        return None
    return data if len(data) <= most else None


def _names(output: str) -> list[str]:
    """The runs below an output folder, the newest first."""
    files = (name.replace("\\", "/").split("/") for name in paths.list_files(paths.join(output, RUNS)))
    names = {parts[0] for parts in files if parts[1:] == [VERDICT] and ATTEMPT.fullmatch(parts[0])}
    return sorted(names, reverse=True)


def _read_all(output: str, names: Sequence[str]) -> list[Run | None]:
    """On an object store each read waits for the network, so some are under way at once."""
    folders = [paths.join(output, RUNS, name) for name in names]
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(_in_folder, folders, names))


def _in_folder(folder: str, name: str) -> Run | None:
    document = _document(paths.join(folder, VERDICT))
    return None if document is None else _run(folder, name, document)


def _standing(output: str) -> Run | None:
    """The run whose verdict.json stands below `output`."""
    document = _document(paths.join(output, VERDICT))
    name = attempt_of(document)
    if document is None or name is None:
        return None
    return _run(paths.join(output, RUNS, name), name, document)


def _document(path: str) -> Json | None:
    data = _read(path, _LARGEST)
    try:
        document = None if data is None else json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("format") == FORMAT else None


def _run(folder: str, name: str, document: Json) -> Run | None:
    """None where the document is no verdict."""
    window, outcome = window_summary.parsed_window(document.get("window")), document.get("verdict")
    contract, artifacts = document.get("contract"), document.get("artifacts")
    if window is None or not isinstance(outcome, str) or not isinstance(artifacts, dict):
        return None
    wanted = (POSITIONS, *(statistics_name(space) for space in Space))
    files = {name: file for name in wanted if (file := _file(artifacts.get(name))) is not None}
    replaces = document.get("replaces")
    replaces = replaces if isinstance(replaces, str) and ATTEMPT.fullmatch(replaces) else None
    return Run(folder, name, window, outcome, identity(contract), graph_of(contract), files, replaces)


def _file(entry: Any) -> tuple[int, str] | None:
    size, digest = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
    known = isinstance(size, int) and size >= 0 and isinstance(digest, str)
    return (size, digest) if known else None  # type: ignore[return-value]


def _named(requested: str, output: str) -> Run:
    """The run that a folder, a verdict.json, an output folder or a run id means."""
    for path in _verdict_paths(requested, output) if requested else ():
        document = _document(path)
        if document is None:
            continue
        folder, name = _folder_of(path, document)
        run = _run(folder, name, document)
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
    yield paths.join(requested, VERDICT)
    if "/" not in requested:
        names = [name for name in _names(output) if name == requested or name.startswith(f"{requested}-")]
        yield from (paths.join(output, RUNS, name, VERDICT) for name in names)


def _folder_of(path: str, document: Json) -> tuple[str, str]:
    """The run's own folder and its name: that of the verdict, or one below `runs`, as its files say.

    Of what the document says only a name is taken: it cannot lead elsewhere.
    """
    folder = path.rstrip("/").rpartition("/")[0] or "."
    if (name := attempt_of(document)) is None:
        return folder, folder.rsplit("/", 1)[-1]
    below = paths.join(folder, RUNS, name)
    return (below if paths.exists(below) else folder), name
