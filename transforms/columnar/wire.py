"""The protocol buffer wire format, for compiled code: https://protobuf.dev/programming-guides/encoding"""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.compiling.compiled import Int, helper

_LONGEST_VARINT = 10


@helper
def read_varint(data: Any, position: Int, end: Int) -> tuple[Any, Int]:
    """The varint at `position` and where it ends; -1 if `data[:end]` has none there that fits 64 bits."""
    value, shift = np.uint64(0), np.uint64(0)
    last = min(end, position + _LONGEST_VARINT)
    while position < last:
        byte = np.uint64(data[position])
        position += 1
        if shift == np.uint64(63) and byte > np.uint64(1):
            return value, -1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            return value, position
        shift += np.uint64(7)
    return value, -1


@helper
def read_length(data: Any, position: Int, end: Int) -> tuple[Int, Int]:
    """The end and the start of the bytes whose length stands at `position`; -1 if they overrun `end`."""
    if position < end and data[position] < 0x80:
        value, start = np.uint64(data[position]), position + 1
    else:
        value, start = read_varint(data, position, end)
    if start < 0 or value > np.uint64(end - start):
        return -1, -1
    return start + np.int64(value), start


@helper
def enter(data: Any, position: Int, end: Int, tag: Int) -> tuple[Int, Int]:
    """The end and start of the message or bytes at `position` with the one-byte `tag`; -1 if it is none."""
    if position >= end or data[position] != tag:
        return -1, -1
    return read_length(data, position + 1, end)


@helper
def count_varints(data: Any, start: Int, end: Int) -> Int:
    """How many varints end in `data[start:end]`."""
    count = 0
    for position in range(start, end):
        count += data[position] < 0x80
    return count
