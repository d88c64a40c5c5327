"""A sample of rows, the same however a runner cuts and orders the input, and rows that cover each feature."""

from __future__ import annotations

import functools
import hashlib
import io
import re
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import RowsPartial
from trueserve.transforms.core import representative_rows
from trueserve.transforms.core.arrow import open_stream, pa, pc
from trueserve.transforms.core.batches import Batch

# So many samples wait before they are made one: merging sorts all that is in them.
_UNMERGED = 8
# A folder of one value of a column, or of a date's parts.
_PARTITION = re.compile(r"[^=]+=.*|[0-9T:_-]*[0-9][0-9T:_-]*")
_SEED = np.uint64(0x9E3779B97F4A7C15)

Hashes = np.ndarray[Any, np.dtype[np.uint64]]


def sample(name: str, rows: int, cover: tuple[str, ...] = (), most_bytes: int | None = None) -> Single:
    """The branch that keeps so many rows, and more that cover some features; its kind is `name`.

    The rows are those with the smallest hash of their place, see `row_hashes`. They stand in the order of
    that hash. The result is an Arrow stream, for `read`; it is empty if there was no row.

    Args:
      cover: features of which more rows are kept, see `transforms.core.representative_rows`.
      most_bytes: fewer rows are kept where they would take more; None for no limit.
    """
    return Single((name, 0), functools.partial(SamplePartial, rows, cover, most_bytes))


def read(stream: bytes) -> pa.RecordBatch | None:
    """The rows of a result; None if there was no row."""
    return _from_stream(stream) if stream else None


def row_hashes(metadata: pa.RecordBatch) -> Hashes:
    """A uint64 a row: a mix of the file's name and the record's number, the same in every run.

    In a range of a large file records have the numbers of `FileRange.first_record`.
    """
    files = metadata.column(metadata.schema.get_field_index("file")).dictionary_encode()
    seeds = np.array([_hash_of(name.as_py()) for name in files.dictionary], dtype=np.uint64)
    records = metadata.column(metadata.schema.get_field_index("record")).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        mixed = (records.astype(np.uint64) + np.uint64(1)) * _SEED ^ seeds[files.indices.to_numpy()]
        # The finaliser of splitmix64: nearby records get unrelated hashes.
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: np.ndarray[Any, np.dtype[np.uint64]] = mixed ^ (mixed >> np.uint64(31))
    return result


class _Sample(NamedTuple):
    """Rows and the hashes that chose them, in ascending order of hash; an Arrow stream, cheap to pickle."""

    hashes: Hashes
    rows: bytes


class SamplePartial(RowsPartial):
    """Samples of batches, of which those that wait are few; see `sample`."""

    def __init__(self, rows: int, cover: tuple[str, ...], most_bytes: int | None = None) -> None:
        self._rows, self._most_bytes = rows, most_bytes
        self._cover = cover[: representative_rows.MAX_FEATURES]
        self._samples: list[_Sample] = []

    def add(self, batch: Batch) -> None:
        hashes = row_hashes(batch.metadata)
        order = np.argsort(hashes, kind="stable")
        table = pa.Table.from_batches([batch.features])
        first = self._first(hashes, order)
        chosen = order[np.union1d(np.arange(first), self._covering(table, order))]
        if len(chosen):
            self._keep([_Sample(hashes[chosen], stream_of_table(table.take(pa.array(chosen))))])

    def merge(self, other: SamplePartial) -> None:
        self._keep(other._samples)

    def result(self) -> bytes:
        self._join()
        return self._samples[0].rows if self._samples else b""

    @property
    def num_bytes(self) -> int:
        return sum(len(each.rows) + each.hashes.nbytes for each in self._samples)

    def shrink(self, rows: int, most_bytes: int) -> None:
        """Gives up what is more than that; rows that are added later count anew."""
        limits = self._rows, self._most_bytes
        self._rows, self._most_bytes = rows, most_bytes
        self._join()
        self._rows, self._most_bytes = limits

    def __getstate__(self) -> dict[str, object]:
        # What goes to another worker is as small as it can be.
        self._join()
        return self.__dict__

    def _first(self, hashes: Hashes, order: Any) -> int:
        """How many rows of a batch, in their order, may be among the smallest hashes of all."""
        wanted = hashes[order[: self._rows]]
        if self._samples and len(self._samples[0].hashes) >= self._rows:
            return int(np.count_nonzero(wanted < self._samples[0].hashes[self._rows - 1]))
        return len(wanted)

    def _keep(self, samples: list[_Sample]) -> None:
        self._samples = [*self._samples, *samples]
        if len(self._samples) >= _UNMERGED:
            self._join()
        if self._most_bytes is not None and self.num_bytes > self._most_bytes:
            self._join()

    def _join(self) -> None:
        if len(self._samples) > 1 or self._most_bytes is not None:
            self._samples = [self._merged(self._samples)] if self._samples else []

    def _merged(self, samples: list[_Sample]) -> _Sample:
        hashes = np.concatenate([sample.hashes for sample in samples])
        order = np.argsort(hashes, kind="stable")
        table = joined([sample.rows for sample in samples])
        first = min(self._rows, len(order))
        if self._most_bytes is not None:
            first = min(first, _that_fit(table, order, self._most_bytes))
        chosen = order[np.union1d(np.arange(first), self._covering(table, order))]
        return _Sample(hashes[chosen], stream_of_table(table.take(pa.array(chosen))))

    def _covering(self, table: pa.Table, order: Any) -> Any:
        """Places in `order`, which sorts the rows by hash, of the rows that cover."""
        columns = [name for name in self._cover if name in table.column_names]
        in_order = table.select(columns).take(pa.array(order)) if columns else table
        return representative_rows.covering(
            in_order, columns, representative_rows.words_each(len(self._cover))
        )


