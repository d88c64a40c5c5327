"""Avro files, written byte by byte."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any, cast

import pyarrow as pa


def long(number: int) -> bytes:
    """A whole number as Avro has it."""
    rest = (number << 1) ^ (number >> 63)
    data = bytearray()
    while rest > 0x7F:
        data.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*data, rest])


def avro_header(schema: Any, codec: bytes = b"null") -> bytes:
    text = json.dumps(schema).encode()
    meta = long(2)
    for key, value in ((b"avro.schema", text), (b"avro.codec", codec)):
        meta += long(len(key)) + key + long(len(value)) + value
    return b"Obj\x01" + meta + long(0) + b"s" * 16


def avro_block(count: int, data: bytes, length: int | None = None) -> bytes:
    return long(count) + long(len(data) if length is None else length) + data + b"s" * 16


def record(**fields: Any) -> dict[str, Any]:
    of = [{"name": name, "type": kind} for name, kind in fields.items()]
    return {"type": "record", "name": "Row", "fields": of}


LONGS = record(a="long")


def snappy_file(rows: list[dict[str, Any]]) -> bytes:
    """By hand, as fastavro lacks the codec here."""
    plain = b"".join(long(row["a"]) for row in rows)
    packed = cast(bytes, pa.compress(plain, codec="snappy", asbytes=True))
    return avro_header(LONGS, b"snappy") + avro_block(
        len(rows), packed + struct.pack(">I", zlib.crc32(plain))
    )


def zstandard_file(rows: list[dict[str, Any]]) -> bytes:
    plain = b"".join(long(row["a"]) for row in rows)
    packed = cast(bytes, pa.compress(plain, codec="zstd", asbytes=True))
    return avro_header(LONGS, b"zstandard") + avro_block(len(rows), packed)
