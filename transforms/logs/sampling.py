"""A sample of records that is the same in every run: chosen by a hash of their bytes."""

from __future__ import annotations

import numpy as np
from numba import types

from transforms.columnar.compiled import BYTES, LONGS, compiled
from transforms.columnar.framing import Array, Block
from transforms.columnar.hashing import hash_bytes

_UNIT = 2.0**-53


@compiled(types.void(BYTES, LONGS, LONGS, types.float64[::1]))
def hash_records(data: Array, starts: Array, ends: Array, out: Array) -> None:
    """For each record `data[start:end]` a number in [0, 1) that its bytes alone decide."""
    for i in range(starts.size):
        code = hash_bytes(data, starts[i], ends[i] - starts[i])
        out[i] = np.float64(code >> np.uint64(11)) * _UNIT


def chosen(block: Block, fraction: float) -> Array:
    """Which records are in the sample, as booleans. A larger fraction has all records of a smaller one."""
    numbers = np.empty(len(block))
    hash_records(block.data, block.starts, block.ends, numbers)
    result: Array = numbers < fraction
    return result


def part(block: Block, mask: Array) -> Block:
    """The records of the block where `mask` is true."""
    return Block(block.data, block.starts[mask], block.ends[mask])
