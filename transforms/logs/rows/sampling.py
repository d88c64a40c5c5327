"""A sample of records that is the same in every run: chosen by a hash of their bytes, or of their values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trueserve.transforms.columnar.framing import Array, Block
from trueserve.transforms.columnar.hashing import hash_records
from trueserve.transforms.columnar.row_hashes import row_hashes
from trueserve.transforms.logs.features import Column


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
    codes = row_hashes(columns, num_rows)
    starts = np.arange(0, 8 * num_rows, 8)
    numbers = np.empty(num_rows)
    hash_records(codes.view(np.uint8), starts, starts + 8, numbers)
    result: Array = numbers < fraction
    return result