def _that_fit(table: pa.Table, order: Any, most_bytes: int) -> int:
    """How many of the rows in this order take so many bytes together at most, 1 at least.

    A row that is among these of all rows is among those of any part of them: so parts may be cut first.
    """
    totals = np.cumsum(bytes_of_rows(table)[order])
    return max(int(np.searchsorted(totals, most_bytes, side="right")), 1)


def bytes_of_rows(table: pa.Table) -> Any:
    """What the values of each row take, with eight bytes for each number and each list."""
    sizes = np.full(table.num_rows, 8 * table.num_columns, np.int64)
    for column in (column.combine_chunks() for column in table.columns):
        array = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        if pa.types.is_null(array.type) or not len(array):
            continue
        rows, values = pc.list_parent_indices(array).to_numpy(), array.flatten()
        lengths = pc.binary_length(values).to_numpy(zero_copy_only=False) if _are_bytes(values) else 0
        sizes += np.bincount(rows, lengths + np.full(len(rows), 8), table.num_rows).astype(np.int64)
    return sizes


def _are_bytes(values: pa.Array) -> bool:
    return bool(pa.types.is_large_binary(values.type))


def stream_of(rows: pa.RecordBatch) -> bytes:
    """Rows as `read` takes them."""
    return stream_of_table(pa.Table.from_batches([rows]))


def joined(streams: list[bytes]) -> pa.Table:
    """The rows of these results, one after another."""
    return pa.concat_tables(_aligned([pa.Table.from_batches([_from_stream(each)]) for each in streams]))


def _hash_of(name: str) -> int:
    """Of the file's name, and of the folders of a partition around it: `day=2024-01-15/` or `2024/01/15/`.

    Files of partitions have the same names. Other folders do not count: the same data may lie anywhere.
    """
    *folders, tail = name.rstrip("/").split("/")
    while folders and _PARTITION.fullmatch(folders[-1]):
        tail = f"{folders.pop()}/{tail}"
    return int.from_bytes(hashlib.sha256(tail.encode()).digest()[:8], "big")


def _aligned(tables: list[pa.Table]) -> list[pa.Table]:
    """The same columns in every table: a batch may lack a feature that none of its rows has."""
    types = {field.name: field.type for table in tables for field in table.schema}
    return [_with_columns(table, types) for table in tables]


def _with_columns(table: pa.Table, types: dict[str, pa.DataType]) -> pa.Table:
    own = set(table.column_names)
    columns = {
        name: table[name] if name in own else pa.nulls(table.num_rows, kind)
        for name, kind in sorted(types.items())
    }
    return pa.table(columns)


def stream_of_table(table: pa.Table) -> bytes:
    """Rows as `read` takes them."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        # One batch: chunks would come back as many.
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


def _from_stream(data: bytes) -> pa.RecordBatch:
    table = open_stream(data).read_all().combine_chunks()
    return table.to_batches()[0]
