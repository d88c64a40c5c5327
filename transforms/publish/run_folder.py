"""The output folder, and how a verdict gets there whole or not at all.

    OUTPUT/verdict.json                    the commit point: one object write
    OUTPUT/runs/ATTEMPT/...                the files that verdict.json names, and a copy of itself
    OUTPUT/report.html, anomalies.pbtxt    convenience copies of the committed attempt's files
    OUTPUT/failed/                         the same three, for runs that failed

A runner may run the publishing step twice, even at once. Each attempt writes into a folder of its own and
never changes one that exists, so whatever verdict.json names stays as it was, whichever attempt dies
where, and the last commit wins.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

from transforms import paths
from transforms.verdict.verdict import Artifact, Outcome, Verdict

VERDICT = "verdict.json"
FAILED = "failed"
RUNS = "runs"
_RUN_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_REFRESHES = 5

# The names that convenience copies have: one that the verdict does not name is an earlier verdict's.
COPIES = frozenset(
    {
        "report.html",
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


def new_run_id() -> str:
    """An id for one run of the job; ids sort by time (UTC, to the second)."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"


def publish(
    output: str,
    verdict: Verdict,
    files: Mapping[str, bytes],
    run_id: str | None = None,
    write: Write = paths.write_atomically,
) -> Verdict:
    """Publishes one attempt's verdict and files; afterwards OUTPUT/verdict.json names exactly these.

    Args:
      output: folder, on any file system.
      verdict: without artifacts. `failed` goes below OUTPUT/failed and replaces no other verdict.
      files: content by name relative to the attempt's folder, `/` between folders.
      run_id: shared by all attempts of one run, so that its launcher can find the verdict; each attempt
        adds a part of its own.
      write: writes one file in one piece; tests put a dying one here.

    Returns the verdict as published: with artifacts {name: {path, bytes, sha256}}, each path relative to
    the folder in which verdict.json lies. Raises InputError when a file cannot be written.
    """
    root = root_of(output, verdict.outcome)
    attempt = f"{RUNS}/{_checked_id(run_id or new_run_id())}-{uuid.uuid4().hex[:12]}"
    published = verdict.with_artifacts(_artifacts(attempt, files))
    document = to_bytes(published.to_json())
    for name, data in {**files, VERDICT: document}.items():
        write(paths.join(root, attempt, name), data)
    write(paths.join(root, VERDICT), document)
    refresh_copies(root, write)
    return published


def root_of(output: str, outcome: Outcome) -> str:
    """The folder whose verdict.json a verdict of this outcome becomes."""
    return paths.join(output, FAILED) if outcome == Outcome.FAILED else output


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """verdict.json as bytes: UTF-8, indented, the same for the same content; NaN and infinity are null."""
    text = json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair in a stranger's text has no UTF-8; its escape is good JSON.
    return (text + "\n").encode("utf-8", "backslashreplace")


def read_verdict(root: str) -> dict[str, Any] | None:
    """What `root`/verdict.json holds; None if there is none, or a file that `publish` has not written.

    Raises InputError when it cannot be read.
    """
    path = paths.join(root, VERDICT)
    return _verdict_in(path) if paths.exists(path) else None


def find_run(output: str, run_id: str) -> tuple[str, dict[str, Any]] | None:
    """The folder and the content of the verdict that the run published, ordinary or failed.

    It is found even when another run has committed since: an attempt keeps a copy of its verdict.
    Returns None when the run has published nothing.
    """
    roots = (output, paths.join(output, FAILED))
    for root in roots:
        current = read_verdict(root)
        if current is not None and any(_is_of(run_id, a["path"]) for a in current["artifacts"].values()):
            return root, current
    for root in roots:
        names = paths.list_files(paths.join(root, RUNS))
        for name in (n for n in names if _is_of(run_id, f"{RUNS}/{n}") and n.split("/")[1:] == [VERDICT]):
            if (kept := _verdict_in(paths.join(root, RUNS, name))) is not None:
                return root, kept
    return None


def refresh_copies(root: str, write: Write = paths.write_atomically) -> None:
    """Makes the files beside verdict.json copies of those that it names, and deletes older copies.

    Of two publishers at once either may have the last word; so each looks again when it is done, and
    begins anew if the other has committed meanwhile. What a publisher that dies here leaves behind, the
    next one mends. A verdict.json of a stranger's changes nothing.
    """
    for _ in range(_REFRESHES):
        current = read_verdict(root)
        if current is None:
            return
        _refresh(root, current["artifacts"], write)
        if (read_verdict(root) or current)["artifacts"] == current["artifacts"]:
            return


def _refresh(root: str, artifacts: Mapping[str, Any], write: Write) -> None:
    # Old ones first: beside a new verdict yesterday's anomalies mislead more than none.
    for name in sorted(COPIES - artifacts.keys()):
        paths.delete_file(paths.join(root, name))
    for name, artifact in artifacts.items():
        # Files in folders (rejects) may hold much and are read through verdict.json alone.
        if "/" not in name:
            write(paths.join(root, name), paths.read_bytes(paths.join(root, artifact["path"])))


def _verdict_in(path: str) -> dict[str, Any] | None:
    """The verdict in a file; None where the file holds something else, or is cut short."""
    try:
        document = json.loads(paths.read_bytes(path))
    except (ValueError, RecursionError):
        return None
    artifacts = document.get("artifacts") if isinstance(document, dict) else None
    if not isinstance(artifacts, dict) or not all(map(_is_artifact, artifacts.values())):
        return None
    return cast(dict[str, Any], document)


def _is_artifact(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("path"), str)


def _artifacts(attempt: str, files: Mapping[str, bytes]) -> dict[str, Artifact]:
    return {
        _checked_name(name): Artifact(f"{attempt}/{name}", len(data), hashlib.sha256(data).hexdigest())
        for name, data in files.items()
    }


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def _is_of(run_id: str, path: str) -> bool:
    """Whether the path, relative to its root, lies in the folder of one of the run's attempts."""
    return re.match(rf"{RUNS}/{re.escape(run_id)}-[0-9a-f]{{12}}/", path) is not None


def _checked_name(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or str(path) != name or name == VERDICT:
        raise ValueError(f"no name for a published file: {name!r}")
    return name


def _checked_id(run_id: str) -> str:
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"a run id is letters, digits, dots and dashes: {run_id!r}")
    return run_id
