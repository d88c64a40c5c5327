"""What a job reads at once: the ranges of its files, and the files that can only be read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import RANGE_BYTES, FileRange, RangeGroup, list_ranges


def ranges_of(
    files: Iterable[FileSize], can_be_cut: Callable[[FileSize], bool], range_bytes: int | None = None
) -> list[RangeGroup]:
    """What each element of a job reads, the largest first; a file that cannot be cut is in one piece.

    `can_be_cut` looks into a file. It is asked for one large file of each suffix only: others are alike.
    `range_bytes` is as in `list_ranges`. Raises what `can_be_cut` raises.
    """
    length = RANGE_BYTES if range_bytes is None else range_bytes
    large = {file for file in files if length and file.bytes > length}
    suffixes: dict[str, bool] = {}
    for file in sorted(large):
        if (suffix := _suffix(file)) not in suffixes:
            suffixes[suffix] = can_be_cut(file)
    uncut = {file for file in large if not suffixes[_suffix(file)]}
    ranges = list_ranges([file for file in files if file not in uncut], range_bytes)
    return _largest_first([*ranges, *files_as_ranges(sorted(uncut))])


def files_as_ranges(files: Iterable[FileSize]) -> list[RangeGroup]:
    """The same where each file is an element, the largest first."""
    return _largest_first([RangeGroup((FileRange(file),)) for file in files])


def _largest_first(groups: Sequence[RangeGroup]) -> list[RangeGroup]:
    return sorted(groups, key=lambda group: -group.bytes)


def _suffix(file: FileSize) -> str:
    return PurePosixPath(file.path).suffix
