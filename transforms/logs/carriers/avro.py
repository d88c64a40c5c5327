"""Avro files, block by block: as BigQuery exports them.

A file is a header (the schema, the codec, a marker), then blocks: how many records, how many bytes, the
records, the marker. fastavro reads all of it, but out of hands that give no more than is allowed: lengths are
claimed by whoever wrote the file.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

import fastavro

from trueserve.transforms.files.section import WrongCutError, open_section
from trueserve.transforms.files.tfrecord import is_of_data
from trueserve.transforms.logs.carriers.avro_codecs import CODECS, unpacked
from trueserve.transforms.logs.carriers.avro_schema import AvroSchema, avro_error, avro_schema, convert_fields
from trueserve.transforms.logs.carriers.records import LARGEST_RECORD, explained, row
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.request import Carried

MAGIC = b"Obj\x01"
_LARGEST_HEADER = 16 << 20
_PIECE = 1 << 20
# A block begins with two numbers of at most ten bytes each.
_LONGS_BYTES = 20
_CAUSE = "a block that holds the marker of the file"
_SYNC = {"type": "fixed", "name": "Sync", "size": 16}
_HEADER = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Header",
        "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "Magic", "size": len(MAGIC)}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": _SYNC},
        ],
    }
)
_BLOCK = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Block",
        "fields": [
            {"name": "count", "type": "long"},
            {"name": "data", "type": "bytes"},
            {"name": "sync", "type": _SYNC},
        ],
    }
)
_SIZES = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Sizes",
        "fields": [{"name": "count", "type": "long"}, {"name": "bytes", "type": "long"}],
    }
)


class _Header(NamedTuple):
    """What the header of a file says: how its blocks are read, and what stands after each."""

    schema: AvroSchema
    unpack: Callable[[bytes], bytes]
    sync: bytes


def records(stream: BinaryIO) -> Iterator[Carried]:
    """The records of all blocks; a null is absent, and times are UTC.

    Raises TableError, after the records of all blocks before: `truncated`, `bad_avro`.
    """
    header = _header(stream)
    while (rows := _next_block(stream, header)) is not None:
        yield from rows


def records_of_range(stored: BinaryIO, start: int, stop: int) -> Iterator[Carried]:
    """The records of the blocks of a file that begin at byte `start` or later, and before `stop`.

    Raises TableError as `records` does for the file, and WrongCutError.
    """
    stored.seek(0)
    header = _header(stored)
    first = functools.partial(first_block, sync=header.sync, first=stored.tell())
    if (section := open_section(stored, start, stop, first, _CAUSE)) is None:
        return
    while (position := stored.tell()) < section.end and (rows := _next_block(stored, header)) is not None:
        position = stored.tell()
        yield from rows
    if section.end < position:
        raise WrongCutError(section.end, _CAUSE)


def first_block(stored: BinaryIO, at: int, stop: int, sync: bytes, first: int) -> int | None:
    """Where the first block begins that does so at byte `at` of a file or later; None if not before `stop`.

    It stands after a marker, and one follows it. `first` is where the first block of the file begins.
    """
    if at <= first:
        return first
    position = at - len(sync)
    while position + len(sync) < stop:
        stored.seek(position)
        piece = stored.read(_PIECE)
        if len(piece) < len(sync):
            return None
        if (index := piece.find(sync)) < 0:
            position += len(piece) - len(sync) + 1
            continue
        if _is_block(stored, position + index + len(sync), sync):
            return position + index + len(sync)
        position += index + 1
    return None


def _is_block(stored: BinaryIO, position: int, sync: bytes) -> bool:
    """Whether a block stands there, or the file ends."""
    stored.seek(position)
    start = stored.read(_LONGS_BYTES)
    if not start:
        return True
    with contextlib.suppress(Exception):  # of fastavro, which raises anything
        longs = io.BytesIO(start)
        claimed: Any = fastavro.schemaless_reader(longs, _SIZES, None)
        stored.seek(position + longs.tell() + claimed["bytes"])
        return 0 <= claimed["bytes"] <= LARGEST_RECORD and stored.read(len(sync)) == sync
    return False


def _header(stream: BinaryIO) -> _Header:
    header = _framed(stream, _HEADER, _LARGEST_HEADER)
    if header is None or header["magic"] != MAGIC:
        raise avro_error("the file does not begin with an Avro header")
    schema = avro_schema(header["meta"].get("avro.schema", b""))
    unpack = CODECS.get(header["meta"].get("avro.codec", b"null"))
    if unpack is None:
        raise avro_error(f"its codec is none of {b', '.join(CODECS).decode()}")
    return _Header(schema, unpack, header["sync"])


def _next_block(stream: BinaryIO, header: _Header) -> Iterator[Carried] | None:
    """The records of the next block, which has been read; None at the end of the stream."""
    block = _framed(stream, _BLOCK, LARGEST_RECORD)
    if block is None:
        return None
    if block["sync"] != header.sync:
        raise avro_error("the marker after a block is not that of the file")
    return _rows(unpacked(block["data"], header.unpack), block["count"], header.schema)


def _rows(data: bytes, count: int, schema: AvroSchema) -> Iterator[Carried]:
    """The records of a block, one at a time, out of windows that are as long as a record may be."""
    window = _Window(data, 0, schema.largest)
    for _ in range(count):
        before = window.position
        if (values := window.record(schema)) is None:
            # Maybe for want of what follows the window.
            window = _Window(data, before, schema.largest)
            values = window.record(schema)
        if values is None:
            raise avro_error(
                f"a record is damaged, or longer than the {schema.largest:,} bytes that are read of it"
            )
        yield row(values)
    if count < 0 or window.position != len(data):
        raise avro_error("a block has other bytes than its records take")


class _Window:
    """A part of a block."""

    def __init__(self, data: bytes, start: int, size: int) -> None:
        self._start = start
        self._size = size
        self._stream = io.BytesIO(data[start : start + size] if start or size < len(data) else data)
        self._is_last = start + size >= len(data)

    @property
    def position(self) -> int:
        return self._start + self._stream.tell()

    def record(self, schema: AvroSchema) -> dict[str, Any] | None:
        """The next record; None if it is not whole. Raises TableError for none in the last window."""
        try:
            values = _record(self._stream, schema)
        except TableError:
            if self._is_last:
                raise
            return None
        # Who reads the very end of a window may have missed what follows.
        return values if self._is_last or self._stream.tell() < self._size else None


def _record(stream: BinaryIO, schema: AvroSchema) -> dict[str, Any]:
    try:
        values: Any = fastavro.schemaless_reader(stream, schema.parsed, None)
    except Exception as error:
        raise avro_error("a record in a block is none of its schema") from error
    converted = convert_fields(values, schema.converts)
    return {name: value for name, value in converted.items() if value is not None}


def _framed(stream: BinaryIO, schema: Any, largest: int) -> Any:
    """The header, or the next block, as it is framed; None at the end of the stream."""
    with explained():
        first = stream.read(1)
    if not first:
        return None
    bounded: Any = _Bounded(stream, first, largest)
    try:
        return fastavro.schemaless_reader(bounded, schema, None)
    except TableError:
        raise
    except EOFError as error:
        raise TableError("truncated", "truncated: the file ends within a block or its header") from error
    except Exception as error:
        if not is_of_data(error):
            raise
        raise avro_error("a block or the header is damaged") from error


class _Bounded:
    """The next bytes of a stream: at most so many, and in memory never more than have come."""

    def __init__(self, stream: BinaryIO, first: bytes, largest: int) -> None:
        self._stream = stream
        self._first = first
        self._left = largest

    def read(self, size: int) -> bytes:
        """Raises TableError for more than there may be."""
        if not 0 <= size <= self._left:
            raise avro_error("a block or the header claims to be longer than is read")
        self._left -= size
        parts = [self._first[:size]]
        self._first = self._first[size:]
        missing = size - len(parts[0])
        while missing:
            with explained():
                part = self._stream.read(min(missing, _PIECE))
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
