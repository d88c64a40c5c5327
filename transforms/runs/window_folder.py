"""The folder of a window in a series: what killed and replaced runs left there goes, once a verdict stands.

A rerun replaces a window as a whole. Of its runs only the one that stands is kept; `failed` ends with the
next success. A file, `settled.json`, names the run for which all that follows a verdict was done, so that
whoever comes after a kill knows what is left to do.
"""

from __future__ import annotations

import re

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
        paths.delete_tree(paths.join(folder, FAILED))
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
            paths.delete_tree(paths.join(root, RUNS, name))


def _attempts(root: str) -> list[str]:
    names = {name.replace("\\", "/").partition("/")[0] for name in paths.list_files(paths.join(root, RUNS))}
    return sorted(name for name in names if run_ids.ATTEMPT.fullmatch(name))


def _lives(folder: str, attempt: str) -> bool:
    """Whether a run is at work on an attempt. A store has no leases: there an attempt without verdict may be.

    Those are left to `dead_runs`, which goes by their age.
    """
    if is_local(folder):
        return lease.is_live(paths.join(folder, f".{_PART_OF_ATTEMPT.sub('', attempt)}"))
    return not paths.exists(paths.join(folder, RUNS, attempt, run_ids.VERDICT))
