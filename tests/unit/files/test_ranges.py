"""Files listed as ranges: all of each file, balanced, with small ones together."""

from __future__ import annotations

import io
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import (
    END_OF_FILE,
    RANGE_BYTES,
    FileRange,
    RangeGroup,
    list_ranges,
    split_number,
)
from trueserve.transforms.files.section import Section

MIB = 1 << 20


@given(st.lists(st.integers(0, 5000), max_size=20), st.integers(1, 3000))
def test_ranges_make_up_all_files(sizes: list[int], length: int) -> None:
    files = [FileSize(f"log-{number}", size) for number, size in enumerate(sizes)]
    ranges: defaultdict[FileSize, list[FileRange]] = defaultdict(list)
    for part in sorted((part for group in list_ranges(files, length) for part in group.ranges), key=str):
        ranges[part.file].append(part)
    assert ranges.keys() == set(files)
    for file, parts in ranges.items():
        parts.sort(key=lambda part: part.number)
        assert [part.number for part in parts] == list(range(len(parts)))
        assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
        assert parts[-1].stop == END_OF_FILE
        assert sum(part.bytes for part in parts) == file.bytes
        assert (len(parts) == 1) == parts[0].is_file == (file.bytes <= length)
        assert max(part.bytes for part in parts) <= length


def test_the_largest_come_first() -> None:
    files = [FileSize("a", 10), FileSize("b", 3 * RANGE_BYTES), FileSize("c", RANGE_BYTES - 1)]
    groups = list_ranges(files)
    assert [group.bytes for group in groups] == [RANGE_BYTES] * 3 + [RANGE_BYTES - 1, 10]


def test_many_small_files_are_few_elements_and_none_has_too_many() -> None:
    files = [FileSize(f"log-{number:06}", 1000) for number in range(200_000)]
    groups = list_ranges(files)
    assert 1000 < len(groups) < 2000
    assert max(len(group.ranges) for group in groups) < 130
    assert sorted(part.file for group in groups for part in group.ranges) == files


def test_without_a_length_no_file_is_cut() -> None:
    files = [FileSize("a", 1 << 40), FileSize("b", 5), FileSize("c", 6)]
    assert list_ranges(files, 0) == [
        RangeGroup((FileRange(files[0]),)),
        RangeGroup((FileRange(files[1]), FileRange(files[2]))),
    ]


@pytest.mark.parametrize("number", [0, 1, 4_000_000])
def test_numbers_of_records_are_told_apart_and_in_order(number: int) -> None:
    part = FileRange(FileSize("a", 5), number)
    assert split_number(part.first_record + 123) == (number, 123)
    assert part.first_record + 10**12 < FileRange(part.file, number + 1).first_record < 1 << 63


def test_a_section_gives_its_bytes_however_they_are_read() -> None:
    stored, buffer = io.BytesIO(b"0123456789"), bytearray(8)
    assert Section(stored, 3, 7).read() == b"3456"
    section = Section(stored, 3, 7)
    assert (section.read(3), stored.tell(), section.read(3), section.read(3)) == (b"345", 6, b"6", b"")
    section = Section(stored, 8, END_OF_FILE)
    section.before = b"ab"
    assert [section.readinto(memoryview(buffer)) for _ in range(3)] == [2, 2, 0]
    assert buffer[:2] == b"89"
