"""All rows of one side of a partition, put together from its pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.joining.counts import RowPosition
from trueserve.transforms.joining.piece import Piece
from trueserve.transforms.joining.split import FILE, HASH, RECORD, hashes
from trueserve.transforms.logs.features import Array, type_of


class SideRows(NamedTuple):
    """Attributes:
    hashes: of the rows' keys, uint64.
    keys: the columns of the key.
    file_and_record: the columns of files and of records.
    features: list columns by name; one that no row has is not there.
    conflicts: features that have two types; they are not among the others.
    """

    hashes: Array
    keys: list[pa.Array]
    file_and_record: tuple[pa.Array, pa.Array]
    features: dict[str, pa.Array]
    conflicts: frozenset[str]

    @property
    def size(self) -> int:
        return len(self.hashes)

    def position(self, row: int) -> RowPosition:
        file, record = (column[row].as_py() for column in self.file_and_record)
        return RowPosition(file, record)

    def value(self, name: str, row: int) -> list[object] | None:
        value: list[object] | None = self.features[name][row].as_py() if name in self.features else None
        return value


def rows_of(pieces: Sequence[Piece]) -> SideRows:
    """The rows of pieces of one side, in their order; the pieces may differ in their columns."""
    names = dict.fromkeys(name for piece in pieces for name in piece.features.schema.names)
    columns = {name: _columns(pieces, name) for name in names}
    width = pieces[0].keys.schema.get_field_index(HASH) if pieces else 0
    return SideRows(
        hashes=np.concatenate([np.empty(0, np.uint64), *map(hashes, pieces)]),
        keys=[_joined([piece.keys.column(i) for piece in pieces]) for i in range(width)],
        file_and_record=(_named(pieces, FILE), _named(pieces, RECORD)),
        features={name: _joined(parts) for name, parts in columns.items() if len(_types(parts)) == 1},
        conflicts=frozenset(name for name, parts in columns.items() if len(_types(parts)) > 1),
    )


def _named(pieces: Sequence[Piece], name: str) -> pa.Array:
    return _joined([piece.keys.column(piece.keys.schema.get_field_index(name)) for piece in pieces])


def _columns(pieces: Sequence[Piece], name: str) -> list[pa.Array]:
    """The feature's column in each piece; nulls of its type where a piece has none."""
    indices = [piece.features.schema.get_field_index(name) for piece in pieces]
    feature_columns = [
        None if i < 0 else piece.features.column(i) for piece, i in zip(pieces, indices, strict=True)
    ]
    typed = [None if column is None or type_of(column) is None else column for column in feature_columns]
    kind = next((column.type for column in typed if column is not None), pa.null())
    pairs = zip(pieces, typed, strict=True)
    return [pa.nulls(p.keys.num_rows, kind) if column is None else column for p, column in pairs]


def _types(columns: Sequence[pa.Array]) -> set[pa.DataType]:
    return {column.type for column in columns if type_of(column) is not None}


def _joined(columns: Sequence[pa.Array]) -> pa.Array:
    if not columns:
        return pa.nulls(0)
    return columns[0] if len(columns) == 1 else pa.concat_arrays(list(columns))
