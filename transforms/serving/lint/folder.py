"""The rules on a SavedModel's folder: all its files are plain ones, in it, and no larger than memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from trueserve.transforms.files import file_systems
from trueserve.transforms.serving.lint.finding import LintFinding

# A protocol buffer has no more.
_LARGEST_PROTO = 2 << 30
_ADVICE = "copy the whole folder, or export it again"


def findings(path: str) -> Iterator[LintFinding]:
    """What is wrong with the files of a folder; nothing is opened. Object stores have plain files alone."""
    if not file_systems.is_local(path):
        return
    root = Path(path).resolve()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    # Links to folders are named among the folders, and not followed.
    for folder, folders, files in os.walk(root):
        for name in sorted([*folders, *files]):
            if problem := _problem_of_file(Path(folder, name), root, memory):
                shown = str(Path(folder, name).relative_to(root))
                message = (
                    f"{shown} {problem}; the model was not loaded: copy the whole folder, or export it again"
                )
                yield LintFinding("folder", "error", message, shown)


def _problem_of_file(file: Path, root: Path, memory: int) -> str | None:
    target = file.resolve()
    if not target.is_relative_to(root):
        return "is a link that leads out of the model's folder"
    try:
        status = target.stat()
    except OSError:
        return "is a link to nothing"
    if stat.S_ISDIR(status.st_mode):
        return "is a link to a folder" if file.is_symlink() else None
    if not stat.S_ISREG(status.st_mode):
        return "is no plain file"
    most = min(memory, _LARGEST_PROTO) if file.suffix in (".pb", ".pbtxt") else memory
    return f"has {status.st_size:,} bytes, more than can be loaded" if status.st_size > most else None
