"""Rows in every carrier, and what is read of them."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from trueserve.transforms.logs.carriers.read_records import read_records
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.request import BadRecordError, Carried

#: Columns of these types, all of which may be null, are written by `write`: Avro's, and Arrow's.
Types = Mapping[str, tuple[Any, pa.DataType]]
Rows = Sequence[Mapping[str, Any]]

TIMESTAMP = {"type": "long", "logicalType": "timestamp-micros"}


def carried(data: bytes, path: str = "log") -> list[Carried]:
    """All records of a file with these bytes."""
    return list(itertools.chain.from_iterable(read_records(io.BytesIO(data), path)))


def values(data: bytes, path: str = "log") -> list[Any]:
    """The fields of each record, or the reason why it has none."""
    return [
        record.value.reason if isinstance(record.value, BadRecordError) else record.value
        for record in carried(data, path)
    ]


def until_error(data: bytes, path: str = "log") -> tuple[list[Any], TableError | None]:
    """The fields of the records before an error, and the error."""
    values: list[Any] = []
    try:
        for chunk in read_records(io.BytesIO(data), path):
            values.extend(record.value for record in chunk)
    except TableError as error:
        return values, error
    return values, None


def csv_of(rows: Rows, types: Types) -> bytes:
    """What is absent is empty."""
    text = io.StringIO()
    # Quoted, all of it: with this end of lines Python's writer does not quote a lone carriage return.
    writer = csv.DictWriter(text, list(types), restval="", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def json_of(rows: Rows, types: Types) -> bytes:
    return "".join(json.dumps(row, default=_text) + "\n" for row in rows).encode()


def avro_of(rows: Rows, types: Types, codec: str = "null", **more: Any) -> bytes:
    fields = [{"name": name, "type": ["null", kind]} for name, (kind, _) in types.items()]
    return avro_file({"type": "record", "name": "Row", "fields": fields}, rows, codec, **more)


def avro_file(schema: Any, rows: Rows, codec: str = "null", **more: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, schema, rows, codec=codec, **more)
    return stream.getvalue()


def parquet_of(rows: Rows, types: Types) -> bytes:
    stream = io.BytesIO()
    schema = pa.schema([(name, kind) for name, (_, kind) in types.items()])
    columns = [pa.array([row.get(name) for row in rows], kind) for name, (_, kind) in types.items()]
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), stream)
    return stream.getvalue()


def gzipped(write: Callable[[Rows, Types], bytes]) -> Callable[[Rows, Types], bytes]:
    return lambda rows, types: gzip.compress(write(rows, types), mtime=0)


def _text(value: Any) -> Any:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f UTC") if isinstance(value, dt.datetime) else value
