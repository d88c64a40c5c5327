"""Bytes that are the same, and tails of words."""

from __future__ import annotations

from typing import Any

import pytest
from numba import njit
from support.wire import array

from trueserve.transforms.columnar import memory


@njit  # type: ignore[untyped-decorator]
def same_bytes(left: Any, at: int, right: Any, start: int, length: int) -> Any:
    return memory.same_bytes(left, at, right, start, length)


@njit  # type: ignore[untyped-decorator]
def tail_word(data: Any, position: int, length: int) -> Any:
    return memory.tail_word(data, position, length)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 16, 23])
def test_same_bytes(length: int) -> None:
    data = bytes(range(length))
    for after in (b"", b"!" * 30):
        left, right = array(b"ab" + data + after), array(b"cde" + data + after[::-1])
        assert same_bytes(left, 2, right, 3, length)
        for at in range(length):
            other = bytearray(data)
            other[at] ^= 1
            assert not same_bytes(left, 2, array(b"cde" + bytes(other) + after), 3, length)


@pytest.mark.parametrize("length", range(1, 8))
@pytest.mark.parametrize("size", [7, 8, 9, 20])
def test_tails_of_words(length: int, size: int) -> None:
    data = bytes(range(200, 200 + size))
    expected = int.from_bytes(data[:length], "little")
    assert int(tail_word(array(b"x" + data), 1, length)) == expected
