"""Hashes of bytes, against the same by hand."""

from __future__ import annotations

from typing import Any

import pytest
from numba import njit
from support.wire import array

from trueserve.transforms.columnar import hashing


@njit  # type: ignore[untyped-decorator]
def hash_of(data: Any, start: int, length: int) -> Any:
    return hashing.hash_bytes(data, start, length)


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
