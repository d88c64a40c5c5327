"""Checksums against google_crc32c."""

from __future__ import annotations

from typing import Any

import google_crc32c
import numpy as np
import pytest
from numba import njit

from trueserve.transforms.columnar import crc32c, memory


@njit  # type: ignore[untyped-decorator]
def masked_crc32c(data: Any, start: int, end: int) -> Any:
    return crc32c.masked_crc32c(data, start, end)


@njit  # type: ignore[untyped-decorator]
def tabled_crc32c(data: Any, start: int, end: int) -> Any:
    crc, position = np.uint32(0xFFFFFFFF), start
    while end - position >= 8:
        crc = crc32c.tabled_word(crc, memory.load64(data, position))
        position += 8
    while position < end:
        crc = crc32c.tabled_byte(crc, data[position])
        position += 1
    return crc ^ np.uint32(0xFFFFFFFF)


DATA = np.random.default_rng(0).integers(0, 256, 300, np.uint8)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (0, 1), (3, 11), (4, 11), (5, 300), (0, 299), (7, 23)])
def test_checksums(start: int, end: int) -> None:
    expected = int(google_crc32c.value(DATA[start:end].tobytes()))
    assert int(tabled_crc32c(DATA, start, end)) == expected
    rotated = (expected >> 15 | expected << 17) & 0xFFFFFFFF
    assert int(masked_crc32c(DATA, start, end)) == (rotated + 0xA282EAD8) & 0xFFFFFFFF
