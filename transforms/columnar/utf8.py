"""Whether bytes are UTF-8 (RFC 3629), for compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.columnar.memory import load64
from trueserve.transforms.compiling.compiled import Int, helper

_HIGH_BITS = np.uint64(0x8080808080808080)


@helper
def _sequence(data: Any, position: Int, end: Int) -> Int:
    """Bytes of the well-formed sequence at `position` (table 3-7 of the Unicode standard), 0 if none."""
    first = data[position]
    if first < 0x80:
        return 1
    if first < 0xC2 or first > 0xF4:
        return 0
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if end - position < length:
        return 0
    low = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
    high = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
    if data[position + 1] < low or data[position + 1] > high:
        return 0
    for i in range(2, length):
        if data[position + i] & 0xC0 != 0x80:
            return 0
    return length


@helper
def is_utf8(data: Any, start: Int, end: Int) -> bool:
    """Whether `data[start:end]` is well-formed UTF-8."""
    position = start
    while position < end:
        if end - position >= 8 and load64(data, position) & _HIGH_BITS == 0:
            position += 8
            continue
        length = _sequence(data, position, end)
        if length == 0:
            return False
        position += length
    return True
