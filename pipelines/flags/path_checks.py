"""Checks of paths: a path is not empty, and an output is none of the inputs."""

from __future__ import annotations

import argparse
import fnmatch
import os
from collections.abc import Iterable
from pathlib import PurePosixPath

from trueserve.pipelines.flags.flag import Flag
from trueserve.transforms.core.errors import UsageError

# What the commands write below an output folder, by an example of each depth.
_WRITTEN = ("verdict.json", "failed/verdict.json", "runs/r/verdict.json", "runs/r/rejects/rejects.jsonl")
_GLOB_CHARACTERS = frozenset("*?[")


def check_not_empty(flags: Iterable[Flag], parsed: argparse.Namespace) -> None:
    """Refuses an empty text as the value of any flag that takes a text: it would mean the current folder.

    Raises:
      UsageError: naming the flag.
    """
    for flag in flags:
        value, metavar = getattr(parsed, flag.attribute, None), str(flag.settings.get("metavar"))
        if isinstance(value, str) and not _path_in(value, metavar).strip():
            raise UsageError(
                f"{flag.name}: expected {metavar}, got {value!r}; give a value, or leave the flag out"
            )


def check_output(
    output: str, baseline: str | None = None, *, purpose: str = "", **inputs: str | None
) -> None:
    """Refuses an output folder that is, or lies in, the baseline, or from which inputs are read.

    Args:
      purpose: what the folder is for, to be named.
      inputs: globs by the flag that names them.

    Raises:
      UsageError: naming both flags.
    """
    folder = _absolute(output)
    if baseline is not None and _lies_in(folder, _absolute(baseline)):
        location = "is a baseline" if folder == _absolute(baseline) else f"is in the baseline {baseline}"
        raise UsageError(f"--output: {output} {location}; name another folder{purpose}")
    for flag, pattern in inputs.items():
        for part in filter(None, map(str.strip, (pattern or "").split(","))):
            if _reads_from(part, folder):
                raise UsageError(
                    f"--output: --{flag}={part} would read what is written to {output}; name another folder"
                )


def _path_in(value: str, metavar: str) -> str:
    return value.partition(":")[0] if metavar.startswith("FILE[:") else value


def _absolute(path: str) -> str:
    if "://" in path:
        scheme, _, rest = path.partition("://")
        return f"{scheme}://{'/'.join(filter(None, rest.split('/')))}"
    return os.path.realpath(path)


def _lies_in(folder: str, other: str) -> bool:
    return folder == other or folder.startswith(other.rstrip("/") + "/")


def _reads_from(pattern: str, folder: str) -> bool:
    """Whether a file, folder or glob covers what is written below `folder`."""
    if not _GLOB_CHARACTERS & set(pattern):
        return _absolute(pattern) == folder
    prefix = pattern[: min(index for index, char in enumerate(pattern) if char in _GLOB_CHARACTERS)]
    parent, _, name_prefix = prefix.rpartition("/")
    rest = name_prefix + pattern[len(prefix) :]
    if "/" not in rest and _absolute(parent or ".") == folder:
        return True
    absolute = f"{_absolute(parent or '.')}/{rest}"
    return any(_matches(f"{folder}/{written}", absolute) for written in _WRITTEN)


def _matches(path: str, pattern: str) -> bool:
    parts, patterns = PurePosixPath(path).parts, PurePosixPath(pattern).parts
    if "**" in patterns:
        return fnmatch.fnmatchcase(path, pattern.replace("**/", "*"))
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))
