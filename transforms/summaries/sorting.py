"""Numbers as unsigned keys of the same order, and sorting by radix, for compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import UINT32S, UINT64S, Int, compiled, helper

Array = np.ndarray[Any, Any]

DIGITS = 256
_SIGN32, _SIGN64 = np.uint32(1 << 31), np.uint64(1 << 63)
_ONES32 = np.uint32(0xFFFFFFFF)

# The names that numpy gives to AVX-512, in which it sorts two to three times as fast as `sort_keys`.
_VECTORS = {"AVX512_SKX", "X86_V4"}
_show_config: Any = np.show_config  # numpy 1 declares that it returns nothing
#: Whether numpy sorts faster on this machine; the result is the same.
HAS_VECTOR_SORT = not _VECTORS.isdisjoint(_show_config(mode="dicts")["SIMD Extensions"]["found"])

_UINT32S, _UINT64S, _INT64S = types.uint32[::1], types.uint64[::1], types.int64[::1]


@helper
def float_key(bits: Any) -> Any:
    """The key of a float, given as its bits; -0.0 comes right before 0.0, NaN outside of the infinities."""
    return bits ^ (_ONES32 if bits & _SIGN32 else _SIGN32)


@helper
def float_of_key(key: Any) -> Any:
    """The float of a key, as a double."""
    bits = np.uint32(key ^ (_SIGN32 if key & _SIGN32 else _ONES32))
    return np.float64(bits.view(np.float32))


@helper
def int_key(value: Any) -> Any:
    """The key of an int64."""
    return np.uint64(value) ^ _SIGN64


def doubles_of(keys: Array) -> Array:
    """The numbers of keys, as doubles: of uint32 keys those of floats, of uint64 keys those of ints."""
    if keys.dtype == np.uint64:
        return (keys ^ _SIGN64).view(np.int64).astype(np.float64)
    bits = np.where(keys & _SIGN32, keys ^ _SIGN32, ~keys)
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


@helper
def _distribute(keys: Any, spare: Any, size: Int, shift: Any, offsets: Any) -> None:
    """Sorts `keys` stably by one byte into `spare`."""
    for digit in range(DIGITS):
        offsets[digit] = 0
    for i in range(size):
        offsets[np.int64(keys[i] >> shift) & 0xFF] += 1
    before = 0
    for digit in range(DIGITS):
        count = offsets[digit]
        offsets[digit] = before
        before += count
    for i in range(size):
        own = np.int64(keys[i] >> shift) & 0xFF
        spare[offsets[own]] = keys[i]
        offsets[own] += 1


@helper
def _sort(keys: Any, spare: Any, size: Int, offsets: Any) -> None:
    differing = keys[0] ^ keys[0]
    for i in range(1, size):
        differing |= keys[i] ^ keys[0]
    swapped = False
    for byte in range(keys.itemsize):
        shift = keys[0] * 0 + np.uint32(8 * byte)
        if (differing >> shift) & np.uint32(0xFF) == 0:
            continue
        if swapped:
            _distribute(spare, keys, size, shift, offsets)
        else:
            _distribute(keys, spare, size, shift, offsets)
        swapped = not swapped
    if swapped:
        for i in range(size):
            keys[i] = spare[i]


@compiled(
    types.void(_UINT32S, _UINT32S, types.int64, _INT64S),
    types.void(_UINT64S, _UINT64S, types.int64, _INT64S),
)
def sort_keys(keys: Array, spare: Array, size: Int, offsets: Array) -> None:
    """Sorts the first `size` (one at least) keys; `spare` has as many, `offsets` has DIGITS."""
    _sort(keys, spare, size, offsets)


@helper
def _halve(left: Any, right: Any, first: int, out: Any) -> None:
    i, j = 0, 0
    for position in range(left.size + right.size):
        if j == right.size or (i < left.size and left[i] <= right[j]):
            key = left[i]
            i += 1
        else:
            key = right[j]
            j += 1
        if position & 1 == first:
            out[position >> 1] = key


@compiled(
    types.void(UINT32S, UINT32S, types.int64, _UINT32S), types.void(UINT64S, UINT64S, types.int64, _UINT64S)
)
def merge_halved(left: Array, right: Array, first: int, out: Array) -> None:
    """Every other number of two sorted runs merged, from the one at `first` (0 or 1) on."""
    _halve(left, right, first, out)
