"""A 64-bit hash of bytes, uniform enough to count distinct values by; and of records, rows and requests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.columnar.memory import load64, tail_word
from trueserve.transforms.compiling.compiled import BYTES, LONGS, Int, compiled, helper

Array = np.ndarray[Any, Any]

_FIRST = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio
_SECOND = np.uint64(0xFF51AFD7ED558CCD)  # the multipliers of MurmurHash3's finalizer (Appleby, 2011)
_THIRD = np.uint64(0xC4CEB9FE1A85EC53)
_UNIT = 2.0**-53


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


@compiled(types.void(BYTES, LONGS, LONGS, types.float64[::1]))
def hash_records(data: Array, starts: Array, ends: Array, out: Array) -> None:
    """For each record `data[start:end]` a number in [0, 1) that its bytes alone decide."""
    for i in range(starts.size):
        code = hash_bytes(data, starts[i], ends[i] - starts[i])
        out[i] = np.float64(code >> np.uint64(11)) * _UNIT


@compiled(types.void(BYTES, LONGS, LONGS, types.uint64, types.uint64[::1]))
def add_hashes(data: Array, starts: Array, ends: Array, salt: np.uint64, codes: Array) -> None:
    """Adds to each row's code what its values `data[start:end]` give in the column of that salt."""
    for i in range(starts.size):
        if ends[i] > starts[i]:
            codes[i] += finish_hash(hash_bytes(data, starts[i], ends[i] - starts[i]) ^ salt)


@compiled(types.void(BYTES, LONGS, LONGS, types.int64[:, ::1], types.uint64[::1]))
def hash_requests(data: Array, starts: Array, ends: Array, requests: Array, out: Array) -> None:
    """For each request a hash of its examples `data[start:end]`, in their order, which counts."""
    for i in range(out.size):
        begin, stop = requests[i, 0], requests[i, 1]
        code = np.uint64(stop - begin)
        for j in range(begin, stop):
            code = finish_hash(code + _FIRST ^ hash_bytes(data, starts[j], ends[j] - starts[j]))
        out[i] = code
