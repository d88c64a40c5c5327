"""What KServe's logger writes to a blob store: arrays of JSON, CSV and Parquet, dated by their folder."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.events import DecodedLog, decode, outcome_of
from support.kserve import V1, WANTED
from support.logs import settings

from trueserve.transforms.core.batches import Decoded, Window
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.logs.formats.format_names import Format

KIND = "org.kubeflow.serving.inference."
DATA = json.dumps(V1).encode()
HOUR = dt.datetime(2023, 5, 31, 9, tzinfo=dt.UTC)
# The fields of https://github.com/kserve/kserve/blob/master/pkg/logger/types.go, as Go writes them.
LOGGED: dict[str, Any] = {
    "Url": {"Scheme": "s3", "Opaque": "", "User": None, "Host": "bucket", "Path": "/logs"},
    "Bytes": base64.b64encode(DATA).decode(),
    "ContentType": "application/json",
    "ReqType": KIND + "request",
    "Id": "id-1",
    "SourceUri": {"Scheme": "http", "Host": "localhost:9081", "Path": "/"},
    "InferenceService": "flights",
    "Namespace": "default",
    "Component": "predictor",
    "Endpoint": "",
    "Metadata": {"Content-Encoding": ["identity"]},
    "Annotations": None,
    "CertName": "",
    "TlsSkipVerify": False,
}
# ... and those of its tables, of both spellings.
TABLE = {
    "url": "s3://bucket/logs",
    "bytes": LOGGED["Bytes"],
    "contentType": "application/json",
    "reqType": KIND + "request",
    "id": "id-1",
    "sourceUri": "http://localhost:9081/",
    "inferenceService": "flights",
    "metadata": "{}",
    "tlsSkipVerify": "false",
}


def as_csv(records: list[dict[str, Any]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return stream.getvalue().encode()


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    headers = (
        pa.string()
        if isinstance(records[0]["metadata"], str)
        else pa.map_(pa.string(), pa.list_(pa.string()))
    )
    kinds = {"bytes": pa.array([records[0]["bytes"]]).type, "metadata": headers}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in records[0]])
    pq.write_table(pa.Table.from_pylist(records, schema), sink)
    return bytes(sink.getvalue().to_pybytes())


def snake(record: dict[str, Any]) -> dict[str, Any]:
    """Arrow's columns: names with underscores, bytes as such, headers as a map."""
    names = {"reqType": "req_type", "sourceUri": "source_uri", "inferenceService": "inference_service"}
    renamed = {names.get(name, name): value for name, value in record.items()}
    return {
        **renamed,
        "bytes": base64.b64decode(record["bytes"]),
        "metadata": [("content-encoding", ["identity"])],
    }


OBJECTS = {
    "array.json": json.dumps([LOGGED, LOGGED]).encode(),
    "line.json": json.dumps(LOGGED).encode() + b"\n" + json.dumps(LOGGED).encode(),
    "table.csv": as_csv([TABLE, TABLE]),
    "table.parquet": as_parquet([TABLE, TABLE]),
    "arrow.parquet": as_parquet([snake(TABLE), snake(TABLE)]),
}


def read(folder: Path, name: str, data: bytes, **changes: Any) -> DecodedLog:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    file = FileSize(str(folder / name), len(data))
    assert detect_log([file]) is Format.KSERVE
    parts = list(decode_file(file, Format.KSERVE, settings(**changes)))
    return outcome_of([part for part in parts if isinstance(part, Decoded)])


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_of_every_kind_give_the_same_rows(tmp_path: Path, name: str) -> None:
    outcome = read(tmp_path / "2023" / "05" / "31" / "09", name, OBJECTS[name])
    assert (outcome.rows, outcome.rejects) == (WANTED * 2, [])
    assert set(outcome.column("time")) == {HOUR}
    first = outcome.metadata[0]
    assert (first["model"], first["request_id"], first["origin"]) == (
        "flights",
        "id-1",
        "http://localhost:9081/",
    )


def test_without_a_date_in_the_path_there_is_no_time(tmp_path: Path) -> None:
    assert read(tmp_path / "logs", "a.json", OBJECTS["array.json"]).column("time") == [None] * 4
    window = Window(HOUR, HOUR + dt.timedelta(hours=1))
    counts = read(tmp_path / "dt=2023-05-31", "a.json", OBJECTS["array.json"], window=window).counts
    assert (counts.decoded, counts.outside_window, counts.no_time) == (0, 2, 0)


def test_the_time_of_the_record_comes_first(tmp_path: Path) -> None:
    timed = {**LOGGED, "Metadata": {"Ce-Time": ["2023-05-31T10:00:00Z"]}}
    outcome = read(tmp_path / "2023" / "05" / "31" / "09", "a.json", json.dumps([timed]).encode())
    assert set(outcome.column("time")) == {HOUR + dt.timedelta(hours=1)}


@pytest.mark.parametrize("responses", [False, True])
def test_a_response_is_joined_where_it_is_wanted(tmp_path: Path, responses: bool) -> None:
    answer = base64.b64encode(b'{"predictions": [0.25, 0.5]}').decode()
    records = [LOGGED, {**LOGGED, "ReqType": KIND + "response", "Bytes": answer}]
    outcome = read(tmp_path / "2023-05-31", "a.json", json.dumps(records).encode(), responses=responses)
    assert outcome.rows == WANTED
    assert outcome.column("response") == (["0.25", "0.5"] if responses else [None, None])
    assert set(outcome.column("time")) == {HOUR.replace(hour=0)}


def test_headers_say_how_the_body_is_compressed() -> None:
    packed = base64.b64encode(gzip.compress(DATA)).decode()
    record = {**LOGGED, "Bytes": packed, "Metadata": {"Content-Encoding": ["gzip"]}}
    assert decode(Format.KSERVE, [record]).rows == WANTED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Bytes": None}, "no_body"),
        ({"Bytes": ""}, "no_body"),
        ({"Bytes": "secret%"}, "bad_base64"),
        ({"Bytes": base64.b64encode(b"secret").decode()}, "not_json"),
        ({"ReqType": None}, "not_a_cloud_event"),
        ({"ReqType": ["secret"]}, "not_a_cloud_event"),
    ],
)
def test_what_is_no_request_is_rejected(changes: dict[str, Any], why: str) -> None:
    [reject] = decode(Format.KSERVE, [{**LOGGED, **changes}]).rejects
    assert (reject.reason, "secret" in reject.detail) == (why, False)


@pytest.mark.parametrize("headers", [None, 5, "secret", "[1]", [1], [("a",)], {"Content-Encoding": 3}])
def test_headers_that_are_none_fail_nothing(headers: Any) -> None:
    assert decode(Format.KSERVE, [{**LOGGED, "Metadata": headers, "SourceUri": headers}]).rows == WANTED
