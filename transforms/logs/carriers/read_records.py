"""Records of a file, whatever carries them: JSON lines, CSV, Avro or Parquet, told by content."""

from __future__ import annotations

import enum
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.files.ranges import END_OF_FILE
from trueserve.transforms.files.tfrecord import is_header, is_of_data
from trueserve.transforms.logs.carriers import avro, csv_ranges, csv_records, json_lines
from trueserve.transforms.logs.carriers.lines import EXPORTED
from trueserve.transforms.logs.carriers.parquet import records as parquet_records
from trueserve.transforms.logs.carriers.parquet.reader import is_local
from trueserve.transforms.logs.carriers.records import chunks
from trueserve.transforms.logs.carriers.text.encoding import why_other_encoding
from trueserve.transforms.logs.request import Carried

_START_BYTES = 64 << 10
_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_PARQUET_MAGIC = b"PAR1"
# An object, an array of them, or a line of a log service with its time before it.
_OF_JSON_LINES = re.compile(rb"\{|\[\s*\{|" + EXPORTED.pattern, re.ASCII)


class Carrier(enum.StrEnum):
    """What records stand in."""

    JSON_LINES = "json_lines"
    CSV = "csv"
    AVRO = "avro"
    PARQUET = "parquet"


def carrier_of(stored: BinaryIO, path: str) -> Carrier:
    """The carrier of a file, by its first bytes (after decompression) and, for text, by its name."""
    start = start_of(stored)
    if start.startswith(_PARQUET_MAGIC):
        return Carrier.PARQUET
    if start.startswith(avro.MAGIC):
        return Carrier.AVRO
    # The first line may be what log rotation has left of an object: it still ends as one.
    line = start.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0].rstrip()
    if line.endswith(b"}") or _OF_JSON_LINES.match(line) or is_named(path, _JSON_SUFFIXES):
        return Carrier.JSON_LINES
    return Carrier.CSV


def read_records(
    stored: BinaryIO, path: str, start: int = 0, stop: int = END_OF_FILE, separator: str | None = None
) -> Iterator[list[Carried]]:
    """The records of a file, or of a range of it, in order, in chunks of some thousands.

    A record that cannot be read but leaves the next one readable is a `Carried` with its BadRecordError.
    Raises TableError where nothing after can be read (a broken Avro block, compressed data that end early).

    Args:
      stored: the file as stored, at its start; compressed by gzip, bzip2 or Zstandard or not.
      path: its name, which tells apart what content cannot.
      start, stop: only records that begin in these bytes, of a file that can be cut (see `can_be_cut`).
      separator: what separates the values of CSV; None tells by the content.
    """
    carrier = carrier_of(stored, path)
    stored.seek(0)
    if carrier is Carrier.CSV:
        yield from chunks(_csv(stored, start, stop, separator))
        return
    is_file = not start and stop == END_OF_FILE
    yield from chunks(
        _records(stored, carrier) if is_file else _records_of_range(stored, carrier, start, stop)
    )


def can_be_cut(stored: BinaryIO, carrier: Carrier) -> bool:
    """Whether ranges of a file can be read, so that what they hold is what the file holds."""
    if paths.is_compressed(stored):
        return False
    if carrier is Carrier.PARQUET:
        # Others are copied before they are read, all of them.
        return is_local(stored)
    return carrier is not Carrier.CSV or csv_ranges.header_of(stored) is not None


def check_start(stored: BinaryIO, path: str) -> None:
    """Raises InputError, which names the file, for another encoding or a compression that is not read."""
    try:
        start = start_of(stored)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    stored.seek(0)
    is_binary = is_header(start) or start.startswith((_PARQUET_MAGIC, avro.MAGIC))
    if not is_binary and (why := why_other_encoding(start)) is not None:
        raise InputError(f"{path}: {why}")


def start_of(stored: BinaryIO) -> bytes:
    """The first bytes of a file, decompressed: as many as can be had, so none of what is no gzip inside.

    `stored` stands at its start. Raises what its file system raises.
    """
    stream = paths.decompressed(stored)
    read = getattr(stream, "read1", stream.read)
    start = b""
    try:
        while len(start) < _START_BYTES and (piece := read(_START_BYTES - len(start))):
            start += piece
    except (OSError, EOFError, zlib.error) as error:
        if not is_of_data(error):
            raise
    return start


def is_named(path: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file's name ends in one of these, before what says how it is compressed."""
    return path.lower().removesuffix(".gz").removesuffix(".bz2").removesuffix(".zst").endswith(suffixes)


def _records(stored: BinaryIO, carrier: Carrier) -> Iterator[Carried]:
    if carrier is Carrier.PARQUET:
        yield from parquet_records.records(stored)
    elif carrier is Carrier.AVRO:
        yield from avro.records(paths.decompressed(stored))
    else:
        yield from json_lines.records(paths.decompressed(stored))


def _records_of_range(stored: BinaryIO, carrier: Carrier, start: int, stop: int) -> Iterator[Carried]:
    if carrier is Carrier.PARQUET:
        yield from parquet_records.records(stored, start, stop)
    elif carrier is Carrier.AVRO:
        yield from avro.records_of_range(stored, start, stop)
    else:
        yield from json_lines.records_of_range(stored, start, stop)


def _csv(stored: BinaryIO, start: int, stop: int, separator: str | None) -> Iterator[Carried]:
    if table := csv_ranges.open_csv(stored, start, stop, separator):
        yield from csv_records.records(table.stream, table.names, table.separator)
