"""A hash of each row by its values alone: not by where it stands, nor by the order of its columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from trueserve.transforms.columnar.hashing import add_hashes
from trueserve.transforms.core.arrow import pa

Array = np.ndarray[Any, Any]


def row_hashes(columns: Iterable[tuple[str, pa.Array]], num_rows: int) -> Array:
    """A uint64 of each row, 0 for a row without any value.

    Args:
      columns: names, and list columns of so many rows. Columns of other types are left out.
    """
    codes = np.zeros(num_rows, np.uint64)
    for name, column in columns:
        if pa.types.is_large_list(column.type):
            salt = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())
            add_hashes(*_stored(column), np.uint64(salt), codes)
    return codes


def _stored(column: pa.LargeListArray) -> tuple[Array, Array, Array]:
    """The bytes of a list column's values, and where those of each row start and end; none for a null."""
    flat = column.flatten()
    lengths = np.asarray(column.value_lengths().fill_null(0))
    bounds = np.append(0, np.cumsum(lengths))
    if not flat.nbytes:
        return np.empty(0, np.uint8), bounds[:-1] * 0, bounds[1:] * 0
    if pa.types.is_large_binary(flat.type):
        _, offsets, texts = flat.buffers()
        bounds = np.frombuffer(offsets, np.int64)[flat.offset :][bounds]
        data = np.frombuffer(texts, np.uint8) if texts is not None and texts.size else np.empty(0, np.uint8)
    else:
        data = flat.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint8)
        bounds = bounds * (flat.type.bit_width // 8)
    return data, np.ascontiguousarray(bounds[:-1]), np.ascontiguousarray(bounds[1:])
