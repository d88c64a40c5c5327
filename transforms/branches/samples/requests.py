"""How much the rows of one request are alike: a sample of whole requests, made into design effects."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import RowsPartial
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples import sample as samples
from trueserve.transforms.branches.samples.design_effect import Effects
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch

#: The kind of a result is the name of the space, and this.
REQUESTS = "-requests"
#: So many rows are kept, and so many bytes of them.
MOST_ROWS, MOST_BYTES = 4096, 1 << 20

Array = np.ndarray[Any, Any]


def requests(space: str) -> Single:
    """The branch of the design effects of a space's features; of requests of one row it is no work."""
    return Single((f"{space}{REQUESTS}", 0), RequestsPartial)


def groups_of(metadata: pa.RecordBatch) -> Array | None:
    """A uint64 a row, equal for the rows of one request; None where no two rows of the batch are of one.

    Rows are of one request where they have one request id, or else where they stand in one record.
    """
    records = _column(metadata, "record").to_numpy(zero_copy_only=False)
    ids = _column(metadata, "request_id")
    by_id = None if ids.null_count == len(ids) else ids.dictionary_encode()
    share_ids = by_id is not None and len(by_id.dictionary) + ids.null_count < len(ids)
    if not share_ids and not (records[1:] == records[:-1]).any():
        return None
    hashes = samples.row_hashes(metadata)
    return hashes if by_id is None else _by_id(by_id, hashes)


def _by_id(encoded: pa.DictionaryArray, otherwise: Array) -> Array:
    """A hash of each row's id; `otherwise` for rows that have none."""
    hashes = np.array([_hash(str(name).encode()) for name in encoded.dictionary.to_pylist()], np.uint64)
    known = np.asarray(encoded.is_valid())
    result = otherwise.copy()
    result[known] = hashes[encoded.indices.to_numpy(zero_copy_only=False)[known].astype(np.int64)]
    return result


def _hash(name: bytes) -> int:
    return zlib.crc32(name) << 32 | zlib.adler32(name[::-1])


class RequestsPartial(RowsPartial):
    """Rows of the requests whose hashes are smallest, and how many rows are requests of their own.

    A request that is among these of all rows is among those of any part, whole: so parts may be cut first.
    """

    def __init__(self) -> None:
        self._alone = 0
        self._seen = 0
        self._kept: list[tuple[Array, bytes]] = []

    def add(self, batch: Batch) -> None:
        groups = groups_of(batch.metadata)
        if groups is None:
            self._alone += batch.features.num_rows
            return
        self._seen += batch.features.num_rows
        chosen = np.sort(np.argsort(groups, kind="stable")[:MOST_ROWS])
        rows = batch.features.take(pa.array(chosen))
        self._keep([(groups[chosen], samples.stream_of(rows))])

    def merge(self, other: RequestsPartial) -> None:
        self._alone += other._alone
        self._seen += other._seen
        self._keep(other._kept)

    def result(self) -> Effects:
        """By feature; empty where no rows belong together more than by chance."""
        self._keep([], join=True)
        if not self._kept:
            return {}
        groups, stream = self._kept[0]
        rows = samples.read(stream)
        assert rows is not None
        return design_effect.of_rows(rows, groups, self._seen / (self._seen + self._alone))

    @property
    def num_bytes(self) -> int:
        return sum(groups.nbytes + len(stream) for groups, stream in self._kept)

    def __getstate__(self) -> dict[str, object]:
        # What goes to another worker is as small as it can be.
        self._keep([], join=True)
        return self.__dict__

    def _keep(self, more: list[tuple[Array, bytes]], *, join: bool = False) -> None:
        self._kept = [*self._kept, *more]
        if self._kept and (join or self.num_bytes > 4 * MOST_BYTES):
            self._kept = [_joined(self._kept)]


def _joined(kept: list[tuple[Array, bytes]]) -> tuple[Array, bytes]:
    groups = np.concatenate([each for each, _ in kept])
    table = samples.joined([stream for _, stream in kept])
    order = np.argsort(groups, kind="stable")
    chosen = order[: _whole_requests(groups[order], samples.bytes_of_rows(table)[order])]
    return groups[chosen], samples.stream_of_table(table.take(pa.array(chosen)))


def _whole_requests(groups: Array, sizes: Array) -> int:
    """How many rows of the first requests are within both limits; those of one request stay together."""
    most = min(int(np.searchsorted(np.cumsum(sizes), MOST_BYTES, side="right")), MOST_ROWS)
    if most >= len(groups):
        return len(groups)
    first_of_last = int(np.searchsorted(groups, groups[most], side="left"))
    return first_of_last or max(most, 1)  # of one that is too large, a part


def _column(metadata: pa.RecordBatch, name: str) -> Any:
    return metadata.column(metadata.schema.get_field_index(name))
