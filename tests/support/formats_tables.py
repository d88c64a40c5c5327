"""Logs in BigQuery, as its exports have them: CSV, JSON lines, Avro and Parquet; and plain tables.

CSV and JSON have a TIMESTAMP as `2020-06-03 17:00:04 UTC`; JSON has INT64 and NUMERIC as strings, leaves
nulls out and writes <, > and & as escapes of Unicode. Avro has a TIMESTAMP as a long of microseconds, with
the logical type only where that was asked for, and Parquet as an INT64 in UTC. CSV cannot hold a repeated
column: a query has to make JSON of it.
"""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from examples.flights import data
from support import formats
from support.formats import MODEL, VERSION, Log, Request, Traffic
from support.formats_json import rows_body
from support.formats_records import TIME_FEATURE, VERSION_FEATURE

Table: TypeAlias = Sequence[Mapping[str, Any]]
_NUMERIC = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9}
_MICROS = {"type": "long", "logicalType": "timestamp-micros"}
_AVRO = {"STRING": "string", "INT64": "long", "FLOAT64": "double", "NUMERIC": _NUMERIC, "TIMESTAMP": _MICROS}
_ARROW = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "REPEATED": pa.list_(pa.string()),
}

AI_PLATFORM = {
    "model": "STRING",
    "model_version": "STRING",
    "time": "TIMESTAMP",
    "raw_data": "STRING",
    "raw_prediction": "STRING",
    "groundtruth": "STRING",
}
VERTEX = {
    "endpoint": "STRING",
    "deployed_model_id": "STRING",
    "logging_time": "TIMESTAMP",
    "request_id": "NUMERIC",
    "request_payload": "REPEATED",
    "response_payload": "REPEATED",
}
FLIGHTS = (
    {TIME_FEATURE: "TIMESTAMP", VERSION_FEATURE: "STRING"}
    | dict.fromkeys(data.CATEGORIES, "STRING")
    | dict.fromkeys(data.COUNTS, "INT64")
    | dict.fromkeys((*data.MEASURES, *data.WEATHER), "FLOAT64")
)
Types: TypeAlias = Mapping[str, str]


def _time(request: Request) -> dt.datetime | None:
    return None if request.seconds is None else dt.datetime.fromtimestamp(request.seconds, dt.UTC)


def ai_platform(traffic: Traffic) -> Table:
    """Rows of the request-response log of AI Platform Prediction; one without JSON is broken."""
    return [
        {
            "model": MODEL,
            "model_version": VERSION,
            "time": dt.datetime(2013, 7, 4, tzinfo=dt.UTC) if request is None else _time(request),
            "raw_data": "no JSON" if request is None else json.dumps(rows_body(request.rows)),
            "raw_prediction": json.dumps({"predictions": [0.25]}),
            "groundtruth": None,
        }
        for request in traffic
    ]


def vertex(traffic: Traffic) -> Table:
    """Rows of a Vertex AI endpoint's log: an element of the payload for each instance."""
    return [
        {
            "endpoint": "projects/1/locations/us-central1/endpoints/2",
            "deployed_model_id": VERSION,
            "logging_time": dt.datetime(2013, 7, 4, tzinfo=dt.UTC) if request is None else _time(request),
            "request_id": decimal.Decimal(1 if request is None else request.request_id),
            "request_payload": ["{"] if request is None else _payload(request),
            "response_payload": [] if request is None else ["0.25" for _ in request.rows],
        }
        for request in traffic
    ]


def _payload(request: Request) -> list[str]:
    return [json.dumps(formats.shortened(row)) for row in request.rows]


def flights(traffic: Traffic) -> Table:
    """A row a request: its features beside the time and the model's version."""
    requests = [request for request in traffic if request is not None]
    return [
        {name: formats.shortened(request.rows[0]).get(name) for name in data.FEATURES}
        | {TIME_FEATURE: _time(request), VERSION_FEATURE: VERSION}
        for request in requests
    ]


def write_csv(path: Path, rows: Table, types: Types) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(types)
        writer.writerows([_csv_cell(row[name]) for name in types] for row in rows)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    # What TO_JSON_STRING makes of a repeated column.
    return json.dumps(value) if isinstance(value, list) else value


