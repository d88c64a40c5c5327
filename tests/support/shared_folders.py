"""Folders that all workers of a test run share: filled by the first that needs them."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

#: The folder of this test run, which its workers share; None in a process that is none of them.
of_run: Path | None = None


def folder_of_run(request: pytest.FixtureRequest) -> Path:
    base: Path = request.getfixturevalue("tmp_path_factory").getbasetemp()
    # A worker of pytest-xdist has a folder of its own, in that of the run.
    return base.parent if hasattr(request.config, "workerinput") else base


def shared_folder(request: pytest.FixtureRequest, name: str, fill: Callable[[Path], object]) -> Path:
    """The folder of this name in that of the run, filled once. Tests only read it."""
    return filled_once(folder_of_run(request) / name, fill)


def filled_once(folder: Path, fill: Callable[[Path], object]) -> Path:
    """The folder, which the first process to come fills while others wait."""
    filled = folder.with_name(f"{folder.name}.filled")
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not filled.exists():
            # A process that failed may have left a part.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            filled.touch()
    return folder
