"""Runs that were published, read back: what their verdicts say, and the files that they left.

What is read here may have been written by anybody: it is bounded, checked, and left out where it is not what
a run writes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.protobuf.message import DecodeError

from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import explained
from trueserve.transforms.runs import window_summary
from trueserve.transforms.runs.run_ids import ATTEMPT, RUNS, VERDICT, attempt_of
from trueserve.transforms.runs.series import WINDOWS
from trueserve.transforms.runs.window_summary import WindowSummary
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.incidents import recorded
from trueserve.transforms.verdict.incidents.incident import Incident
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.result import READABLE

WINDOW_SUMMARY = "positions.json"
_READERS = 8
_LARGEST = 256 << 20  # bytes of a verdict or of positions
_LARGEST_STATISTICS = 2 << 30
_EXAMINED = ("ok", "skew")

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class PublishedRun:
    """A published run.

    Attributes:
      folder: where its files lie; `name` is that folder's own name, and sorts by the time of the run.
      replaces: the name of the run whose verdict.json its own took the place of.
      outcome: its verdict.
      baseline, graph: which baseline and which transform graph it compared with (`identity`, `graph_of`).
      incidents: those that it published; none of older runs.
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
    incidents: tuple[Incident, ...] = ()

    @property
    def is_examined(self) -> bool:
        return self.outcome in _EXAMINED


class UnreadableError(Exception):
    """A file of an earlier run has gone, or is not what its verdict says."""


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


def load_statistics(run: PublishedRun, space: Space) -> Statistics:
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


def load_summary(run: PublishedRun) -> WindowSummary:
    """Raises UnreadableError where they have gone, or are broken, or are of another window."""
    summary = window_summary.parsed(_checked(run, WINDOW_SUMMARY, _LARGEST))
    if summary is None or summary.window != run.window:
        raise UnreadableError(f"{WINDOW_SUMMARY} is not what a run writes")
    return summary


def _checked(run: PublishedRun, name: str, most: int) -> bytes:
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


def run_names(output: str) -> list[str]:
    """The runs below an output folder, the newest first."""
    files = (name.replace("\\", "/").split("/") for name in paths.list_files(paths.join(output, RUNS)))
    names = {parts[0] for parts in files if parts[1:] == [VERDICT] and ATTEMPT.fullmatch(parts[0])}
    return sorted(names, reverse=True)


def read_runs(output: str, names: Sequence[str]) -> list[PublishedRun | None]:
    """On an object store each read waits for the network, so some are under way at once."""
    folders = [paths.join(output, RUNS, name) for name in names]
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(_in_folder, folders, names))


def _in_folder(folder: str, name: str) -> PublishedRun | None:
    document = read_verdict(paths.join(folder, VERDICT))
    return None if document is None else run_of(folder, name, document)


def current_run(output: str) -> PublishedRun | None:
    """The run whose verdict.json stands below `output`."""
    document = read_verdict(paths.join(output, VERDICT))
    name = attempt_of(document)
    if document is None or name is None:
        return None
    return run_of(paths.join(output, RUNS, name), name, document)


def runs_of_series(output: str, names: Sequence[str]) -> list[PublishedRun | None]:
    """The run that stands of each window of a series; None where there is none that examined it."""
    folders = [paths.join(output, WINDOWS, name) for name in names]
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(current_run, folders))


def read_verdict(path: str) -> Json | None:
    data = _read(path, _LARGEST)
    try:
        document = None if data is None else json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("format") in READABLE else None


def run_of(folder: str, name: str, document: Json) -> PublishedRun | None:
    """None where the document is no verdict."""
    window, outcome = window_summary.parsed_window(document.get("window")), document.get("verdict")
    contract, artifacts = document.get("contract"), document.get("artifacts")
    if window is None or not isinstance(outcome, str) or not isinstance(artifacts, dict):
        return None
    wanted = (WINDOW_SUMMARY, *(statistics_name(space) for space in Space))
    files = {name: file for name in wanted if (file := _file(artifacts.get(name))) is not None}
    replaces = document.get("replaces")
    replaces = replaces if isinstance(replaces, str) and ATTEMPT.fullmatch(replaces) else None
    return PublishedRun(
        folder,
        name,
        window,
        outcome,
        identity(contract),
        graph_of(contract),
        files,
        replaces,
        recorded.parsed(document),
    )


def _file(entry: Any) -> tuple[int, str] | None:
    size, digest = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
    known = isinstance(size, int) and size >= 0 and isinstance(digest, str)
    return (size, digest) if known else None  # type: ignore[return-value]


def folder_of(path: str, document: Json) -> tuple[str, str]:
    """The run's own folder and its name: that of the verdict, or one below `runs`, as its files say.

    Of what the document says only a name is taken: it cannot lead elsewhere.
    """
    folder = path.rstrip("/").rpartition("/")[0] or "."
    if (name := attempt_of(document)) is None:
        return folder, folder.rsplit("/", 1)[-1]
    below = paths.join(folder, RUNS, name)
    return (below if paths.exists(below) else folder), name