def write_json(path: Path, rows: Table, types: Types, *, quoted: bool = True) -> None:
    """`quoted`: INT64 and NUMERIC as strings, as BigQuery has them."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            cells = {name: _json_cell(value, quoted) for name, value in row.items() if value is not None}
            text = json.dumps(cells, separators=(",", ":"))
            file.write(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n")


def _json_cell(value: Any, quoted: bool) -> Any:
    if isinstance(value, dt.datetime):
        return _csv_cell(value)
    if isinstance(value, decimal.Decimal):
        return str(value)
    return str(value) if quoted and isinstance(value, int) else value


def write_avro(path: Path, rows: Table, types: Types, *, logical: bool = True) -> None:
    """`logical`: timestamps with their logical type; otherwise the raw long that is BigQuery's default."""
    fields = [{"name": name, "type": _avro_type(kind, logical)} for name, kind in types.items()]
    schema = fastavro.parse_schema({"type": "record", "name": "Root", "fields": fields})
    records = [dict(row) for row in rows]
    for record in records if not logical else ():
        times = {name: _micros(record[name]) for name, kind in types.items() if kind == "TIMESTAMP"}
        record.update(times)
    with path.open("wb") as file:
        fastavro.writer(file, schema, records, codec="deflate")


def _avro_type(kind: str, logical: bool) -> Any:
    if kind == "REPEATED":
        return {"type": "array", "items": "string"}
    return ["null", "long" if kind == "TIMESTAMP" and not logical else _AVRO[kind]]


def _micros(time: dt.datetime | None) -> int | None:
    return None if time is None else round(time.timestamp()) * 1_000_000


def write_parquet(path: Path, rows: Table, types: Types) -> None:
    schema = pa.schema([(name, _ARROW[kind]) for name, kind in types.items()])
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema), path, row_group_size=700)


def _of(rows: Callable[[Traffic], Table], write: Any, types: Types, **more: Any) -> Any:
    return lambda path, traffic: write(path, rows(traffic), types, **more)


def _plain_json(path: Path, traffic: Traffic) -> None:
    """As pandas and most programs write it: numbers are numbers. The broken lines are no JSON."""
    write_json(path, flights(traffic), FLIGHTS, quoted=False)
    with path.open("a", encoding="utf-8") as file:
        file.writelines("no JSON\n" for request in traffic if request is None)


def _plain_csv(path: Path, traffic: Traffic) -> None:
    write_csv(path, flights(traffic), FLIGHTS)
    with path.open("a", encoding="utf-8") as file:
        file.writelines("a,b,c\n" for request in traffic if request is None)


_AI: dict[str, Any] = {"knows": frozenset({"model", "version"})}
_VERTEX: dict[str, Any] = {"knows": frozenset({"version", "request_id"})}
_TABLE: dict[str, Any] = {
    "single": True,
    "settings": {"time_feature": TIME_FEATURE, "version_feature": VERSION_FEATURE},
    "knows": frozenset({"version"}),
}

LOGS = (
    Log("ai_platform/csv", "csv", _of(ai_platform, write_csv, AI_PLATFORM), **_AI),
    Log("ai_platform/json", "json", _of(ai_platform, write_json, AI_PLATFORM), **_AI),
    Log("ai_platform/avro", "avro", _of(ai_platform, write_avro, AI_PLATFORM), **_AI),
    Log("ai_platform/avro_raw", "avro", _of(ai_platform, write_avro, AI_PLATFORM, logical=False), **_AI),
    Log("ai_platform/parquet", "parquet", _of(ai_platform, write_parquet, AI_PLATFORM), **_AI),
    Log("vertex/csv", "csv", _of(vertex, write_csv, VERTEX), **_VERTEX),
    Log("vertex/json", "json", _of(vertex, write_json, VERTEX), **_VERTEX),
    Log("vertex/avro", "avro", _of(vertex, write_avro, VERTEX), **_VERTEX),
    Log("vertex/avro_raw", "avro", _of(vertex, write_avro, VERTEX, logical=False), **_VERTEX),
    Log("vertex/parquet", "parquet", _of(vertex, write_parquet, VERTEX), **_VERTEX),
    Log("table/csv", "csv", _plain_csv, **_TABLE),
    Log("table/json", "jsonl", _plain_json, **_TABLE),
    Log("table/avro", "avro", _of(flights, write_avro, FLIGHTS), breakable=False, **_TABLE),
    Log("table/parquet", "parquet", _of(flights, write_parquet, FLIGHTS), breakable=False, **_TABLE),
)
