"""Batches to pieces: rows with a key, without what is not compared, each with those of its partition."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.joining.cells import FloatTolerance, cells_of
from trueserve.transforms.joining.key_parts import KeyPart
from trueserve.transforms.joining.keys import key_columns, key_hashes, with_key
from trueserve.transforms.joining.piece import Piece, Side
from trueserve.transforms.logs.features import Array, FeatureType, type_of
from trueserve.transforms.performance.record import PerformanceRecord

# Rows of both sides that meet at once: so many bytes of files, which a worker has room for several times.
PARTITION_BYTES = 32 << 20
# How often compressed files hold what they take.
_COMPRESSED = 5
_SUFFIXES = (".gz", ".bz2", ".parquet", ".avro", ".zst")
MOST_PARTITIONS = 4096
HASH, FILE, RECORD = "hash", "file", "record"


@dataclasses.dataclass(frozen=True)
class JoinSettings:
    """What is joined by, and what of the rows is compared.

    Attributes:
      key: the columns of the key, in order; its features are not compared.
      ignore: features that are not compared, either.
      tolerance: when two floats are equal.
      allow_duplicates: whether rows whose key stands several times on a side are compared, each with each.
      samples: pairs that differ to keep.
      keep_values: whether those have their key and values.
      labelled: what the model has recorded whose predictions are held against labels; None compares features.
    """

    key: tuple[KeyPart, ...]
    ignore: frozenset[str] = frozenset()
    tolerance: FloatTolerance = dataclasses.field(default_factory=FloatTolerance)
    allow_duplicates: bool = False
    samples: int = 20
    keep_values: bool = False
    labelled: PerformanceRecord | None = None

    @property
    def left_out(self) -> frozenset[str]:
        return self.ignore | {part.feature for part in self.key}


def partitions_for(files: Iterable[FileSize]) -> int:
    """Into how many partitions the rows of these files go: memory for one does not grow with the input."""
    total = sum(file.bytes * (_COMPRESSED if file.path.endswith(_SUFFIXES) else 1) for file in files)
    return min(max(math.ceil(total / PARTITION_BYTES), 1), MOST_PARTITIONS)


def keyed(batch: Batch, side: Side, settings: JoinSettings) -> tuple[Piece | None, int]:
    """The rows of a batch that have a key, and how many have none."""
    columns = key_columns(batch, settings.key, side)
    there = with_key(columns)
    missing = int(np.count_nonzero(~there))
    if missing == len(there):
        return None, missing
    file_and_record = [batch.metadata.column(name) for name in (FILE, RECORD)]
    names = [n for n in batch.features.schema.names if n not in settings.left_out]
    features = [batch.features.column(batch.features.schema.get_field_index(name)) for name in names]
    if missing:
        mask = pa.array(there)
        columns, file_and_record, features = (
            [c.filter(mask) for c in some] for some in (columns, file_and_record, features)
        )
    return Piece(side, _keys(columns, file_and_record, settings), _record_batch(features, names)), missing


def split(pieces: Sequence[Piece], partitions: int) -> Iterator[tuple[int, Piece]]:
    """Pieces of one side as one for each partition that has rows of them, with its number."""
    if partitions == 1:
        yield from ((0, piece) for piece in pieces)
        return
    for piece in _alike(pieces):
        # The upper half of the hash: equal keys have equal ones, and all bits of it are as good.
        where = (hashes(piece) >> np.uint64(32)).astype(np.int64) % partitions
        order = np.argsort(where, kind="stable")
        ends = np.searchsorted(where[order], np.arange(partitions + 1))
        keys, features = take(piece.keys, order), take(piece.features, order)
        for number in np.flatnonzero(np.diff(ends)).tolist():
            start, num_rows = int(ends[number]), int(ends[number + 1] - ends[number])
            yield number, Piece(piece.side, keys.slice(start, num_rows), features.slice(start, num_rows))


def hashes(piece: Piece) -> Array:
    """The hashes of the rows' keys, uint64."""
    row_hashes: Array = piece.keys.column(piece.keys.schema.get_field_index(HASH)).to_numpy()
    return row_hashes


def take(batch: pa.RecordBatch, rows: Array) -> pa.RecordBatch:
    """These rows of a batch, also of one without columns."""
    picked = pa.array(rows)
    return _record_batch([column.take(picked) for column in batch.columns], batch.schema.names)


def _keys(
    columns: Sequence[pa.Array], file_and_record: Sequence[pa.Array], settings: JoinSettings
) -> pa.RecordBatch:
    digits = settings.tolerance.digits
    cells = [cells_of(column, digits) for column in columns]
    rounded = [_as_column(c, cell.values) for c, cell in zip(columns, cells, strict=True)]
    file, record = file_and_record
    arrays = [*rounded, pa.array(key_hashes(cells)), file.dictionary_encode(), record]
    return _record_batch(arrays, [*map(str, range(len(columns))), HASH, FILE, RECORD])


def _as_column(column: pa.LargeListArray, values: pa.Array) -> pa.Array:
    """The column with these values, all rows having some."""
    if type_of(column) is not FeatureType.FLOAT:
        return column
    offsets = np.append(0, np.cumsum(np.asarray(column.value_lengths())))
    return pa.LargeListArray.from_arrays(pa.array(offsets), values)


def _alike(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces together where their columns are the same, which is nearly always so."""
    groups: dict[Any, list[Piece]] = {}
    for piece in pieces:
        kinds = tuple((field.name, field.type) for field in piece.features.schema)
        groups.setdefault((kinds, tuple(piece.keys.schema.types)), []).append(piece)
    return [_joined(group) for group in groups.values()]


def _joined(pieces: Sequence[Piece]) -> Piece:
    keys, features = ([getattr(piece, name) for piece in pieces] for name in ("keys", "features"))
    return pieces[0] if len(pieces) == 1 else Piece(pieces[0].side, _concat(keys), _concat(features))


def _concat(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    columns = [pa.concat_arrays(list(parts)) for parts in zip(*(b.columns for b in batches), strict=True)]
    return _record_batch(columns, batches[0].schema.names)


def _record_batch(columns: Sequence[pa.Array], names: Sequence[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), names=list(names))
