"""Rows in few bytes, in which only what is alike between rows matters: numbers, and hashes of texts."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.core.arrow import pa, pc

Array = np.ndarray[Any, Any]

_FLOATS, _INTS, _TEXTS = np.float32, np.float64, np.uint32


class Column(NamedTuple):
    """One value of each row: float32 of a number, float64 of a whole number, uint32, a hash, of a text.

    Of several values it is their mean, or the first text. `present` says which rows have one.
    """

    values: Array
    present: Array


Columns = Mapping[str, Column]


def compact(batch: pa.RecordBatch) -> dict[str, Column]:
    """The columns of a batch; those of which no row has a value are left out."""
    columns = ((name, batch.column(index)) for index, name in enumerate(batch.schema.names))
    return {name: _column(column) for name, column in columns if _has_values(column)}


def _has_values(column: pa.Array) -> bool:
    return bool(pa.types.is_large_list(column.type) and column.null_count < len(column))


def _column(column: pa.Array) -> Column:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    present, flat = lengths > 0, column.flatten()
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])[present].astype(np.int64)
    kind = _FLOATS if pa.types.is_floating(flat.type) else _INTS if pa.types.is_integer(flat.type) else _TEXTS
    values = np.zeros(len(column), kind)
    if len(starts) and kind is _TEXTS:
        firsts = flat.take(pa.array(starts)).to_pylist()
        values[present] = [zlib.crc32(text or b"") for text in firsts]
    elif len(starts):
        numbers = flat.to_numpy(zero_copy_only=False).astype(float)
        with np.errstate(invalid="ignore", over="ignore"):
            values[present] = (np.add.reduceat(numbers, starts) / lengths[present]).astype(kind)
    return Column(values, present)


def joined(parts: list[tuple[int, Columns]]) -> dict[str, Column]:
    """The rows of all parts, each with the number of its rows; a column that a part lacks is absent there."""
    names = dict.fromkeys(name for _, columns in parts for name in columns)
    return {name: _joined(name, parts) for name in names}


def _joined(name: str, parts: list[tuple[int, Columns]]) -> Column:
    kind = next(columns[name].values.dtype for _, columns in parts if name in columns)
    each = [columns.get(name) or _nothing(rows, kind) for rows, columns in parts]
    return Column(np.concatenate([c.values for c in each]), np.concatenate([c.present for c in each]))


def _nothing(rows: int, kind: np.dtype[Any]) -> Column:
    return Column(np.zeros(rows, kind), np.zeros(rows, bool))


def taken(columns: Columns, rows: Array) -> dict[str, Column]:
    """These rows."""
    return {name: Column(column.values[rows], column.present[rows]) for name, column in columns.items()}


def num_bytes(columns: Columns) -> int:
    return sum(column.values.nbytes + column.present.nbytes for column in columns.values())


def hashes(columns: Columns, rows: int) -> Array:
    """A uint64 a row that follows from its values."""
    result = np.zeros(rows, np.uint64)
    with np.errstate(over="ignore", invalid="ignore"):
        for name, column in columns.items():
            of_values = mixed(_bits(column.values) + np.uint64(zlib.crc32(name.encode())))
            result += np.where(column.present, of_values, np.uint64(0))
    return mixed(result)


def _bits(values: Array) -> Array:
    unsigned = {4: np.uint32, 8: np.uint64}[values.dtype.itemsize]
    return values.view(unsigned).astype(np.uint64)


def mixed(numbers: Array) -> Array:
    """The finaliser of splitmix64: numbers that are near each other get unrelated hashes."""
    with np.errstate(over="ignore"):
        result = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        result = (result ^ (result >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        result = (result ^ (result >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(result ^ (result >> np.uint64(31)))
