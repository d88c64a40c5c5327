"""An output folder on a disk or in a store where the n-th write or deletion fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.failing_disk import FailingDisk
from support.memory_files import FAULTS, OBJECTS

MEMORY = "memory://bucket/out"
# How a write fails; a store may have all of a file and fail then, and so may the folder of a local one.
LOCAL = [("open", False), ("open", True), ("half", False), ("half", True), ("replace", False)]
LOCAL += [("replace", True), ("folder", False), ("folder", True)]
STORE = [("open", False), ("open", True), ("close", False), ("close", True), ("half", False)]
STORE += [("stored", False), ("stored", True)]
WAYS = [("disk", *way) for way in LOCAL] + [("store", *way) for way in STORE]
DELETIONS = [("disk", "unlink", False), ("disk", "unlink", True), ("store", "delete", False)]
DELETIONS += [("store", "delete", True)]


class FailingOutput:
    """An output folder on a disk or in a store, where the n-th write can be made to fail."""

    def __init__(self, kind: str, how: str, lasting: bool, folder: Path) -> None:
        self._kind, self._how, self._lasting, self._folder = kind, how, lasting, folder
        OBJECTS.clear()
        FAULTS.set(0, "")
        self.output = str(folder / "out") if kind == "disk" else MEMORY

    @contextmanager
    def failing(self, at: int) -> Iterator[Callable[[], bool]]:
        """Gives a function that says whether the n-th write was reached."""
        with pytest.MonkeyPatch.context() as patch:
            if self._kind == "disk":
                disk = FailingDisk(patch, Path(self.output), self._how, at, self._lasting)
                yield lambda: disk.was_reached
                return
            FAULTS.set(at, self._how, self._lasting)
            try:
                yield lambda: FAULTS.were_reached
            finally:
                FAULTS.at += 1 << 30
