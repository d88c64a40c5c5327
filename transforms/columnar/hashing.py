"""A 64-bit hash of bytes, uniform enough to count distinct values by."""

from __future__ import annotations

from typing import Any

import numpy as np

from transforms.columnar.memory import load64, tail_word
from transforms.compiling.compiled import Int, helper

_FIRST = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio
_SECOND = np.uint64(0xFF51AFD7ED558CCD)  # the multipliers of MurmurHash3's finalizer (Appleby, 2011)
_THIRD = np.uint64(0xC4CEB9FE1A85EC53)


@helper
def finish_hash(word: Any) -> Any:
    """Every bit of the result depends on every bit of `word`; no two words have the same result."""
    word ^= word >> np.uint64(33)
    word *= _SECOND
    word ^= word >> np.uint64(33)
    word *= _THIRD
    return word ^ word >> np.uint64(33)


@helper
def hash_bytes(data: Any, start: Int, length: Int) -> Any:
    """The hash of `data[start:start + length]`."""
    state, done = np.uint64(length) * _FIRST, 0
    while length - done >= 8:
        state = finish_hash(state ^ load64(data, start + done)) + _FIRST
        done += 8
    if length > done:
        state ^= tail_word(data, start + done, length - done)
    return finish_hash(state)
