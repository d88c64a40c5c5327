"""The convenience copies beside verdict.json: of the verdict that stands, or not there.

Old ones are removed before a verdict is committed and new ones written after it, so that whoever dies where
leaves no copy that is older than verdict.json.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import globs, paths
from trueserve.transforms.runs import run_ids
from trueserve.transforms.runs.run_ids import VERDICT

REPORT, INDEX = "report.html", "index.html"
#: The names that copies have: one that the verdict does not name is an earlier verdict's.
COPIES = frozenset(
    {
        REPORT,
        INDEX,
        "anomalies.pbtxt",
        "positions.json",
        "prediction_anomalies.pbtxt",
        "prediction_slices.binpb",
        "prediction_stats.binpb",
        "slices.binpb",
        "stats.binpb",
        "transformed_anomalies.pbtxt",
        "transformed_slices.binpb",
        "transformed_stats.binpb",
    }
)

Write = Callable[[str, bytes], None]
Artifacts = Mapping[str, Mapping[str, Any]]


def remove(root: str, keep: Artifacts | None = None) -> None:
    """Deletes the copies in `root` but for the names in `keep`; one that cannot be deleted stays."""
    for name in sorted(COPIES - (keep or {}).keys()):
        with contextlib.suppress(InputError):
            paths.delete_file(paths.join(root, name))


def write(root: str, artifacts: Artifacts, write_file: Write) -> None:
    """Makes copies of the artifacts; one that cannot be written is missing."""
    for name, artifact in artifacts.items():
        # Files in folders (rejects) may hold much and are read through verdict.json alone.
        if "/" not in name:
            with contextlib.suppress(InputError, OSError):
                write_file(paths.join(root, name), paths.read_bytes(paths.join(root, artifact["path"])))


def wrong(root: str, artifacts: Artifacts) -> list[str]:
    """Names of copies in `root` that are missing, or another verdict's (by size, the report by digest)."""
    try:
        sizes = {file.path.rsplit("/", 1)[-1]: file.bytes for file in globs.matching([root])}
    except InputError:
        sizes = {}
    due = {name: artifact for name, artifact in artifacts.items() if "/" not in name}
    differ = {name for name, artifact in due.items() if sizes.get(name) != artifact.get("bytes")}
    if REPORT in due and not _is_copy(root, REPORT, due[REPORT]):
        differ.add(REPORT)
    return sorted(differ | (COPIES & sizes.keys() - due.keys()))


def report(root: str, artifacts: Artifacts) -> str:
    """Where the report of a verdict lies: beside verdict.json, or where that is another's, with its run."""
    artifact = artifacts.get(REPORT)
    if artifact is None or _is_copy(root, REPORT, artifact):
        return paths.join(root, REPORT)
    return paths.join(root, artifact["path"])


def _is_copy(root: str, name: str, artifact: Mapping[str, Any]) -> bool:
    try:
        data = paths.read_bytes(paths.join(root, name))
    except InputError:
        return False
    return hashlib.sha256(data).hexdigest() == artifact.get("sha256")


def record(root: str, document: bytes | None, write: Write = paths.write_atomically) -> None:
    """Leaves a committed verdict with its attempt, unless it is there; not being able to fails nothing."""
    if document is None or (attempt := run_ids.attempt_in(document)) is None:
        return
    path = paths.join(root, run_ids.RUNS, attempt, VERDICT)
    with contextlib.suppress(InputError, OSError):
        if not paths.exists(path):
            write(path, document)
