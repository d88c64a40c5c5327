"""Earlier runs below an output folder, cut down to what their successors show of them: trends, and the index.

They are read at launch and go with the graph, so they are few, small and packed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.runs.published_runs import Json, read_verdict, run_names
from trueserve.transforms.runs.run_ids import RUNS, VERDICT

#: The newest runs that are read, and the features of each that are kept, the most over their limit first.
MOST_RUNS, MOST_FEATURES = 90, 300
_READERS = 8
_LARGEST = 64 << 20
_KEYS = ("format", "verdict", "exit_code", "window", "counts")
_OF_INCIDENTS = ("id", "kind", "title", "severity", "state", "since", "findings")
_OF_FEATURES = ("space", "feature", "effect", "least_effect", "p_value", "missing_share", "unseen_share")
_OF_FINDINGS = ("space", "feature", "kind", "severity", "slice")
_OF_EVIDENCE = ("effect", "least_effect")


def read(output: str) -> bytes:
    """The newest runs below `output`, packed. Raises UsageError where the folder cannot be read."""
    try:
        names = run_names(output)[:MOST_RUNS]
    except InputError as error:
        raise UsageError(f"cannot read the earlier runs: {error}") from error
    files = [paths.join(output, RUNS, name, VERDICT) for name in names]
    with ThreadPoolExecutor(_READERS) as readers:
        documents = list(readers.map(read_verdict, files))
    known = [(name, cut(each)) for name, each in zip(names, documents, strict=True) if each is not None]
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
