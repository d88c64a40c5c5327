"""Text that is UTF-8, and bytes that are not."""

from __future__ import annotations

from typing import Any

import pytest
from numba import njit
from support.wire import array

from trueserve.transforms.columnar import utf8


@njit  # type: ignore[untyped-decorator]
def is_utf8(data: Any, start: int, end: int) -> bool:
    return utf8.is_utf8(data, start, end)


# The ends of each range of table 3-7 of the Unicode standard, and what lies just beyond them.
WELL_FORMED = [
    "",
    "a",
    "\x00",
    "\x7f",
    "\x80",
    "\u07ff",
    "\u0800",
    "\u0fff",
    "\u1000",
    "\ucfff",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "\U00010000",
    "\U0003ffff",
    "\U00040000",
    "\U000fffff",
    "\U00100000",
    "\U0010ffff",
    "12345678",
    "123456789",
    "1234567é",
    "12345678é",
    "é1234567",
    "12345678" * 3,
    "zwölf" * 5,
]
MALFORMED = [
    b"\x80",
    b"\xbf",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xc2",
    b"\xc2\x7f",
    b"\xc2\xc0",
    b"\xdf",
    b"\xe0\x9f\xbf",
    b"\xe0\xa0",
    b"\xe0\xa0\x7f",
    b"\xe0\xa0\xc0",
    b"\xe1\x7f\x80",
    b"\xe1\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x90\x80",
    b"\xf0\x90\x80\x7f",
    b"\xf0\x90\x7f\x80",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xff",
    b"12345678\xff",
    b"1234567\xc3",
    b"\xff12345678",
]


@pytest.mark.parametrize("text", WELL_FORMED)
def test_well_formed_text(text: str) -> None:
    data = b"\xff" + text.encode() + b"\xff"
    assert is_utf8(array(data), 1, len(data) - 1)


@pytest.mark.parametrize("data", MALFORMED)
def test_malformed_text(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    assert not is_utf8(array(data + b"\x80\x80\x80"), 0, len(data))
    assert not is_utf8(array(b"ab" + data), 0, 2 + len(data))
