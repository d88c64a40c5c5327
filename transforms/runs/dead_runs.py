"""What runs that died left in an output folder: attempts without a verdict, and files half written.

The launcher of a run holds a lease (`transforms.files.lease`) in the output folder as long as the run goes
on. The next run deletes what those of dead runs began. An attempt that has its verdict is a run like any
other, published or overtaken, and stays. So does the one whose files OUTPUT/verdict.json names: its publisher
may have died before the attempt got its copy, and so it gets one now. On an object store, and for attempts
without a lease, the age decides.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from trueserve.transforms.core.errors import InputError, TrueserveError
from trueserve.transforms.files import file_systems, lease, paths, temporary_files
from trueserve.transforms.runs import copies, run_ids
from trueserve.transforms.runs.run_ids import RUNS, VERDICT

_FAILED = "failed"
_TIME = "%Y%m%dT%H%M%S"
_RUN = r"(?P<time>[0-9]{8}T[0-9]{6})[Z0-9.]*-[0-9a-f]{8}"
_LEASED = re.compile(rf"\.{_RUN}")
_ATTEMPT = re.compile(rf"(?P<run>{_RUN})-[0-9a-f]{{12}}")


@contextlib.contextmanager
def publishing(output: str, run_id: str) -> Iterator[None]:
    """Holds the lease of a run while the block runs; first what dead runs left is deleted."""
    sweep(output)
    with lease.held(paths.join(output, f".{run_id}")):
        yield


def sweep(output: str) -> None:
    """Deletes what dead runs left below `output`; nothing of a live one's, and no attempt with a verdict."""
    if not file_systems.is_local(output):
        with contextlib.suppress(TrueserveError):
            _sweep_store(output)
        return
    lease.sweep(output, _LEASED, lambda folder: _finish_run(output, Path(folder).name[1:]))
    for root in _roots(output):
        temporary_files.sweep(root)
        for attempt in _old(_partial(root)):
            if lease.is_abandoned(attempt):
                shutil.rmtree(attempt, ignore_errors=True)


def _finish_run(output: str, run_id: str) -> None:
    """Deletes what a dead run left; if its verdict stands, the run gets the copy that it may lack."""
    for root in _roots(output):
        for attempt in _partial(root):
            if run_ids.is_of(run_id, attempt.name):
                shutil.rmtree(attempt, ignore_errors=True)
        _complete_standing(root, run_id)


def _complete_standing(root: str, run_id: str) -> None:
    with contextlib.suppress(InputError, OSError):
        document = _standing_document(root)
        attempt = None if document is None else run_ids.attempt_in(document)
        if attempt is not None and run_ids.is_of(run_id, attempt):
            temporary_files.sweep(paths.join(root, RUNS, attempt))
            copies.record(root, document)


def _partial(root: str) -> list[Path]:
    """The attempts without a verdict; none where it cannot be told."""
    with contextlib.suppress(OSError, InputError):
        # In this order: whoever commits meanwhile first gives the standing attempt its verdict.
        standing, attempts = _standing(root), list(Path(root, RUNS).iterdir())
        attempts = [path for path in attempts if _ATTEMPT.fullmatch(path.name) and path.name != standing]
        return [attempt for attempt in attempts if not (attempt / VERDICT).exists()]
    return []


def _standing(root: str) -> str | None:
    """The attempt whose files verdict.json names. Raises InputError when that cannot be read."""
    document = _standing_document(root)
    return None if document is None else run_ids.attempt_in(document)


def _standing_document(root: str) -> bytes | None:
    path = paths.join(root, VERDICT)
    return paths.read_bytes(path) if paths.exists(path) and paths.is_plain(path) else None


def _sweep_store(output: str) -> None:
    for root in _roots(output):
        standing = _standing(root)
        files = [name.split("/") for name in paths.list_files(paths.join(root, RUNS))]
        kept = {standing, *(name for name, *rest in files if rest == [VERDICT])}
        for attempt in _old({Path(name) for name, *rest in files if rest and name not in kept}):
            paths.delete_tree(paths.join(root, RUNS, attempt.name))


def _old(attempts: Iterable[Path]) -> Iterator[Path]:
    """Those that began so long ago, by their names, that nobody is at work there."""
    limit = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=lease.ABANDONED_SECONDS)
    for attempt in attempts:
        if (match := _ATTEMPT.fullmatch(attempt.name)) and match["time"] < limit.strftime(_TIME):
            yield attempt


def _roots(output: str) -> tuple[str, str]:
    return output, paths.join(output, _FAILED)
