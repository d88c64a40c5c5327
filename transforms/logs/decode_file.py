"""A file of any format to what was decoded of it: batches where the bytes are read."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

import numpy as np

from transforms.columnar.example_parser import ExampleParser
from transforms.columnar.framing import Block, read_blocks
from transforms.core.accounting import Accounting, RecordCounts, records_of
from transforms.core.batches import Decoded, Fault
from transforms.core.errors import InputError
from transforms.files import paths
from transforms.files.file_systems import FileSize
from transforms.files.tfrecord import TFRecordError
from transforms.logs.carriers import csv_tables
from transforms.logs.carriers.parquet import column_types
from transforms.logs.carriers.parquet.tables import decode_parquet
from transforms.logs.carriers.read_records import Carrier, carrier_of, read_records
from transforms.logs.carriers.table_error import TableError
from transforms.logs.decode_requests import RequestDecoder
from transforms.logs.features import FeatureType, Settings, TypeConflictError, hold
from transforms.logs.formats.format_names import Format
from transforms.logs.formats.registry import DECODERS, PARSERS
from transforms.logs.rows import sampling
from transforms.logs.rows.rows import RecordPosition, renumbered


class Decoder(Protocol):
    """Blocks of records of one format to rows: bytes in, `Decoded` out."""

    def decode(self, block: Block, position: RecordPosition) -> Iterator[Decoded]: ...


def decode_file(file: FileSize, file_format: Format, settings: Settings) -> Iterator[Decoded | Fault]:
    """All that a file holds, in batches; at last, maybe, the Fault for which it was not read further.

    The accountings of all `Decoded`s together count the file once, with all bytes read of it; the last one
    has what became of its records (`Accounting.by_file`). Raises nothing for what the file holds.
    """
    counts, read = RecordCounts(), 0
    try:
        with paths.open_stored(file.path) as stored:
            for decoded in _decode(stored, file, file_format, settings):
                counts = records_of([counts, decoded.accounting])
                position = stored.tell()
                yield _with_bytes(decoded, position - read)
                read = position
    except (TFRecordError, TableError, TypeConflictError, InputError) as error:
        if counts.read:
            yield Decoded(None, (), Accounting(by_file={file.path: counts}))
        yield _fault(error, file, settings)
        return
    rest = max(file.bytes - read, 0)
    yield Decoded(None, (), Accounting(files=1, bytes=rest, by_file={file.path: counts}))


def _fault(error: Exception, file: FileSize, settings: Settings) -> Fault:
    """Why a file was not read further."""
    match error:
        case TFRecordError():
            return Fault(file.path, error.reason, error.detail, error.offset)
        case TableError():
            return Fault(file.path, error.reason, error.detail)
        case TypeConflictError():
            origin = settings.origins.get(error.feature)
            return Fault(file.path, "type_conflict", f"{error} (as in {origin})" if origin else str(error))
        case _:
            return Fault(file.path, "unreadable", str(error))


def csv_types(file: FileSize) -> dict[str, FeatureType]:
    """The narrowest type of every column of a CSV file; {} for one that cannot be read as CSV.

    Whoever decodes the file meets the same trouble, and reports it.
    """
    try:
        with paths.open_read(file.path) as stream:
            names = csv_tables.csv_header(stream)
        if not names:
            return {}
        with paths.open_read(file.path) as stream:
            return csv_tables.csv_types(stream, names)
    except (TableError, InputError):
        return {}


def parquet_types(file: FileSize) -> column_types.TypeOrigins:
    """The types of every column of a Parquet file; {} for one that cannot be read, as its reader reports."""
    if not file.bytes:
        return {}
    try:
        with paths.open_stored(file.path) as stream:
            return column_types.parquet_types(stream, file.path)
    except (TableError, InputError):
        return {}


def first_types(files: Sequence[FileSize]) -> dict[str, FeatureType]:
    """The types of tf.Example features in the first records of the first file that is not empty.

    To start every reader of data without a schema with the same types, so that a feature that is written
    in two is found by whichever meets the second.
    """
    file = next((file for file in files if file.bytes), None)
    seen: dict[str, FeatureType] = {}
    if file is None:
        return seen
    try:
        with paths.open_read(file.path) as stream:
            for block in itertools.islice(read_blocks(stream, block_records=1024), 1):
                for parsed in ExampleParser().parse(block):
                    hold(parsed.columns, len(parsed.records), seen)
    except (TFRecordError, TypeConflictError, InputError):
        pass  # reported by the reader
    return seen


def _decode(stored: BinaryIO, file: FileSize, file_format: Format, settings: Settings) -> Iterator[Decoded]:
    position = RecordPosition(file.path, 0)
    if not file.bytes:
        return
    if file_format is Format.TABLE:
        # Columns stay columns where the carrier has them; other carriers give rows one by one.
        file_format = _columnar_carrier(stored, file)
    if file_format is Format.PARQUET:
        yield from decode_parquet(stored, settings, position)
    elif file_format is Format.CSV:
        names = csv_tables.csv_header(paths.decompressed(stored))
        stored.seek(0)
        if names:
            yield from csv_tables.decode_csv(paths.decompressed(stored), names, settings, position)
    elif file_format in PARSERS:
        decoder = RequestDecoder(settings, PARSERS[file_format](settings))
        yield from decoder.decode(read_records(stored, file.path), position)
    else:
        yield from _decode_records(
            paths.decompressed(stored), DECODERS[file_format](settings), position, settings.sample
        )


def _columnar_carrier(stored: BinaryIO, file: FileSize) -> Format:
    """CSV or PARQUET for a table in such a file, else TABLE."""
    columnar_format = {Carrier.CSV: Format.CSV, Carrier.PARQUET: Format.PARQUET}.get(
        carrier_of(stored, file.path)
    )
    stored.seek(0)
    return columnar_format or Format.TABLE


def _decode_records(
    stream: BinaryIO, decoder: Decoder, position: RecordPosition, fraction: float
) -> Iterator[Decoded]:
    first = position.first_record
    for block in read_blocks(stream):
        block_position = RecordPosition(position.file, first)
        yield from (
            decoder.decode(block, block_position)
            if fraction >= 1
            else _sample(block, decoder, block_position, fraction)
        )
        first += len(block)


def _sample(block: Block, decoder: Decoder, position: RecordPosition, fraction: float) -> Iterator[Decoded]:
    mask = sampling.chosen(block, fraction)
    numbers = np.flatnonzero(mask) + position.first_record
    left_out = len(block) - len(numbers)
    yield Decoded(None, (), Accounting(read=left_out, excluded=Counter(sample=left_out)))
    if len(numbers):
        for decoded in decoder.decode(sampling.part(block, mask), RecordPosition(position.file, 0)):
            yield renumbered(decoded, numbers)


def _with_bytes(decoded: Decoded, count: int) -> Decoded:
    accounting = dataclasses.replace(decoded.accounting, bytes=max(count, 0))
    return dataclasses.replace(decoded, accounting=accounting)
