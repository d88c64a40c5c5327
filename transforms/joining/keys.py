"""The keys of rows: their columns, a hash to spread and find them by, and a number for each that is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trueserve.transforms.columnar.hashing import add_hashes
from trueserve.transforms.core.arrow import pa, pc
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.joining.cells import Cells, equal_rows, stored
from trueserve.transforms.joining.key_parts import REQUEST_ID, KeyPart
from trueserve.transforms.joining.piece import Side
from trueserve.transforms.logs.features import Array, FeatureType, lists, merged, type_of

_TYPES = tuple(FeatureType)
_GOLDEN = 0x9E3779B97F4A7C15


def key_columns(batch: Batch, key: Sequence[KeyPart], side: Side) -> list[pa.Array]:
    """The list columns of the key; null, or without a type, where no row has one."""
    return [_column(batch, part, side) for part in key]


def with_key(columns: Sequence[pa.Array]) -> Array:
    """Which rows have a value in every column of the key, as booleans."""
    has_values = [_has_values(column) for column in columns]
    return np.asarray(np.logical_and.reduce(has_values))


def key_hashes(columns: Sequence[Cells]) -> Array:
    """A uint64 a row, the same for equal keys. Keys that differ in how values are cut may share one."""
    codes = np.zeros(len(columns[0].lengths), np.uint64)
    for number, cells in enumerate(columns):
        salt = (_TYPES.index(cells.kind) + 1 + len(_TYPES) * number) * _GOLDEN % (1 << 64)
        data, starts, ends = stored(cells)
        bounds = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(ends, np.int64)
        add_hashes(data, *bounds, np.uint64(salt), codes)
    return codes


def number_keys(key_cells: Sequence[Sequence[Cells]], hashes: Sequence[Array]) -> tuple[Array, Array, int]:
    """A number from 0 for the key of each row of both sides, equal where keys are equal; and how many.

    Rows are found by hash and held to the key itself, so that neither chance nor whoever chose the keys
    makes a pair of two that differ.
    """
    cut = len(hashes[0])
    distinct, first, numbers = np.unique(np.concatenate(hashes), return_index=True, return_inverse=True)
    numbers = numbers.reshape(-1)
    if _all_equal(key_cells, first[numbers], cut):
        return numbers[:cut], numbers[cut:], len(distinct)
    return _number_exactly(key_cells, cut)


def _column(batch: Batch, part: KeyPart, side: Side) -> pa.Array:
    name = REQUEST_ID if part.of_log and side is Side.REQUESTS else part.feature
    at = batch.features.schema.get_field_index(name)
    column = batch.features.column(at) if at >= 0 else pa.nulls(batch.features.num_rows)
    if not part.of_log:
        return column
    column = _as_text(column)
    return _or_id(column, batch.metadata.column(REQUEST_ID)) if side is Side.REQUESTS else column


def _as_text(column: pa.Array) -> pa.Array:
    """Whole numbers as their digits; what has other values stays."""
    if type_of(column) is not FeatureType.INT:
        return column
    texts = column.flatten().cast(pa.large_string()).cast(pa.large_binary())
    lengths = np.asarray(column.value_lengths().fill_null(0))
    return lists(texts, lengths, column.is_null().to_numpy(zero_copy_only=False))


def _or_id(column: pa.Array, ids: pa.Array) -> pa.Array:
    """The log's id, else the feature where it has a value."""
    null = ids.is_null().to_numpy(zero_copy_only=False)
    texts = ids.filter(ids.is_valid()).cast(pa.large_string()).cast(pa.large_binary())
    of_log = lists(texts, (~null).astype(np.int64), null)
    return merged(of_log, column) if column.type == of_log.type else of_log


def _has_values(column: pa.Array) -> Array:
    if type_of(column) is None:
        return np.zeros(len(column), bool)
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0)) > 0


def _all_equal(key_cells: Sequence[Sequence[Cells]], leaders: Array, cut: int) -> bool:
    """Whether every row has the key of its leader, both counted through both sides."""
    rows = np.arange(len(leaders))
    for mine, row_side in ((0, rows < cut), (1, rows >= cut)):
        for its, leader_side in ((0, leaders < cut), (1, leaders >= cut)):
            i, j = rows[row_side & leader_side], leaders[row_side & leader_side]
            pairs = zip(key_cells[mine], key_cells[its], strict=True)
            if not all(equal_rows(a, b, i - cut * mine, j - cut * its).all() for a, b in pairs if len(i)):
                return False
    return True


def _number_exactly(key_cells: Sequence[Sequence[Cells]], cut: int) -> tuple[Array, Array, int]:
    """As `number_keys` for keys of which some share a hash; one by one, as hardly any data has such."""
    known: dict[Any, int] = {}
    rows = (key for columns in key_cells for key in zip(*map(_exact, columns), strict=True))
    numbers = np.fromiter((known.setdefault(key, len(known)) for key in rows), np.int64)
    return numbers[:cut], numbers[cut:], len(known)


def _exact(cells: Cells) -> list[tuple[str, bytes, tuple[bytes, ...] | None]]:
    """What tells the values of each row from any others."""
    data, starts, ends = stored(cells)
    row_bytes = [data[start:end].tobytes() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    if cells.kind is not FeatureType.BYTES:
        return [(cells.kind.value, text, None) for text in row_bytes]
    values = cells.values.to_pylist()
    bounds = zip(cells.starts.tolist(), cells.lengths.tolist(), strict=True)
    parts = [tuple(values[start : start + count]) for start, count in bounds]
    return [(cells.kind.value, text, part) for text, part in zip(row_bytes, parts, strict=True)]
