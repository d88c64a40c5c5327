"""Rows in few bytes, in which only what is alike between rows matters: numbers, and hashes of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.core.arrow import pa, pc

Array = np.ndarray[Any, Any]

_WORD = 8
_FLOATS, _INTS, _TEXTS = np.float32, np.float64, np.uint32


class Column(NamedTuple):
    """One value of each row: float32 of a number, float64 of a whole number, uint32, a hash, of a text.

    Of several values it is their weighted mean, or the first text. `present` says which rows have one.
    """

    values: Array
    present: Array


Columns = Mapping[str, Column]


def compact(batch: pa.RecordBatch) -> dict[str, Column]:
    """The columns of a batch; those of which no row has a value are left out."""
    columns = ((name, batch.column(index)) for index, name in enumerate(batch.schema.names))
    return {name: _column(column) for name, column in columns if _has_values(column)}


def _has_values(column: pa.Array) -> bool:
    if not pa.types.is_large_list(column.type) or column.null_count == len(column):
        return False
    kind = column.type.value_type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_large_binary(kind))


def _column(column: pa.Array) -> Column:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    present, flat = lengths > 0, column.flatten()
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])[present].astype(np.int64)
    kind = _FLOATS if pa.types.is_floating(flat.type) else _INTS if pa.types.is_integer(flat.type) else _TEXTS
    values = np.zeros(len(column), kind)
    if len(starts) and kind is _TEXTS:
        values[present] = text_hashes(flat.take(pa.array(starts))) >> np.uint64(32)
    elif len(starts):
        numbers = flat.to_numpy(zero_copy_only=False).astype(float)
        if len(numbers) > len(starts):
            numbers *= _weights(np.arange(len(numbers)) - np.repeat(starts, lengths[present]))
        with np.errstate(invalid="ignore", over="ignore"):
            values[present] = (np.add.reduceat(numbers, starts) / lengths[present]).astype(kind)
    return Column(values, present)


def _weights(at: Array) -> Array:
    """1 or so, another at each position: the plain mean of one-hot vectors is the same in all rows."""
    return np.asarray(0.5 + mixed(at) / 2.0**64)


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


def text_hashes(texts: pa.Array) -> Array:
    """A uint64 of each text that was taken: of its length, and of its first, middle and last eight bytes."""
    if not len(texts):
        return np.zeros(0, np.uint64)
    _, offsets, content = texts.buffers()  # of what was taken, so they begin with the first text
    is_large = pa.types.is_large_binary(texts.type) or pa.types.is_large_string(texts.type)
    bounds = np.frombuffer(offsets, np.int64 if is_large else np.int32, len(texts) + 1).astype(np.int64)
    starts, lengths = bounds[:-1], np.diff(bounds)
    data = np.frombuffer(content, np.uint8) if content is not None and bounds[-1] else np.zeros(1, np.uint8)
    result = lengths.astype(np.uint64)
    for offset in (np.zeros_like(lengths), lengths // 2, np.maximum(lengths - _WORD, 0)):
        places = (starts + offset)[:, None] + np.arange(_WORD)
        parts = np.where(places < (starts + lengths)[:, None], data[np.minimum(places, len(data) - 1)], 0)
        result = mixed(result) + parts.astype(np.uint8).view(np.uint64).reshape(-1)
    return mixed(result)


def mixed(numbers: Array) -> Array:
    """The finaliser of splitmix64: numbers that are near each other get unrelated hashes."""
    with np.errstate(over="ignore"):
        result = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        result = (result ^ (result >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        result = (result ^ (result >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(result ^ (result >> np.uint64(31)))
