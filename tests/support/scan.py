"""Serialized tf.Examples, field by field, and the rows that are parsed of them."""

from __future__ import annotations

import struct
from typing import Any

import pyarrow as pa

from support.wire import field, varint
from trueserve.transforms.columnar.examples.example_parser import ExampleParser
from trueserve.transforms.columnar.framing import block_of

KINDS = {pa.large_binary(): "bytes", pa.float32(): "float", pa.int64(): "int"}
Row = dict[tuple[str, str], list[Any]]


def floats(*values: float) -> bytes:
    return field(2, field(1, struct.pack(f"<{len(values)}f", *values)))


def ints(*values: int) -> bytes:
    return field(3, field(1, b"".join(map(varint, values))))


def texts(*values: bytes) -> bytes:
    return field(1, b"".join(field(1, value) for value in values))


def entry(name: bytes, kind: bytes) -> bytes:
    return field(1, field(1, name) + field(2, kind))


def example(*entries: bytes) -> bytes:
    return field(1, b"".join(entries))


def rows_of(records: list[bytes], parser: ExampleParser | None = None) -> tuple[list[Row], list[int]]:
    """The rows of records that are examples, and the positions of those that are none."""
    rows: list[Row] = []
    bad: list[int] = []
    for parsed in (parser or ExampleParser()).parse(block_of(records)):
        bad += parsed.bad
        new: list[Row] = [{} for _ in parsed.records]
        for name, column in parsed.columns:
            column.validate(full=True)
            for row, values in zip(new, column.to_pylist(), strict=True):
                if values is not None:
                    row[name, KINDS[column.type.value_type]] = values
        rows += new
    return rows, bad
