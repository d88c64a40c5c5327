"""Windows, or runs of a plain output folder, that are older than they need to be."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

from trueserve.pipelines.config.model_config import Retention
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.nightly import clock
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import is_local
from trueserve.transforms.publish import formatting, series_index
from trueserve.transforms.runs import run_ids, series
from trueserve.transforms.runs.series import WINDOWS

_DELETED = ".deleted-"


@dataclasses.dataclass(frozen=True)
class Aged:
    """A window's folder, or a run's, with the time from which its age counts."""

    folder: str
    time: dt.datetime


def prune(output: str, retention: Retention, console: Console, *, dry_run: bool = False) -> int:
    """Deletes what `retention` does not keep, and says so; gives how much that was.

    Raises InputError where something cannot be deleted.
    """
    old = due(entries(output), retention, clock.now())
    for each in old:
        console.lines([f"{'would delete' if dry_run else 'deleted'} {formatting.visible(each.folder, 4000)}"])
        if not dry_run:
            _delete(each.folder)
    if old and not dry_run and series.window_names(output):
        series_index.refresh_latest(output)
        series_index.refresh_index(output)
    if not dry_run:
        _delete_begun(output)
    return len(old)


def entries(output: str) -> list[Aged]:
    """The windows of a series by their end, or the runs below a plain output by their time; oldest first.

    A run that stands is none of them.
    """
    names = series.window_names(output)
    if names:
        spans = [(series.parsed_name(name), name) for name in names]
        return [Aged(paths.join(output, WINDOWS, name), span[1]) for span, name in spans if span]
    stands = run_ids.attempt_of(series.read_json(paths.join(output, run_ids.VERDICT)))
    files = (name.split("/") for name in paths.list_files(paths.join(output, run_ids.RUNS)))
    runs = sorted({parts[0] for parts in files if parts[1:] == [run_ids.VERDICT]} - {stands})
    return [
        Aged(paths.join(output, run_ids.RUNS, name), time)
        for name in runs
        if name is not None and (time := run_ids.time_of(name)) is not None
    ]


def due(known: list[Aged], retention: Retention, now: dt.datetime) -> list[Aged]:
    """Those that are not kept, in their order. The last one is kept in any case."""
    newest = known[-retention.keep_runs :] if retention.keep_runs is not None else known
    kept = {each.folder for each in newest if retention.keep is None or each.time >= now - retention.keep} | {
        each.folder for each in known[-1:]
    }
    return [each for each in known if each.folder not in kept]


def _delete(folder: str) -> None:
    """Deletes a folder; nobody finds half of it: it is renamed first, and on a store has no verdict."""
    if is_local(folder):
        path = Path(folder)
        away = path.with_name(f"{_DELETED}{path.name}")
        try:
            paths.delete_tree(str(away))
            path.rename(away)
        except OSError as error:
            raise InputError(f"cannot delete {folder}: {error.strerror or error}") from error
        paths.delete_tree(str(away))
        return
    paths.delete_file(paths.join(folder, run_ids.VERDICT))
    paths.delete_tree(folder)


def _delete_begun(output: str) -> None:
    """Deletes what somebody began to delete."""
    for parent in (WINDOWS, run_ids.RUNS):
        folder = Path(output, parent)
        if is_local(output) and folder.is_dir():
            for begun in folder.glob(f"{_DELETED}*"):
                paths.delete_tree(str(begun))
