"""TFRecord framing from the middle of a file: where the next record begins, told by checksums.

A record counts as one if both of its checksums are right, and another record or the end of the file follows.
What a record holds may look like that, too: a file of TFRecords in a feature, say. So the search begins a
good deal before the place that is asked for, and goes along whole records to it: what is in a record ends
with it, and leads nowhere. It errs only where a record that is longer than that holds others. Who reads up
to the place finds out, because a record runs over it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
from numba import types

from trueserve.transforms.columnar.crc32c import masked_crc32c
from trueserve.transforms.columnar.framing import (
    BAD_DATA_CHECKSUM,
    BAD_LENGTH_CHECKSUM,
    FULL,
    MORE,
    OVERHEAD_BYTES,
    Block,
    Window,
    read_blocks,
)
from trueserve.transforms.columnar.memory import load32, load64
from trueserve.transforms.compiling.compiled import BYTES, Int, compiled, helper
from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.files.section import WrongCutError, open_section
from trueserve.transforms.files.tfrecord import HEADER_BYTES, MAX_RECORD_BYTES, TFRecordError

Array = np.ndarray[Any, Any]

#: So many bytes before the place that is asked for are looked at, too.
LOOK_BACK = 1 << 20
_BLOCK_BYTES = 1 << 20
# Longer records are passed over: headers that lie cost no more than this each.
_LONGEST = 16 << 20
_CAUSE = "a record that holds records"


@helper
def _is_header(data: Array, position: Int, longest: Int) -> Any:
    # The length first: few bytes that are none could be one, so that most need no checksum.
    length = load64(data, position)
    if length > np.uint64(longest):
        return False
    return load32(data, position + 8) == masked_crc32c(data, position, position + 8)


@compiled(types.int64(BYTES, types.int64))
def find_header(data: Array, start: Int) -> Int:
    """Where the first header of a record in `data[start:]` begins; if there is none, where one may."""
    for position in range(start, data.size - HEADER_BYTES + 1):
        if _is_header(data, position, _LONGEST):
            return position
    return max(start, data.size - HEADER_BYTES + 1)


@compiled(types.UniTuple(types.int64, 3)(BYTES, types.int64, types.int64))
def follow_records(data: Array, start: Int, at: Int) -> tuple[Int, Int, Int]:
    """Goes from record to record, all of them whole, to the first that begins at `at` or later.

    Returns where it got to, why it stopped there, and how many bytes the record there needs: FULL at the
    header of that record, MORE where the data end before.
    """
    position = start
    while True:
        if data.size - position < HEADER_BYTES:
            return position, MORE, HEADER_BYTES
        if not _is_header(data, position, MAX_RECORD_BYTES if position >= at else _LONGEST):
            return position, BAD_LENGTH_CHECKSUM, 0
        if position >= at:
            return position, FULL, 0
        length = np.int64(load64(data, position))
        if data.size - position - OVERHEAD_BYTES < length:
            return position, MORE, length + OVERHEAD_BYTES
        end = position + HEADER_BYTES + length
        if load32(data, end) != masked_crc32c(data, position + HEADER_BYTES, end):
            return position, BAD_DATA_CHECKSUM, 0
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
        reached = _follow(window, max(at, first + 1))
        if reached is not None:
            return first if first >= at else reached
        window.position += 1
    return None


def _to_header(window: Window, stop: int) -> bool:
    """Moves the window to the next header; whether there is one before `stop`."""
    while window.offset < stop and window.fill(HEADER_BYTES):
        window.position = find_header(window.data, window.position)
        if window.left >= HEADER_BYTES:
            return window.offset < stop
    return False


def _follow(window: Window, at: int) -> int | None:
    """Where whole records, from that at the window's start, lead to: the first at `at` or later, or the end.

    None if there is a record that is not whole, or another thing than a record where one should begin. The
    start of the window stays.
    """
    distance, needed = 0, HEADER_BYTES
    while window.fill(distance + needed):
        start = window.position
        reached, state, needed = follow_records(window.data, start + distance, start + at - window.offset)
        distance = reached - start
        if state != MORE:
            return window.offset + distance if state == FULL else None
    return window.offset + distance if window.left == distance else None


def read_range(stored: BinaryIO, start: int, stop: int, look_back: int = LOOK_BACK) -> Iterator[Block]:
    """The records of an uncompressed file that begin at byte `start` or later, and before `stop`.

    Raises TFRecordError as `read_blocks` does for the file, and WrongCutError.
    """
    find = functools.partial(first_record, look_back=look_back)
    if (section := open_section(stored, start, stop, find, _CAUSE)) is None:
        return
    try:
        yield from read_blocks(cast(BinaryIO, section), offset=section.start)
    except TFRecordError as error:
        if error.reason == "truncated" and section.end != END_OF_FILE:
            _check_cut(stored, error.offset, section.end)
        raise


def _check_cut(stored: BinaryIO, offset: int, end: int) -> None:
    """Raises what is wrong with the record at `offset`, or if nothing is, with the cut."""
    stored.seek(offset)
    for _ in read_blocks(stored, block_records=1, offset=offset):
        raise WrongCutError(end, _CAUSE)
