"""Earlier runs below an output folder, cut down to what their successors show of them: trends, and the index.

They are read at launch and go with the graph, so they are few, small and packed.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.runs.previous_runs import last_alike
from trueserve.transforms.runs.published_runs import (
    Json,
    PublishedRun,
    current_run,
    read_verdict,
    run_names,
    run_of,
)
from trueserve.transforms.runs.run_ids import RUNS, VERDICT, attempt_of
from trueserve.transforms.runs.series import WINDOWS, names_before, series_of
from trueserve.transforms.verdict.incidents.incident import Incident

#: The newest runs that are read, and the features of each that are kept, the most over their limit first.
MOST_RUNS, MOST_FEATURES = 90, 300
#: The newest runs among which the window before is looked for.
MOST_READ = 400
_READERS = 8
_LARGEST = 64 << 20
_KEYS = ("format", "verdict", "exit_code", "window", "counts")
_OF_INCIDENTS = ("id", "kind", "title", "severity", "state", "since", "findings")
_OF_FEATURES = ("space", "feature", "effect", "least_effect", "p_value", "missing_share", "unseen_share")
_OF_FINDINGS = ("space", "feature", "kind", "severity", "slice")
_OF_EVIDENCE = ("effect", "least_effect")


@dataclasses.dataclass(frozen=True)
class PastRuns:
    """What a run has of those before it.

    Attributes:
      packed: the newest runs, for `unpacked`.
      incidents: those of the last window of about the same length that was examined; none without one.
      in_series: whether they are windows of a series, which has an index of its own.
    """

    packed: bytes = b""
    incidents: tuple[Incident, ...] = ()
    in_series: bool = False


def read(output: str, window: Window) -> PastRuns:
    """Reads the runs below `output`, the newest first, until the window before `window` is there.

    If `output` is the folder of a window in a series, these are the windows before it, as they stand.

    Raises UsageError where the folder cannot be read.
    """
    if (series := series_of(output)) is not None:
        return _read_series(series[0], window)
    try:
        names, standing = run_names(output)[:MOST_READ], current_run(output)
    except InputError as error:
        raise UsageError(f"cannot read the earlier runs: {error}") from error
    packed, runs, last = b"", list[PublishedRun](), None
    for at in range(0, len(names), MOST_RUNS):
        documents = _documents(output, names[at : at + MOST_RUNS])
        packed = packed or _packed(documents)
        runs += _runs(output, documents)
        last = last_alike(runs, window, standing.name if standing else None)
        if last is not None and (window.start is None or last.window.end == window.start):
            break
    return PastRuns(packed, () if last is None else last.incidents)


def _read_series(output: str, window: Window) -> PastRuns:
    try:
        names = names_before(output, window.start)[:MOST_READ]
    except InputError as error:
        raise UsageError(f"cannot read the earlier windows: {error}") from error
    packed, runs, last = b"", list[PublishedRun](), None
    for at in range(0, len(names), MOST_RUNS):
        documents = _documents(output, names[at : at + MOST_RUNS], WINDOWS)
        packed = packed or _packed(documents)
        for document in documents.values():
            # Only its window, outcome and incidents are looked at: where its files lie is of no use here.
            if (run := run_of(output, attempt_of(document) or "", document)) is not None:
                runs.append(run)
        last = last_alike(runs, window)
        if last is not None and last.window.end == window.start:
            break
    return PastRuns(packed, () if last is None else last.incidents, in_series=True)


def _documents(output: str, names: Sequence[str], parent: str = RUNS) -> dict[str, Json]:
    files = [paths.join(output, parent, name, VERDICT) for name in names]
    with ThreadPoolExecutor(_READERS) as readers:
        documents = list(readers.map(read_verdict, files))
    return {name: each for name, each in zip(names, documents, strict=True) if each is not None}


def _runs(output: str, documents: Mapping[str, Json]) -> Iterator[PublishedRun]:
    for name, document in documents.items():
        if (run := run_of(paths.join(output, RUNS, name), name, document)) is not None:
            yield run


def _packed(documents: Mapping[str, Json]) -> bytes:
    known = [(name, cut(document)) for name, document in documents.items()]
    return zlib.compress(json.dumps(known).encode()) if known else b""


def unpacked(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """The name of each run's folder, and its document as `cut` leaves it."""
    if not data:
        return []
    text = zlib.decompressobj().decompress(data, _LARGEST)
    return [(name, document) for name, document in json.loads(text)]


def cut(document: Json) -> dict[str, Any]:
    """What is shown of an earlier run. Anybody may have written it: what is no such list is left out."""
    kept = {key: document[key] for key in _KEYS if key in document}
    features = sorted(_objects(document, "features"), key=_ratio, reverse=True)[:MOST_FEATURES]
    findings = [_finding(each) for each in _objects(document, "findings") if each.get("severity") != "info"]
    return kept | {
        "incidents": _picked(_objects(document, "incidents"), _OF_INCIDENTS),
        "features": _picked(features, _OF_FEATURES),
        "findings": findings[:MOST_FEATURES],
    }


def _objects(document: Json, key: str) -> Sequence[Json]:
    value = document.get(key)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _picked(objects: Iterable[Json], keys: Iterable[str]) -> list[dict[str, Any]]:
    wanted = tuple(keys)
    return [{key: each[key] for key in wanted if key in each} for each in objects]


def _finding(finding: Json) -> dict[str, Any]:
    evidence = finding.get("evidence")
    kept = _picked([evidence], _OF_EVIDENCE)[0] if isinstance(evidence, Mapping) else None
    return _picked([finding], _OF_FINDINGS)[0] | {"evidence": kept}


def _ratio(numbers: Json) -> float:
    try:
        return float(numbers["effect"]) / float(numbers["least_effect"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return 0.0
