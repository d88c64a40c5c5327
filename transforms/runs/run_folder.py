"""The atomic commit of a run: `publish` writes a verdict into the output folder, whole or not at all.

    OUTPUT/verdict.json                    the commit point: one object write
    OUTPUT/runs/ATTEMPT/...                the files that verdict.json names
    OUTPUT/runs/ATTEMPT/verdict.json       a copy of it, made once it is committed, and only then
    OUTPUT/report.html, index.html, ...    convenience copies of the committed attempt's files
    OUTPUT/failed/                         the same four, for runs that failed

A runner may run the publishing step twice, even at once. Each attempt writes into a folder of its own and
never changes one that exists, so whatever verdict.json names stays as it was, whichever attempt dies
where, and the last commit wins.

An attempt was committed if OUTPUT/verdict.json names its files, or if it has a verdict.json of its own. Who
replaces a verdict.json first writes the attempt's copy, should its publisher have died before it could.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, cast

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import documents, file_systems, paths
from trueserve.transforms.runs import copies, run_ids
from trueserve.transforms.runs.copies import Write
from trueserve.transforms.runs.run_ids import RUNS, VERDICT
from trueserve.transforms.verdict.result import Artifact, Verdict, VerdictOutcome

FAILED = "failed"
_REFRESHES = 5


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
      write: writes one file in one piece; tests put a failing one here.

    Returns the verdict as published: with artifacts {name: {path, bytes, sha256}}, each path relative to
    the folder in which verdict.json lies, and with the attempt that it replaces. What cannot be written
    after the commit (copies) changes nothing. Raises InputError when the verdict was not committed: then the
    one before it stands.
    """
    root = root_of(output, verdict.outcome)
    attempt = run_ids.new_attempt(run_id or run_ids.new_run_id())
    published = verdict.with_artifacts(_artifacts(f"{RUNS}/{attempt}", files))
    folder = paths.join(root, RUNS, attempt)
    try:
        for name, data in files.items():
            write(paths.join(folder, name), data)
        standing = _standing(root)
        copies.record(root, standing, write)
        published = dataclasses.replace(published, replaces=run_ids.attempt_of(_parsed(standing)))
        document = to_bytes(published.to_json())
        _commit(root, document, write)
    except BaseException as error:
        _discard(root, attempt)
        if isinstance(error, InputError):
            message = f"{error}; the verdict is not published: make {root} writable, and run again"
            raise InputError(message) from error
        raise
    copies.record(root, document, write)
    refresh_copies(root, write)
    return published


def root_of(output: str, outcome: VerdictOutcome) -> str:
    """The folder whose verdict.json a verdict of this outcome becomes."""
    return paths.join(output, FAILED) if outcome == VerdictOutcome.FAILED else output


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
    return _verdict_in(path) if paths.exists(path) and paths.is_plain(path) else None


def find_run(output: str, run_id: str) -> tuple[str, dict[str, Any]] | None:
    """The folder and the content of the verdict that the run has committed, ordinary or failed.

    It is found even when another run has committed since: a committed attempt keeps a copy of its verdict.
    Returns None when the run has committed nothing, whatever files it has left. Raises InputError when the
    folder cannot be read.
    """
    roots = (output, paths.join(output, FAILED))
    for root in roots:
        current = read_verdict(root)
        if current is not None and run_ids.is_of(run_id, run_ids.attempt_of(current) or ""):
            return root, current
    for root in roots:
        names = (name.split("/") for name in paths.list_files(paths.join(root, RUNS)))
        for attempt in (n[0] for n in names if n[1:] == [VERDICT] and run_ids.is_of(run_id, n[0])):
            if (kept := _verdict_in(paths.join(root, RUNS, attempt, VERDICT))) is not None:
                return root, kept
    return None


def is_current(root: str, verdict: Mapping[str, Any]) -> bool:
    """Whether `root`/verdict.json is still this one."""
    current = read_verdict(root)
    return current is not None and current["artifacts"] == verdict["artifacts"]


def refresh_copies(root: str, write: Write = paths.write_atomically) -> None:
    """Makes the files beside verdict.json copies of those that it names, and deletes older copies.

    Of two publishers at once either may have the last word; so each looks again when it is done, and
    begins anew if the other has committed meanwhile. What a publisher that dies here leaves behind, the
    next one mends. A verdict.json of a stranger's changes nothing. Raises nothing: the verdict stands,
    whatever becomes of copies.
    """
    with contextlib.suppress(InputError):
        for _ in range(_REFRESHES):
            current = read_verdict(root)
            if current is None:
                return
            copies.remove(root, keep=current["artifacts"])
            copies.write(root, current["artifacts"], write)
            if is_current(root, current):
                return


def _commit(root: str, document: bytes, write: Write) -> None:
    """Writes verdict.json, with no copies of the one before it beside it."""
    copies.remove(root)
    try:
        documents.replace(paths.join(root, VERDICT), document, write)
    except Exception:
        refresh_copies(root, write)
        raise


def _discard(root: str, attempt: str) -> None:
    """Deletes the files of an attempt, if it is certain that no verdict.json names them.

    In a store an upload that was given up may still arrive.
    """
    with contextlib.suppress(InputError, OSError):
        if file_systems.is_local(root) and run_ids.attempt_of(read_verdict(root)) != attempt:
            paths.delete_tree(paths.join(root, RUNS, attempt))


def _standing(root: str) -> bytes | None:
    """The bytes of the verdict.json that stands; None without one, and where it is no verdict."""
    data = _read(paths.join(root, VERDICT))
    return None if _parsed(data) is None else data


def _read(path: str) -> bytes | None:
    try:
        return paths.read_bytes(path)
    except InputError:
        return None


def _verdict_in(path: str) -> dict[str, Any] | None:
    """The verdict in a file; None where the file holds something else, or is cut short."""
    return _parsed(paths.read_bytes(path))


def _parsed(data: bytes | None) -> dict[str, Any] | None:
    try:
        document = None if data is None else json.loads(data)
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


def _checked_name(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or str(path) != name or name == VERDICT:
        raise ValueError(f"no name for a published file: {name!r}")
    return name
