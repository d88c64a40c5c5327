"""The folder of a window in a series: what killed and replaced runs left there goes, once a verdict stands.

A rerun replaces a window as a whole. Of its runs only the one that stands is kept; `failed` ends with the
next success. A file, `settled.json`, names the run for which all that follows a verdict was done, so that
whoever comes after a kill knows what is left to do.
"""

from __future__ import annotations

import re
from pathlib import Path

from trueserve.transforms.files import lease, paths
from trueserve.transforms.files.file_systems import is_local
from trueserve.transforms.runs import copies, dead_runs, run_folder, run_ids, series
from trueserve.transforms.runs.run_ids import RUNS
from trueserve.transforms.runs.series import FAILED, Standing

SETTLED = "settled.json"
_PART_OF_ATTEMPT = re.compile(r"-[0-9a-f]{12}$")


def tidy(folder: str) -> Standing | None:
    """Leaves of a window what stands, and what live runs are writing; gives what stands.

    Raises InputError where files cannot be deleted.
    """
    dead_runs.sweep(folder)
    stands = series.standing(folder)
    if stands is None:
        return None
    if stands.root == folder and paths.exists(paths.join(folder, FAILED)):
        _delete(paths.join(folder, FAILED))
    _delete_replaced(folder, stands.root)
    if copies.wrong(stands.root, stands.document["artifacts"]):
        run_folder.refresh_copies(stands.root)
    return stands


def is_settled(folder: str, stands: Standing) -> bool:
    """Whether all that follows a verdict was done for the one that stands."""
    settled = series.read_json(paths.join(folder, SETTLED)) or {}
    return settled.get("attempt") == stands.attempt


def settle(folder: str, stands: Standing) -> None:
    """Says that it was done."""
    series.write_json(paths.join(folder, SETTLED), {"format": 1, "attempt": stands.attempt})


def _delete_replaced(folder: str, root: str) -> None:
    """Deletes the runs whose verdict is not the one that stands in `root`, but for those that still live."""
    for name in _attempts(root):
        current = series.read_json(paths.join(root, run_ids.VERDICT))  # another run may have committed
        if name != run_ids.attempt_of(current) and not _lives(folder, name):
            _delete(paths.join(root, RUNS, name))


def _delete(folder: str) -> None:
    """Deletes a folder, its verdict first: whoever dies here leaves no verdict without its files."""
    paths.delete_file(paths.join(folder, run_ids.VERDICT))
    paths.delete_tree(folder)


def _attempts(root: str) -> list[str]:
    folder = paths.join(root, RUNS)
    if is_local(folder):  # a folder that is empty is one, too
        names = {path.name for path in Path(folder).iterdir()} if Path(folder).is_dir() else set()
    else:
        names = {name.partition("/")[0] for name in paths.list_files(folder)}
    return sorted(name for name in names if run_ids.ATTEMPT.fullmatch(name))


def _lives(folder: str, attempt: str) -> bool:
    """Whether a run is at work on an attempt. A store has no leases: there an attempt without verdict may be.

    Those are left to `dead_runs`, which goes by their age.
    """
    if is_local(folder):
        return lease.is_live(paths.join(folder, f".{_PART_OF_ATTEMPT.sub('', attempt)}"))
    return not paths.exists(paths.join(folder, RUNS, attempt, run_ids.VERDICT))
