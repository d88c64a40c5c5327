"""What a job reads at once: ranges of large files, small files together, and files that cannot be cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trueserve.pipelines.estimate.ranges import files_as_ranges, ranges_of
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import list_ranges

MIB = 1 << 20
SMALL, PLAIN = FileSize("a.tfrecord", 3 * MIB), FileSize("b.tfrecord", 300 * MIB)
GZIP, GZIP_TOO = FileSize("c.gz", 200 * MIB), FileSize("d.gz", 900 * MIB)


def plain_alone(opened: list[str]) -> Callable[[FileSize], bool]:
    def can_be_cut(file: FileSize) -> bool:
        opened.append(file.path)
        return not file.path.endswith(".gz")

    return can_be_cut


def test_files_that_can_be_cut_are_what_the_job_lists() -> None:
    assert ranges_of([SMALL, PLAIN], lambda file: True) == list_ranges([SMALL, PLAIN])
    assert ranges_of([SMALL, PLAIN], lambda file: True, 50 * MIB) == list_ranges([SMALL, PLAIN], 50 * MIB)


def test_one_file_below_a_range_is_one_element_and_is_not_looked_into() -> None:
    opened: list[str] = []
    [group] = ranges_of([SMALL], plain_alone(opened))
    assert (group.bytes, group.ranges[0].is_file, opened) == (3 * MIB, True, [])


def test_a_compressed_file_is_in_one_piece() -> None:
    groups = ranges_of([SMALL, PLAIN, GZIP, GZIP_TOO], plain_alone([]))
    assert [group.bytes // MIB for group in groups] == [900, 200, 100, 100, 100, 3]
    assert [part.file for group in groups[:2] for part in group.ranges] == [GZIP_TOO, GZIP]
    assert all(group.ranges[0].is_file for group in groups[:2])
    assert sum(group.bytes for group in groups) == 1403 * MIB


def test_of_each_suffix_one_file_is_looked_into() -> None:
    opened: list[str] = []
    ranges_of([PLAIN, GZIP, GZIP_TOO, FileSize("e.tfrecord", 999 * MIB)], plain_alone(opened))
    assert opened == ["b.tfrecord", "c.gz"]


def test_with_0_no_file_is_cut_and_none_is_looked_into() -> None:
    opened: list[str] = []
    assert ranges_of([PLAIN, GZIP], plain_alone(opened), 0) == list_ranges([PLAIN, GZIP], 0)
    assert opened == []


def test_a_file_that_cannot_be_opened_is_said() -> None:
    def fail(file: FileSize) -> bool:
        raise InputError(f"cannot open {file.path}")

    with pytest.raises(InputError, match="cannot open b"):
        ranges_of([PLAIN], fail)


def test_files_as_they_are_the_largest_first() -> None:
    assert [group.bytes // MIB for group in files_as_ranges([SMALL, GZIP_TOO, PLAIN])] == [900, 300, 3]
    assert files_as_ranges([]) == ranges_of([], lambda file: True) == []
