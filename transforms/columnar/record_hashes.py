"""Hashes of records, of rows and of requests, from the bytes that these hold."""

from __future__ import annotations

import numpy as np
from numba import types

from transforms.columnar.framing import Array
from transforms.columnar.hashing import finish_hash, hash_bytes
from transforms.compiling.compiled import BYTES, LONGS, compiled

_UNIT = 2.0**-53
_NEXT = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: the order of examples counts


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
    """For each request a hash of its examples `data[start:end]`, in their order."""
    for i in range(out.size):
        begin, stop = requests[i, 0], requests[i, 1]
        code = np.uint64(stop - begin)
        for j in range(begin, stop):
            code = finish_hash(code + _NEXT ^ hash_bytes(data, starts[j], ends[j] - starts[j]))
        out[i] = code
