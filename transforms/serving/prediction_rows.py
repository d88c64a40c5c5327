"""The rows that a model is asked for when its predictions are recorded: serialized tf.Examples, in batches.

Of many rows some are chosen by a hash of where they stand, so that the same files give the same rows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from trueserve.transforms.columnar.framing import Block, read_blocks
from trueserve.transforms.core import accounting
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Batch, Fault, Reject
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import TFRecordError
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.format_names import Format

Array = np.ndarray[Any, Any]
Report = Callable[[int], None]
Fetch = Callable[[str], AbstractContextManager[str]]

#: Of more training examples than this only so many are read: as many from the beginning of each shard.
MOST_READ = 20_000_000
#: What the model is asked for at once: so many rows, of about so many bytes.
BATCH_ROWS, BATCH_BYTES = 1024, 16 << 20

_STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclasses.dataclass(frozen=True)
class ExamplesReport:
    """How reading raw examples went."""

    accounting: Accounting
    faults: tuple[Fault, ...]
    rejects: tuple[Reject, ...]


@dataclasses.dataclass(frozen=True)
class Examples:
    """Files of raw examples, in one format, and the features that are read of them."""

    files: tuple[FileSize, ...]
    format: Format
    settings: Settings

    def read(self) -> ExamplesReport:
        """All of them once, for what is in them that is none, and for how many there are."""
        faults: list[Fault] = []
        rejects: list[Reject] = []
        counts: list[Accounting] = []
        for decoded in self._decoded():
            if isinstance(decoded, Fault):
                faults.append(decoded)
                continue
            rejects.extend(decoded.rejects[: max(1 - len(rejects), 0)])
            counts.append(decoded.accounting)
        return ExamplesReport(accounting.total(counts), tuple(faults), tuple(rejects))

    def rows(self, share: float, report: Report) -> Iterator[list[bytes]]:
        """This share of the rows, of what is no fault or reject; `report` is told of stored bytes."""
        return _in_batches(self._chosen(share, report))

    def _decoded(self) -> Iterator[Any]:
        for file in self.files:
            yield from decode_file(file, self.format, self.settings)

    def _chosen(self, share: float, report: Report) -> Iterator[bytes]:
        first = 0
        for decoded in self._decoded():
            if isinstance(decoded, Fault):
                continue
            rows = decoded.batch.features.num_rows if decoded.batch else 0
            mask = chosen(0, np.arange(first, first + rows), share)
            first += rows
            if decoded.batch is not None:
                yield from _encoded(decoded.batch, mask)
            report(decoded.accounting.bytes)


def training_rows(  # noqa: PLR0917 - what is read, how much, and how
    files: Sequence[FileSize],
    num_records: int,
    rows: int,
    report: Report,
    most_read: int = MOST_READ,
    verified: Fetch | None = None,
) -> Iterator[list[bytes]]:
    """About `rows` of the `num_records` in a baseline's shards, or all where these are no more.

    `verified` gives the local file of a shard whose content was checked. Raises InputError for a shard that
    cannot be read.
    """
    fetch = verified or contextlib.nullcontext
    share = rows / max(min(num_records, most_read), 1)
    each = num_records if num_records <= most_read else math.ceil(most_read / max(len(files), 1))
    shards = (_shard_records(number, file, each, share, report, fetch) for number, file in enumerate(files))
    return _in_batches(itertools.chain.from_iterable(shards))


def _shard_records(  # noqa: PLR0917
    number: int, file: FileSize, most: int, share: float, report: Report, fetch: Fetch
) -> Iterator[bytes]:
    read = position = 0
    try:
        with fetch(file.path) as path, paths.open_stored(path) as stored:
            for block in read_blocks(paths.decompressed(stored)):
                count = min(len(block), most - read)
                at = np.flatnonzero(chosen(number, np.arange(read, read + count), share))
                yield from _records(block, at)
                read, before, position = read + count, position, stored.tell()
                report(position - before)
                if read >= most:
                    return
    except (TFRecordError, OSError, EOFError) as error:
        raise InputError(f"{file.path} cannot be read: {error}") from error


def _records(block: Block, at: Array) -> Iterator[bytes]:
    return (block.record(int(i)) for i in at)


def chosen(file: int, records: Array, share: float) -> Array:
    """A mask of about this share of records, by a hash of both numbers."""
    if share >= 1:
        return np.ones(len(records), bool)
    with np.errstate(over="ignore"):
        mixed = (records.astype(np.uint64) + np.uint64(1)) * _STEP ^ np.uint64(file + 1) * _STEP
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray(mixed.astype(np.float64) < share * 2.0**64)


def _encoded(batch: Batch, mask: Array) -> Iterator[bytes]:
    """The chosen rows as requests are: tf.Examples."""
    from tfx_bsl.coders import example_coder

    from trueserve.transforms.core.arrow import pa

    rows = pa.Table.from_batches([batch.features]).filter(pa.array(mask))
    for part in rows.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
        # The coder misreads arrays that are slices of others.
        yield from example_coder.RecordBatchToExamples(part.take(pa.array(range(part.num_rows))))


def _in_batches(examples: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for example in examples:
        batch.append(example)
        size += len(example)
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
