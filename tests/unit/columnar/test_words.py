"""Compiled helpers on single values: text, hashes, checksums, whole numbers and tables of names."""

from __future__ import annotations

from typing import Any

import google_crc32c
import numpy as np
import pytest
from numba import njit
from support.wire import varint

from transforms.columnar import crc32c, hashing, memory, names, utf8, wire

Array = np.ndarray[Any, Any]


@njit  # type: ignore[untyped-decorator]
def is_utf8(data: Any, start: int, end: int) -> bool:
    return utf8.is_utf8(data, start, end)


@njit  # type: ignore[untyped-decorator]
def hash_of(data: Any, start: int, length: int) -> Any:
    return hashing.hash_bytes(data, start, length)


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


@njit  # type: ignore[untyped-decorator]
def same_bytes(left: Any, at: int, right: Any, start: int, length: int) -> Any:
    return memory.same_bytes(left, at, right, start, length)


@njit  # type: ignore[untyped-decorator]
def tail_word(data: Any, position: int, length: int) -> Any:
    return memory.tail_word(data, position, length)


@njit  # type: ignore[untyped-decorator]
def number_of(table: Any, data: Any, start: int, length: int) -> Any:
    return names.number_of(table, data, start, length)


@njit  # type: ignore[untyped-decorator]
def add_name(table: Any, data: Any, start: int, length: int) -> Any:
    number, slot = names.number_of(table, data, start, length)
    return names.add_name(table, slot, data, start, length) if number == names.NO_ROOM else number


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


def array(data: bytes) -> Array:
    return np.frombuffer(data, np.uint8)


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


def finished(word: int) -> int:
    """MurmurHash3's finalizer in whole numbers."""
    all_bits = (1 << 64) - 1
    word ^= word >> 33
    word = word * 0xFF51AFD7ED558CCD & all_bits
    word ^= word >> 33
    word = word * 0xC4CEB9FE1A85EC53 & all_bits
    return word ^ word >> 33


def hash_by_hand(data: bytes) -> int:
    all_bits, golden = (1 << 64) - 1, 0x9E3779B97F4A7C15
    state, aligned = len(data) * golden & all_bits, len(data) // 8 * 8
    for at in range(0, aligned, 8):
        state = (finished(state ^ int.from_bytes(data[at : at + 8], "little")) + golden) & all_bits
    return finished(state ^ int.from_bytes(data[aligned:], "little"))


@pytest.mark.parametrize("length", [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 64])
@pytest.mark.parametrize("after", [0, 1, 20])
def test_hashes(length: int, after: int) -> None:
    data = bytes(range(100, 100 + length))
    assert int(hash_of(array(b"??" + data + b"!" * after), 2, length)) == hash_by_hand(data)


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


DATA = np.random.default_rng(0).integers(0, 256, 300, np.uint8)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (0, 1), (3, 11), (4, 11), (5, 300), (0, 299), (7, 23)])
def test_checksums(start: int, end: int) -> None:
    expected = int(google_crc32c.value(DATA[start:end].tobytes()))
    assert int(tabled_crc32c(DATA, start, end)) == expected
    rotated = (expected >> 15 | expected << 17) & 0xFFFFFFFF
    assert int(masked_crc32c(DATA, start, end)) == (rotated + 0xA282EAD8) & 0xFFFFFFFF


def test_names_have_numbers_in_their_order() -> None:
    table = names.new_names(4, 20)
    data = array(b"abcabcdxyz")
    assert [add_name(table, data, 0, 3), add_name(table, data, 3, 4), add_name(table, data, 3, 3)] == [
        0,
        1,
        0,
    ]
    assert add_name(table, data, 7, 0) == 2
    assert [names.name_of(table, number) for number in range(3)] == [b"abc", b"abcd", b""]
    assert number_of(table, data, 7, 3)[0] == names.NO_ROOM
    assert table.used.tolist() == [3, 7]


def test_a_full_table_grows_and_keeps_its_numbers() -> None:
    table, labels = names.new_names(2, 8), [b"name %d" % i for i in range(50)]
    for number, word in enumerate(labels):
        while (given := add_name(table, array(word), 0, len(word))) == names.NO_ROOM:
            table = names.grown(table, len(word))
        assert given == number
    assert [names.name_of(table, i) for i in range(50)] == labels
    assert [number_of(table, array(word), 0, len(word))[0] for word in labels] == list(range(50))
    assert (len(table.hashes), len(table.slots)) == (64, 128)


def test_room_for_a_name_is_in_the_table_and_in_the_bytes() -> None:
    table = names.new_names(2, 3)
    assert add_name(table, array(b"abcd"), 0, 4) == names.NO_ROOM
    assert add_name(table, array(b"abc"), 0, 3) == 0
    assert add_name(table, array(b"d"), 0, 1) == names.NO_ROOM
    larger = names.grown(table, 1)
    assert (len(larger.hashes), len(larger.arena)) == (2, 6)
    assert [add_name(larger, array(b"d"), 0, 1), add_name(larger, array(b"e"), 0, 1)] == [1, names.NO_ROOM]
    largest = names.grown(larger, 100)
    assert (len(largest.hashes), len(largest.arena)) == (4, 104)
    assert largest.used.tolist() == [2, 4]


def test_what_followed_a_name_is_kept() -> None:
    table = names.new_names(2, 20)
    for word in (b"a", b"b"):
        add_name(table, array(word), 0, 1)
    table.follows[:] = [1, 0, 1]
    assert names.grown(table, 5).follows.tolist() == [1, 0, 1, 0, 0]
