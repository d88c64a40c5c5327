"""TFRecord framing from the middle of a file: where the next record begins, told by checksums.

What a record holds may look like records: a file of TFRecords in a feature, say. So the search begins a good
deal before the place that is asked for, and goes along whole records to it: what is in a record ends with it,
and those that end nowhere are left. It errs only where a record that is longer than that holds others. Who
reads up to the place finds out, because a record runs over it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
from numba import types

from transforms.columnar.crc32c import masked_crc32c
from transforms.columnar.framing import (
    BAD_DATA_CHECKSUM,
    BAD_LENGTH_CHECKSUM,
    FULL,
    MORE,
    OVERHEAD_BYTES,
    Block,
    Window,
    read_blocks,
)
from transforms.columnar.memory import load32, load64
from transforms.compiling.compiled import BYTES, Int, compiled, helper
from transforms.files.ranges import END_OF_FILE, WRONG_CUT, wrong_cut
from transforms.files.section import open_section
from transforms.files.tfrecord import HEADER_BYTES, MAX_RECORD_BYTES, TFRecordError

Array = np.ndarray[Any, Any]

#: So many bytes before the place that is asked for are looked at, too.
LOOK_BACK = 1 << 20
_BLOCK_BYTES = 1 << 20
# A byte of the search costs at most about so many of checking.
_MOST_IN_VAIN = 64


@helper
def _is_header(data: Array, position: Int) -> Any:
    # The length first: few bytes that are none could be one, so that most need no checksum.
    length = load64(data, position)
    if length > np.uint64(MAX_RECORD_BYTES):
        return False
    return load32(data, position + 8) == masked_crc32c(data, position, position + 8)


@compiled(types.int64(BYTES, types.int64))
def find_header(data: Array, start: Int) -> Int:
    """Where the first header of a record in `data[start:]` begins; if there is none, where one may."""
    for position in range(start, data.size - HEADER_BYTES + 1):
        if _is_header(data, position):
            return position
    return max(start, data.size - HEADER_BYTES + 1)


@compiled(types.UniTuple(types.int64, 3)(BYTES, types.int64, types.int64))
def follow_records(data: Array, start: Int, at: Int) -> tuple[Int, Int, Int]:
    """Goes from record to record, all of them whole, to the first that begins at `at` or later.

    Returns where it got to, why it stopped there, and how many bytes were read or are needed of the record
    there: FULL at the header of that record, MORE where the data end before.
    """
    position = start
    while True:
        if data.size - position < HEADER_BYTES:
            return position, MORE, HEADER_BYTES
        if not _is_header(data, position):
            return position, BAD_LENGTH_CHECKSUM, 0
        if position >= at:
            return position, FULL, 0
        length = np.int64(load64(data, position))
        if data.size - position - OVERHEAD_BYTES < length:
            return position, MORE, length + OVERHEAD_BYTES
        end = position + HEADER_BYTES + length
        if load32(data, end) != masked_crc32c(data, position + HEADER_BYTES, end):
            return position, BAD_DATA_CHECKSUM, length + OVERHEAD_BYTES
        position = end + 4


def first_record(stored: BinaryIO, at: int, stop: int, look_back: int = LOOK_BACK) -> int | None:
    """Where the first record begins that does so at byte `at` of a file or later; None if not before `stop`.

    It may be at `stop` or later, or the end of the file, if that was found on the way. `stored` is anywhere.
    """
    start = max(at - look_back, 0)
    stored.seek(start)
    window = Window(stored, _BLOCK_BYTES, start)
    while _to_header(window, stop):
        first = window.offset
        if (in_vain := _follow(window, max(at, first + 1))) is None:
            return first if first >= at else window.offset
        # Headers that claim a lot are checked at the cost of reading it: that many of them are not.
        window.position = min(window.position + 1 + in_vain // _MOST_IN_VAIN, len(window.data))
    return None


def _to_header(window: Window, stop: int) -> bool:
    """Moves the window to the next header; whether there is one before `stop`."""
    while window.offset < stop and window.fill(HEADER_BYTES):
        window.position = find_header(window.data, window.position)
        if window.left >= HEADER_BYTES:
            return window.offset < stop
    return False


def _follow(window: Window, at: int) -> int | None:
    """Moves the window along whole records to the first at `at` or later, or to the end of the file.

    None if it gets there. Else there is another thing than a whole record: so many bytes of it were read.
    """
    needed = HEADER_BYTES
    while window.fill(needed):
        base = window.offset - window.position
        window.position, state, needed = follow_records(window.data, window.position, at - base)
        if state != MORE:
            return None if state == FULL else needed
    return window.left or None


def read_range(stored: BinaryIO, start: int, stop: int, look_back: int = LOOK_BACK) -> Iterator[Block]:
    """The records of an uncompressed file that begin at byte `start` or later, and before `stop`.

    Raises TFRecordError as `read_blocks` does for the file; `WRONG_CUT` where the next range begins at
    another place than where the last record ends.
    """
    section = open_section(stored, start, stop, functools.partial(first_record, look_back=look_back))
    if section is None:
        return
    try:
        yield from read_blocks(cast(BinaryIO, section), offset=section.start)
    except TFRecordError as error:
        if error.reason == "truncated" and section.end != END_OF_FILE:
            _check_cut(stored, error.offset, section.end)
        raise


def _check_cut(stored: BinaryIO, offset: int, end: int) -> None:
    """Raises TFRecordError: what is wrong with the record at `offset`, or if nothing is, with the cut."""
    stored.seek(offset)
    for _ in read_blocks(stored, block_records=1, offset=offset):
        raise TFRecordError(end, WRONG_CUT, wrong_cut("a record that holds records"))
