"""What stands beside the windows of a series: latest.json, and index.html. Both say what is there now."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from trueserve.transforms.files import lease, paths, temporary_files
from trueserve.transforms.files.file_systems import is_local
from trueserve.transforms.publish.page import index
from trueserve.transforms.publish.page.windows import PastRun
from trueserve.transforms.runs import copies, past_runs, series
from trueserve.transforms.runs.series import FAILED, LATEST, WINDOWS

#: The latest windows that are in the index.
MOST_WINDOWS = 400
_READERS = 8
_LOCK = ".series"


def refresh_latest(output: str) -> None:
    """Makes latest.json that of the latest window; deletes it where no window has a verdict.

    Who refreshes it at the same time on this machine waits, so that the last one has seen all. Raises
    InputError where it cannot be written.
    """
    path = paths.join(output, LATEST)
    with _refreshing(output):
        document = series.latest_document(output)
        if document is None:
            paths.delete_file(path)
        else:
            series.write_json(path, document)


def refresh_index(output: str) -> None:
    """Renders index.html anew, if there is a window. Raises InputError where it cannot be written."""
    with _refreshing(output):
        names = series.window_names(output)[-MOST_WINDOWS:]
        with ThreadPoolExecutor(_READERS) as readers:
            runs = [run for run in readers.map(lambda name: _run(output, name), names) if run is not None]
        if runs:
            paths.write_atomically(paths.join(output, copies.INDEX), index.render_index(runs))


@contextlib.contextmanager
def _refreshing(output: str) -> Iterator[None]:
    """For one process at a time; what those that were killed left half written is deleted."""
    with lease.held(paths.join(output, _LOCK)):
        if is_local(output):
            temporary_files.sweep(output)
        yield


def _run(output: str, name: str) -> PastRun | None:
    stands = series.standing(paths.join(output, WINDOWS, name))
    if stands is None:
        return None
    is_failed = stands.root.endswith(f"/{FAILED}")
    return PastRun(past_runs.cut(stands.document), f"{name}/{FAILED}" if is_failed else name)
