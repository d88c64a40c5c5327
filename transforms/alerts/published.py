"""The verdicts below an output folder, those that failed too, as alerts need them.

What is read here may have been written by anybody: what is no verdict is passed over.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator

from trueserve.transforms.alerts.context import Json, Window, window_of
from trueserve.transforms.alerts.ledger import MALFORMED
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.runs import series
from trueserve.transforms.runs.run_ids import ATTEMPT, RUNS, VERDICT

_FAILED = "failed"
_LARGEST = 256 << 20  # bytes of a verdict
_MOST_READ = 1_000


def windows(output: str) -> set[Window]:
    """The windows of the verdicts. Raises InputError where the folder cannot be listed."""
    return {window for _, window in _verdicts(output)}


def documents(output: str, oldest: dt.datetime | None) -> list[Json]:
    """The newest verdict of each window that ends at or after `oldest`; of the newest window if that is None.

    Raises InputError where the folder cannot be listed.
    """
    newest: dict[Window, Json] = {}
    for document, window in _verdicts(output):
        if oldest is None or window.end is None or window.end >= oldest:
            newest[window] = document  # runs come in the order of their names, which is that of time
    if oldest is not None or not newest:
        return list(newest.values())
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    return [newest[max(newest, key=lambda window: window.end or latest)]]


def _verdicts(output: str) -> Iterator[tuple[Json, Window]]:
    """The verdict that stands, whose run may have died before it kept a copy; then the newest runs'.

    Of a series what stands of the newest windows.
    """
    for name in series.window_names(output)[-_MOST_READ:]:
        stands = series.standing(paths.join(output, series.WINDOWS, name))
        with contextlib.suppress(*MALFORMED):
            if stands is not None:
                yield stands.document, window_of(stands.document)
    for path in [paths.join(output, VERDICT), *_of_runs(output)]:
        if (verdict := _read(path)) is not None:
            yield verdict


def _of_runs(output: str) -> list[str]:
    runs = [run for root in (output, paths.join(output, _FAILED)) for run in _names(root)]
    return [paths.join(root, RUNS, name, VERDICT) for name, root in sorted(runs)[-_MOST_READ:]]


def _names(root: str) -> Iterator[tuple[str, str]]:
    """The name of each run below a folder, and the folder."""
    for file in paths.list_files(paths.join(root, RUNS)):
        parts = file.replace("\\", "/").split("/")
        if parts[1:] == [VERDICT] and ATTEMPT.fullmatch(parts[0]):
            yield parts[0], root


def _read(path: str) -> tuple[Json, Window] | None:
    """A verdict and its window; None where there is none."""
    try:
        if not paths.is_plain(path):
            return None
        with paths.open_stored(path) as stream, file_systems.explained("read", path):
            document = json.loads(stream.read(_LARGEST))
        return document, window_of(document)
    except (InputError, RecursionError, *MALFORMED):
        return None
