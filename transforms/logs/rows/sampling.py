"""A sample of records that is the same in every run: chosen by a hash of their bytes, or of their values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from trueserve.transforms.columnar.framing import Array, Block
from trueserve.transforms.columnar.hashing import add_hashes, hash_records
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.features import Column, FeatureType, type_of


def chosen(block: Block, fraction: float) -> Array:
    """Which records are in the sample, as booleans. A larger fraction has all records of a smaller one."""
    numbers = np.empty(len(block))
    hash_records(block.data, block.starts, block.ends, numbers)
    result: Array = numbers < fraction
    return result


def part(block: Block, mask: Array) -> Block:
    """The records of the block where `mask` is true."""
    return Block(block.data, block.starts[mask], block.ends[mask])


def chosen_rows(columns: Sequence[Column], num_rows: int, fraction: float) -> Array:
    """Which rows are in the sample, as booleans, where a record is a row of columns and its bytes are gone.

    What a row holds decides, whatever rows it stands among and in whatever order its columns come.
    """
    codes = np.zeros(num_rows, np.uint64)
    for name, column in columns:
        if type_of(column) is not None:
            salt = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())
            add_hashes(*_stored(column), np.uint64(salt), codes)
    starts = np.arange(0, 8 * num_rows, 8)
    numbers = np.empty(num_rows)
    hash_records(codes.view(np.uint8), starts, starts + 8, numbers)
    result: Array = numbers < fraction
    return result


def _stored(column: pa.LargeListArray) -> tuple[Array, Array, Array]:
    """The bytes of a list column's values, and where those of each row start and end; none for a null."""
    flat = column.flatten()
    lengths = np.asarray(column.value_lengths().fill_null(0))
    bounds = np.append(0, np.cumsum(lengths))
    if not flat.nbytes:
        return np.empty(0, np.uint8), bounds[:-1] * 0, bounds[1:] * 0
    if type_of(column) is FeatureType.BYTES:
        _, offsets, texts = flat.buffers()
        bounds = np.frombuffer(offsets, np.int64)[flat.offset :][bounds]
        data = np.frombuffer(texts, np.uint8) if texts is not None and texts.size else np.empty(0, np.uint8)
    else:
        data = flat.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint8)
        bounds = bounds * (flat.type.bit_width // 8)
    return data, np.ascontiguousarray(bounds[:-1]), np.ascontiguousarray(bounds[1:])
