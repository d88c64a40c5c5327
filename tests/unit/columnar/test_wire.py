"""Varints, lengths and messages, byte by byte."""

from __future__ import annotations

from typing import Any

import pytest
from numba import njit
from support.wire import array, varint

from trueserve.transforms.columnar import wire


@njit  # type: ignore[untyped-decorator]
def read_varint(data: Any, position: int, end: int) -> Any:
    return wire.read_varint(data, position, end)


@njit  # type: ignore[untyped-decorator]
def read_length(data: Any, position: int, end: int) -> Any:
    return wire.read_length(data, position, end)


@njit  # type: ignore[untyped-decorator]
def enter(data: Any, position: int, end: int, tag: int) -> Any:
    return wire.enter(data, position, end, tag)


@njit  # type: ignore[untyped-decorator]
def count_varints(data: Any, start: int, end: int) -> Any:
    return wire.count_varints(data, start, end)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**14 - 1, 2**14, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
def test_varints(value: int) -> None:
    data = b"\xff" + varint(value) + b"\x01"
    assert tuple(map(int, read_varint(array(data), 1, len(data)))) == (value, len(data) - 1)
    assert read_varint(array(data), 1, len(data) - 2)[1] == -1


@pytest.mark.parametrize("data", [b"", b"\x80" * 10 + b"\x01", b"\xff" * 9 + b"\x02", b"\x80", b"\xff" * 20])
def test_bytes_that_are_no_varint(data: bytes) -> None:
    assert read_varint(array(data), 0, len(data))[1] == -1


def test_zeros_may_be_long() -> None:
    assert tuple(map(int, read_varint(array(b"\x80" * 9 + b"\x01"), 0, 10))) == (1 << 63, 10)
    assert tuple(map(int, read_varint(array(b"\x81" + b"\x80" * 8 + b"\x00"), 0, 10))) == (1, 10)


def test_lengths() -> None:
    assert read_length(array(b"\x03abc"), 0, 4) == (4, 1)
    assert read_length(array(b"\x03abcd"), 0, 4) == (4, 1)
    assert read_length(array(b"\x03abc"), 0, 3) == (-1, -1)
    assert read_length(array(b"\x00"), 0, 1) == (1, 1)
    assert read_length(array(b"\x00"), 1, 1) == (-1, -1)
    long = b"\x80\x01" + b"x" * 128
    assert read_length(array(long), 0, 130) == (130, 2)
    assert read_length(array(long), 0, 129) == (-1, -1)
    assert read_length(array(b"\x7f" + b"x" * 127), 0, 128) == (128, 1)
    assert read_length(array(b"\xff" * 9 + b"\x01abc"), 0, 13) == (-1, -1)


def test_messages_are_entered_by_their_tag() -> None:
    data = array(b"\x0a\x02ab")
    assert enter(data, 0, 4, 0x0A) == (4, 2)
    assert enter(data, 0, 4, 0x12) == (-1, -1)
    assert enter(data, 4, 4, 0x0A) == (-1, -1)
    assert enter(data, 0, 3, 0x0A) == (-1, -1)


def test_varints_are_counted() -> None:
    data = array(b"\x00\x7f\x80\x01\xff\xff\x01")
    assert [count_varints(data, 0, end) for end in range(8)] == [0, 1, 2, 2, 3, 3, 3, 4]
    assert count_varints(data, 2, 7) == 2
