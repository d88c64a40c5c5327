"""Whether what is in a folder can only have been put there by this user or root.

Machine code and the pickles around it run as whoever loads them. So they are loaded only from a folder that,
with every file in it, belongs to this user or root and can be written by nobody else. The same holds for all
folders above it, as who writes there can replace it; but one in which only owners may rename and remove (the
sticky bit, as /tmp has it) may be written by others.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import tempfile
from pathlib import Path

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def real_path(folder: Path) -> Path | None:
    """The folder without symbolic links, which somebody else may set anew; None where that cannot be told.

    What is checked and what is loaded must be this path.
    """
    try:
        return folder.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return None


@functools.cache
def is_private(folder: Path) -> bool:
    """Whether code may be loaded from the folder, a real path. It is looked at once a process."""
    try:
        with os.scandir(folder) as entries:
            files = [entry.stat(follow_symlinks=False) for entry in entries if not _is_folder(entry)]
        inside = _is_ours(folder.lstat()) and all(
            stat.S_ISREG(status.st_mode) and _is_ours(status) for status in files
        )
        return inside and _is_private_above(folder)
    except OSError:
        return False


def create_private(folder: Path, mode: int) -> bool:
    """Whether the folder is private and can be written. What is missing of its path is created with `mode`.

    Nothing is created where others may put something in its place.
    """
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        if missing and not _is_private_above(missing[-1]):
            return False
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):  # another process was first
                path.mkdir(mode)
        if not is_private(folder):
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Nothing is loaded from folders within; a link to one counts as a link."""
    return entry.is_dir(follow_symlinks=False)


def _is_private_above(path: Path) -> bool:
    return all(_keeps(parent.lstat()) for parent in path.parents)


def _keeps(status: os.stat_result) -> bool:
    """Whether what is in a folder stays there, unless this user or root moves it."""
    return _is_owned(status) and bool(
        status.st_mode & stat.S_ISVTX or not status.st_mode & _WRITABLE_BY_OTHERS
    )


def _is_ours(status: os.stat_result) -> bool:
    return _is_owned(status) and not status.st_mode & _WRITABLE_BY_OTHERS


def _is_owned(status: os.stat_result) -> bool:
    return status.st_uid in (os.geteuid(), 0)
