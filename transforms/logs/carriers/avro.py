"""Avro files, block by block: as BigQuery exports them.

A file is a header (the schema, the codec, a marker), then blocks: how many records, how many bytes, the
records, the marker. fastavro reads all of it, but out of hands that give no more than is allowed: lengths are
claimed by whoever wrote the file.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import fastavro

from transforms.core.arrow import pa
from transforms.files.tfrecord import is_of_data
from transforms.logs.carriers.avro_schema import AvroSchema, avro_schema
from transforms.logs.carriers.records import LARGEST_RECORD, explained, row
from transforms.logs.carriers.table_error import TableError
from transforms.logs.request import Carried

MAGIC = b"Obj\x01"
_LARGEST_HEADER = 16 << 20
_PIECE = 1 << 20
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


def records(stream: BinaryIO) -> Iterator[Carried]:
    """The records of all blocks; a null is absent, and times are UTC.

    Raises TableError, after the records of all blocks before: `truncated`, `bad_avro`.
    """
    header = _framed(stream, _HEADER, _LARGEST_HEADER)
    if header is None or header["magic"] != MAGIC:
        raise _avro_error("the file does not begin with an Avro header")
    schema = avro_schema(header["meta"].get("avro.schema", b""))
    unpack = _CODECS.get(header["meta"].get("avro.codec", b"null"))
    if unpack is None:
        raise _avro_error(f"its codec is none of {b', '.join(_CODECS).decode()}")
    while (block := _framed(stream, _BLOCK, LARGEST_RECORD)) is not None:
        if block["sync"] != header["sync"]:
            raise _avro_error("the marker after a block is not that of the file")
        yield from _rows(_unpacked(block["data"], unpack), block["count"], schema)


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
            raise _avro_error(
                f"a record is damaged, or longer than the {schema.largest:,} bytes that are read of it"
            )
        yield row(values)
    if count < 0 or window.position != len(data):
        raise _avro_error("a block has other bytes than its records take")


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
        raise _avro_error("a record in a block is none of its schema") from error
    for name, convert in schema.converts.items():
        values[name] = convert(values[name])
    return {name: value for name, value in values.items() if value is not None}


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
        raise _avro_error("a block or the header is damaged") from error


class _Bounded:
    """The next bytes of a stream: at most so many, and in memory never more than have come."""

    def __init__(self, stream: BinaryIO, first: bytes, largest: int) -> None:
        self._stream = stream
        self._first = first
        self._left = largest

    def read(self, size: int) -> bytes:
        """Raises TableError for more than there may be."""
        if not 0 <= size <= self._left:
            raise _avro_error("a block or the header claims to be longer than is read")
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


def _unpacked(data: bytes, unpack: Callable[[bytes], bytes]) -> bytes:
    try:
        unpacked = unpack(data)
    except TableError:  # names its own reason
        raise
    except Exception as error:
        raise _avro_error("a compressed block is damaged") from error
    if len(unpacked) > LARGEST_RECORD:
        raise _avro_error(f"a block is longer than the {LARGEST_RECORD >> 20} MiB that are read of one")
    return unpacked


_ENOUGH = LARGEST_RECORD + 1


def _deflate(data: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, _ENOUGH)


def _snappy(data: bytes) -> bytes:
    """Raw snappy, which begins with its length, and then the CRC32 of what it holds."""
    length = shift = 0
    for byte in data[:5]:
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if length > LARGEST_RECORD:
        raise _avro_error(f"a block is longer than the {LARGEST_RECORD >> 20} MiB that are read of one")
    unpacked: bytes = pa.decompress(data[:-4], decompressed_size=length, codec="snappy", asbytes=True)
    if zlib.crc32(unpacked) != int.from_bytes(data[-4:], "big"):
        raise _avro_error("the checksum of a block is wrong")
    return unpacked


def _zstandard(data: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        unpacked: bytes = stream.read(_ENOUGH)
        return unpacked


_CODECS: dict[bytes, Callable[[bytes], bytes]] = {
    b"null": bytes,
    b"deflate": _deflate,
    b"bzip2": lambda data: bz2.BZ2Decompressor().decompress(data, _ENOUGH),
    b"xz": lambda data: lzma.LZMADecompressor(memlimit=4 * LARGEST_RECORD).decompress(data, _ENOUGH),
    b"snappy": _snappy,
    b"zstandard": _zstandard,
}


def _avro_error(detail: str) -> TableError:
    return TableError("bad_avro", f"cannot read it as Avro: {detail}")
