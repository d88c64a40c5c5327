"""A process that is killed while it puts one baseline in the place of another."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from trueserve.transforms.baseline import atomic_replace

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}


def take_name_and_die(path: str, staged: str, calls: int) -> None:
    """Is killed before call number `calls` to the file system that changes something."""
    done = 0

    def watch(event: str, details: tuple[Any, ...]) -> None:
        nonlocal done
        writes = event == "open" and isinstance(details[1], str) and set(details[1]) & set("wx")
        if event in _CHANGES or writes:
            if done == calls:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1

    sys.addaudithook(watch)
    atomic_replace.take_name(path, staged)


def take_name_without_renames_and_die(path: str, staged: str, calls: int) -> None:
    """The same for a name that is a mount point, which nothing can be renamed to."""

    def refuse(self: Path, target: object) -> Path:
        raise OSError(16, "Device or resource busy")

    Path.rename = refuse  # type: ignore[method-assign, assignment]
    take_name_and_die(path, staged, calls)
