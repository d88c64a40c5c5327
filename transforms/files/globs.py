"""The files that a file, a folder or a glob names, on any file system that Beam knows."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import FileSize, explained, is_local, match_remote
from trueserve.transforms.files.paths import is_file, join

_GLOB_CHARACTERS = frozenset("*?[")


def expand(pattern: str) -> list[FileSize]:
    """The files that `pattern` names, sorted by path, each once.

    A pattern is a file, a folder (the files in it whose names start with neither `_` nor `.`), a glob, or
    several of these with commas between them. A file that goes while it is looked at is none. Raises
    InputError when no file is left.
    """
    names = [pattern] if is_file(pattern) else [part.strip() for part in pattern.split(",")]
    files = matching(name for name in names if name)
    if not files:
        raise InputError(f"no file matches {pattern!r}; give a file, a folder or a glob in quotes")
    return files


def matching(patterns: Iterable[str]) -> list[FileSize]:
    """The files that any of the patterns names, each a file, a folder or a glob; sorted, each once."""
    return sorted({file for pattern in patterns for file in _matches(pattern)})


def find(pattern: str) -> list[str]:
    """The files that one glob matches, sorted; [] if there is none."""
    return [file.path for file in sorted(_matches(pattern))]


def _matches(pattern: str) -> list[FileSize]:
    if not is_local(pattern):
        is_glob = bool(_GLOB_CHARACTERS & set(pattern))
        return match_remote(pattern) or ([] if is_glob else _visible(match_remote(join(pattern, "*"))))
    # A name with a bracket in it is a file or a folder first, and a glob only if there is neither.
    with explained("list", pattern):
        if os.path.isdir(pattern):  # noqa: PTH112
            return _visible(_sizes(str(path) for path in Path(pattern).iterdir()))
        return _sizes([pattern] if is_file(pattern) else glob.glob(pattern, recursive=True))  # noqa: PTH207


def _visible(files: list[FileSize]) -> list[FileSize]:
    return [file for file in files if not file.path.rsplit("/", 1)[-1].startswith(("_", "."))]


def _sizes(names: Iterable[str]) -> list[FileSize]:
    stats = [(name, _stat(name)) for name in names]
    return [
        FileSize(name, status.st_size) for name, status in stats if status and stat.S_ISREG(status.st_mode)
    ]


def _stat(name: str) -> os.stat_result | None:
    # A log may be rotated away once its name is known, and a link may lead nowhere.
    with contextlib.suppress(FileNotFoundError):
        return Path(name).stat()
    return None
