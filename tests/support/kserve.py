"""Events of KServe, structured and binary, and what they give."""

from __future__ import annotations

import datetime as dt
from typing import Any

from support.events import DecodedLog, decode
from trueserve.transforms.logs.formats.format_names import Format

ROWS = [{"age": 30, "fare": 1.5, "word": "a"}, {"age": 31, "fare": 2.5, "word": "b"}]
WANTED = [{"age": [30], "fare": [1.5], "word": [b"a"]}, {"age": [31], "fare": [2.5], "word": [b"b"]}]
V1 = {"instances": ROWS}
V2 = {
    "inputs": [
        {"name": "age", "shape": [2, 1], "datatype": "INT64", "data": [30, 31]},
        {"name": "fare", "shape": [2], "datatype": "FP32", "data": [1.5, 2.5]},
        {"name": "word", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
    ]
}
ATTRIBUTES = {
    "specversion": "1.0",
    "source": "http://localhost:9081/",
    "time": "2021-04-10T00:23:26.0789529Z",
    "inferenceservicename": "flights",
    "namespace": "default",
    "component": "predictor",
    "endpoint": "",
}
TIME = dt.datetime(2021, 4, 10, 0, 23, 26, 78952, tzinfo=dt.UTC)
KIND = "org.kubeflow.serving.inference."


def structured(data: Any, kind: str = "request", key: str = "id-1", **more: Any) -> dict[str, Any]:
    event = {**ATTRIBUTES, "id": key, "type": KIND + kind, "data": data, **more}
    return {name: value for name, value in event.items() if value is not None}


def binary(data: Any, kind: str = "request", key: str = "id-1", **more: Any) -> dict[str, Any]:
    event = {**ATTRIBUTES, "id": key, "type": KIND + kind, **more}
    headers = {f"ce-{name}": value for name, value in event.items() if value is not None}
    return {**headers, "content-type": "application/x-www-form-urlencoded", "data": data}


def run(*records: Any, **changes: Any) -> DecodedLog:
    return decode(Format.KSERVE, records, **changes)
