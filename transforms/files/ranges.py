"""Ranges of files: what is read at once, and by whom. They are listed from the sizes of files alone."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator, Sequence

from trueserve.transforms.files.file_systems import FileSize

#: A file that is longer is read in ranges of about so many bytes. Small files are grouped to about as many.
RANGE_BYTES = 128 << 20
#: The end of the last range of a file, which may have grown since it was listed.
END_OF_FILE = sys.maxsize
# To open a file takes about as long as to read so many bytes.
_OPENING_BYTES = 1 << 20
# A range's number and a record's number in it share 63 bits.
_RECORD_BITS = 40
_MOST_RANGES = 1 << 22


@dataclasses.dataclass(frozen=True)
class FileRange:
    """The records of a file that begin at byte `start` or later, and before `stop`; bytes are as stored.

    Where a file cannot be cut (it is compressed, say), the first range has all of its records.

    Attributes:
      number: how many ranges of the file are before this one.
    """

    file: FileSize
    number: int = 0
    start: int = 0
    stop: int = END_OF_FILE

    @property
    def is_file(self) -> bool:
        """Whether it is all of its file."""
        return not self.number and self.stop == END_OF_FILE

    @property
    def bytes(self) -> int:
        """How many bytes it had when the file was listed."""
        return min(self.stop, self.file.bytes) - self.start

    @property
    def first_record(self) -> int:
        """The number of its first record: larger than all in ranges before, and told apart by `split_number`.

        How many records are before it is known when all ranges of the file have been read.
        """
        return self.number << _RECORD_BITS


@dataclasses.dataclass(frozen=True)
class RangeGroup:
    """What one element of a job reads: a range of a large file, or several small files."""

    ranges: tuple[FileRange, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all ranges."""
        return sum(part.bytes for part in self.ranges)


def split_number(record: int) -> tuple[int, int]:
    """The number of a record's range, and the record's number in it."""
    return record >> _RECORD_BITS, record & ((1 << _RECORD_BITS) - 1)


def list_ranges(files: Iterable[FileSize], range_bytes: int | None = None) -> list[RangeGroup]:
    """Ranges that make up the files, the largest first.

    `range_bytes` is the length of a range, about, by default `RANGE_BYTES`. With 0 no file is cut.
    """
    length = RANGE_BYTES if range_bytes is None else range_bytes
    small: list[FileSize] = []
    groups: list[RangeGroup] = []
    for file in files:
        if length and file.bytes > length:
            groups += [RangeGroup((part,)) for part in _cut(file, length)]
        else:
            small.append(file)
    groups += _grouped(small, length or RANGE_BYTES)
    return sorted(groups, key=lambda group: -group.bytes)


def _cut(file: FileSize, length: int) -> Iterator[FileRange]:
    """Ranges of the same length, as far as that can be."""
    count = min(-(-file.bytes // length), _MOST_RANGES)
    bounds = [file.bytes * number // count for number in range(count)] + [END_OF_FILE]
    for number in range(count):
        yield FileRange(file, number, bounds[number], bounds[number + 1])


def _grouped(files: Sequence[FileSize], length: int) -> Iterator[RangeGroup]:
    group: list[FileRange] = []
    cost = 0
    for file in files:
        cost_of_file = file.bytes + _OPENING_BYTES
        if group and cost + cost_of_file > length:
            yield RangeGroup(tuple(group))
            group, cost = [], 0
        group.append(FileRange(file))
        cost += cost_of_file
    if group:
        yield RangeGroup(tuple(group))
