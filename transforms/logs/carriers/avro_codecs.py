"""How blocks of Avro are compressed, and what is unpacked of them: no more than is allowed."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.carriers.avro_schema import avro_error
from trueserve.transforms.logs.carriers.records import LARGEST_RECORD
from trueserve.transforms.logs.carriers.table_error import TableError

_ENOUGH = LARGEST_RECORD + 1


def unpacked(data: bytes, unpack: Callable[[bytes], bytes]) -> bytes:
    """The records of a block. Raises TableError where it is damaged, or would be too long."""
    try:
        records = unpack(data)
    except TableError:  # names its own reason
        raise
    except Exception as error:
        raise avro_error("a compressed block is damaged") from error
    if len(records) > LARGEST_RECORD:
        raise avro_error(f"a block is longer than the {LARGEST_RECORD >> 20} MiB that are read of one")
    return records


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
        raise avro_error(f"a block is longer than the {LARGEST_RECORD >> 20} MiB that are read of one")
    unpacked: bytes = pa.decompress(data[:-4], decompressed_size=length, codec="snappy", asbytes=True)
    if zlib.crc32(unpacked) != int.from_bytes(data[-4:], "big"):
        raise avro_error("the checksum of a block is wrong")
    return unpacked


def _zstandard(data: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        unpacked: bytes = stream.read(_ENOUGH)
        return unpacked


#: What unpacks a block, by the name of its codec.
CODECS: dict[bytes, Callable[[bytes], bytes]] = {
    b"null": bytes,
    b"deflate": _deflate,
    b"bzip2": lambda data: bz2.BZ2Decompressor().decompress(data, _ENOUGH),
    b"xz": lambda data: lzma.LZMADecompressor(memlimit=4 * LARGEST_RECORD).decompress(data, _ENOUGH),
    b"snappy": _snappy,
    b"zstandard": _zstandard,
}
