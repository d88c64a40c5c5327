"""A file of any format, or a range of it, to what was decoded of it: batches where the bytes are read."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

import numpy as np

from trueserve.transforms.columnar.examples.example_parser import ExampleParser
from trueserve.transforms.columnar.framing import Block, read_blocks
from trueserve.transforms.columnar.record_search import read_range
from trueserve.transforms.core.accounting import Accounting, RecordCounts, records_of
from trueserve.transforms.core.batches import Decoded, Fault
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.ranges import FileRange
from trueserve.transforms.files.section import WrongCutError
from trueserve.transforms.files.tfrecord import TFRecordError
from trueserve.transforms.logs.carriers import csv_ranges, csv_tables
from trueserve.transforms.logs.carriers.csv_header import csv_header, read_header
from trueserve.transforms.logs.carriers.parquet import column_types
from trueserve.transforms.logs.carriers.parquet.tables import decode_parquet
from trueserve.transforms.logs.carriers.read_records import Carrier, carrier_of, read_records
from trueserve.transforms.logs.carriers.read_records import can_be_cut as can_cut_carrier
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.carriers.text.text_form import ANY_TEXT, TextForm
from trueserve.transforms.logs.decode_requests import RequestDecoder
from trueserve.transforms.logs.features import FeatureType, Settings, TypeConflictError, hold
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.registry import DECODERS, JOINED, PARSERS
from trueserve.transforms.logs.rows import sampling
from trueserve.transforms.logs.rows.rows import RecordPosition, renumbered


class Decoder(Protocol):
    """Blocks of records of one format to rows: bytes in, `Decoded` out."""

    def decode(self, block: Block, position: RecordPosition) -> Iterator[Decoded]: ...


def decode_file(file: FileSize, file_format: Format, settings: Settings) -> Iterator[Decoded | Fault]:
    """All that a file holds, in batches; at last, maybe, the Fault for which it was not read further.

    The accountings of all `Decoded`s together count the file once, with all bytes read of it; the last one
    has what became of its records (`Accounting.by_file`). Raises nothing for what the file holds.
    """
    return decode_range(FileRange(file), file_format, settings)


def decode_range(part: FileRange, file_format: Format, settings: Settings) -> Iterator[Decoded | Fault]:
    """The same of a range of a file, of which the first range counts the file.

    The first record of a range has the number `FileRange.first_record`.
    """
    counts, read, path = RecordCounts(), 0, part.file.path
    try:
        with paths.open_stored(path) as stored:
            for decoded in _decode(stored, part, file_format, settings):
                counts = records_of([counts, decoded.accounting])
                position = max(min(stored.tell(), part.stop) - part.start, read)
                yield _with_bytes(decoded, position - read)
                read = position
    except (TFRecordError, TableError, TypeConflictError, InputError, WrongCutError) as error:
        if counts.read:
            yield Decoded(None, (), Accounting(by_file={path: counts}))
        yield _fault(error, part.file, settings)
        return
    rest, files = max(part.bytes - read, 0), int(not part.number)
    yield Decoded(None, (), Accounting(files=files, bytes=rest, by_file={path: counts}))


def can_be_cut(file: FileSize, file_format: Format) -> bool:
    """Whether a file is read in ranges. Raises InputError where it cannot be opened."""
    with paths.open_stored(file.path) as stored:
        return _can_be_cut(stored, file, file_format)


def _fault(error: Exception, file: FileSize, settings: Settings) -> Fault:
    """Why a file was not read further."""
    match error:
        case TFRecordError():
            return Fault(file.path, error.reason, error.detail, error.offset)
        case WrongCutError():
            return Fault(file.path, "wrong_cut", error.detail, error.offset)
        case TableError():
            return Fault(file.path, error.reason, error.detail)
        case TypeConflictError():
            origin = settings.origins.get(error.feature)
            return Fault(file.path, "type_conflict", f"{error} (as in {origin})" if origin else str(error))
        case _:
            return Fault(file.path, "unreadable", str(error))


def csv_types(file: FileSize, text: TextForm = ANY_TEXT) -> dict[str, FeatureType]:
    """The narrowest type of every column of a CSV file; {} for one that cannot be read as CSV.

    Whoever decodes the file meets the same trouble, and reports it.
    """
    try:
        with paths.open_read(file.path) as stream:
            header = read_header(stream, text.separator)
        if not header.names:
            return {}
        with paths.open_read(file.path) as stream:
            return csv_tables.csv_types(stream, header.names, text._replace(separator=header.separator))
    except (TableError, InputError):
        return {}


def csv_names(file: FileSize, text: TextForm = ANY_TEXT) -> list[str]:
    """The columns of a CSV file by its header. Raises TableError, InputError where there is none."""
    with paths.open_read(file.path) as stream:
        return csv_header(stream, text.separator)


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


def _decode(stored: BinaryIO, part: FileRange, file_format: Format, settings: Settings) -> Iterator[Decoded]:
    if not part.file.bytes:
        return
    if not part.is_file and not _can_be_cut(stored, part.file, file_format):
        if part.number:
            return
        part = FileRange(part.file)
    position, span = RecordPosition(part.file.path, part.first_record), (part.start, part.stop)
    if file_format is Format.TABLE:
        # Columns stay columns where the carrier has them; other carriers give rows one by one.
        file_format = _columnar_carrier(stored, part.file)
    if file_format is Format.PARQUET:
        yield from decode_parquet(stored, settings, position, *span)
    elif file_format is Format.CSV:
        if table := csv_ranges.open_csv(stored, *span, settings.text.separator):
            yield from csv_tables.decode_csv(table.stream, table.names, settings, position, table.separator)
    elif file_format in PARSERS:
        decoder = RequestDecoder(settings, PARSERS[file_format](settings))
        yield from decoder.decode(
            read_records(stored, part.file.path, *span, settings.text.separator), position
        )
    else:
        blocks = read_blocks(paths.decompressed(stored)) if part.is_file else read_range(stored, *span)
        yield from _decode_records(blocks, DECODERS[file_format](settings), position, settings.sample)


def _can_be_cut(stored: BinaryIO, file: FileSize, file_format: Format) -> bool:
    """Whether ranges of a file can be read, so that what they hold is what the file holds."""
    if file_format in JOINED:
        # A request and its answer are two records, in two ranges maybe.
        return False
    if file_format in DECODERS:
        return not paths.is_compressed(stored)
    carriers = {Format.CSV: Carrier.CSV, Format.PARQUET: Carrier.PARQUET}
    carrier = carriers.get(file_format) or carrier_of(stored, file.path)
    return can_cut_carrier(stored, carrier)


def _columnar_carrier(stored: BinaryIO, file: FileSize) -> Format:
    """CSV or PARQUET for a table in such a file, else TABLE."""
    columnar_format = {Carrier.CSV: Format.CSV, Carrier.PARQUET: Format.PARQUET}.get(
        carrier_of(stored, file.path)
    )
    stored.seek(0)
    return columnar_format or Format.TABLE


def _decode_records(
    blocks: Iterator[Block], decoder: Decoder, position: RecordPosition, fraction: float
) -> Iterator[Decoded]:
    first = position.first_record
    for block in blocks:
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
