"""The same body is read the same wherever it stands: in REST, SageMaker, KServe, AI Platform and Vertex."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import struct
from typing import Any

import pytest
from support import logs
from support.events import decode
from support.hostile_logs import WRAP

from trueserve.transforms.logs.formats.format_names import Format

COLUMNS = ("age", "fare", "word")
EXPECTED = dataclasses.replace(logs.EXPECTED, single=frozenset(COLUMNS))
LISTS = [[30, 1.5, "a"], [31, 2.5, "b"]]
ROWS = [dict(zip(COLUMNS, row, strict=True)) for row in LISTS]
WANTED = [{"age": [30], "fare": [1.5], "word": [b"a"]}, {"age": [31], "fare": [2.5], "word": [b"b"]}]
BY_COLUMN = {name: [row[name] for row in ROWS] for name in COLUMNS}
BODIES: dict[str, Any] = {
    "instances": {"instances": ROWS},
    "lists": {"instances": LISTS},
    "features": {"instances": [{"features": row} for row in LISTS]},
    "inputs": {"inputs": BY_COLUMN},
    "columns": BY_COLUMN,
    "split": {"dataframe_split": {"columns": list(COLUMNS), "data": LISTS}},
    "records": {"dataframe_records": ROWS},
    "seldon": {"data": {"names": list(COLUMNS), "ndarray": LISTS}},
    "seldon without names": {"data": {"ndarray": LISTS}},
    "tensors": {
        "inputs": [
            {"name": "age", "shape": [2], "datatype": "INT64", "data": [30, 31]},
            {"name": "fare", "shape": [2, 1], "datatype": "FP32", "data": [[1.5], [2.5]]},
            {"name": "word", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
        ]
    },
}
BINARY = {
    "inputs": [
        {"name": "age", "shape": [2], "datatype": "INT64", "data": [30, 31]},
        {"name": "fare", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}},
        {"name": "word", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
    ]
}
AS_SENT = {
    "gzip": gzip.compress(json.dumps(BODIES["columns"]).encode(), mtime=0),
    "binary": json.dumps(BINARY).encode() + struct.pack("<2f", 1.5, 2.5),
}


@pytest.mark.parametrize("log_format", [name for name in WRAP if name is not Format.REST])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_as_text(log_format: Format, body: Any) -> None:
    outcome = decode(log_format, [WRAP[log_format](body)], columns=COLUMNS, expected=EXPECTED)
    assert (outcome.rows, outcome.rejects) == (WANTED, [])


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_in_lines_of_rest(body: Any) -> None:
    bare = body if isinstance(body, dict) else {"body": body}
    for record in ({"request": body, "time": 1685524428}, {"body": json.dumps(body)}, bare):
        outcome = decode(Format.REST, [record], columns=COLUMNS, expected=EXPECTED)
        assert (outcome.rows, outcome.rejects) == (WANTED, [])


@pytest.mark.parametrize("data", AS_SENT.values(), ids=AS_SENT.keys())
def test_a_body_as_it_was_sent(data: bytes) -> None:
    encoded = base64.b64encode(data).decode()
    part = {"observedContentType": "application/json", "encoding": "BASE64", "data": encoded}
    kind = "org.kubeflow.serving.inference.request"
    for log_format, record in (
        (Format.REST, {"headers": {"Content-Encoding": "gzip"}, "body": encoded}),
        (Format.AI_PLATFORM, {"raw_data": data}),
        (Format.SAGEMAKER, {"captureData": {"endpointInput": part}, "eventMetadata": {}}),
        (Format.KSERVE, {"specversion": "1.0", "type": kind, "data_base64": encoded}),
        (Format.KSERVE, {"ce-type": kind, "content-encoding": "gzip", "data_base64": encoded}),
    ):
        outcome = decode(log_format, [record], expected=EXPECTED)
        assert (outcome.rows, outcome.rejects) == (WANTED, [])


@pytest.mark.parametrize("log_format", list(WRAP))
def test_a_request_without_known_features_is_one_reject_and_no_form(log_format: Format) -> None:
    body = {"instances": [{"new": 1, "other": 2}]}
    outcome = decode(log_format, [WRAP[log_format](body)])
    assert [reject.reason for reject in outcome.rejects] == ["no_features"]
    assert (outcome.rows, outcome.counts.forms) == ([], {})
