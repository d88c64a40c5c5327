"""Logs of JSON lines: TF Serving's REST bodies, SageMaker's data capture, KServe's inference logger."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from examples.flights import data
from support import formats
from support.formats import MODEL, VERSION, Log, Request, Row, Traffic

# Each is no request, whatever the format: no JSON, JSON that is no object, an object that is something else.
_BROKEN = ('{"instances": [', "[1, 2]", '{"level": "info", "message": "started"}')
_TYPE = "org.kubeflow.serving.inference."
_DATATYPES = dict.fromkeys(data.CATEGORIES, "BYTES") | dict.fromkeys(data.COUNTS, "INT64")


def write_lines(path: Path, traffic: Traffic, lines: Callable[[Request], Iterable[Any]]) -> None:
    """A file of JSON lines; the unreadable records are each of another kind."""
    broken = iter(_BROKEN)
    with path.open("w", encoding="utf-8") as file:
        for request in traffic:
            texts = [next(broken)] if request is None else map(json.dumps, lines(request))
            file.writelines(f"{text}\n" for text in texts)


def rows_body(rows: Sequence[Row]) -> dict[str, Any]:
    """The row format of TF Serving's predict API."""
    return {"signature_name": "serving_default", "instances": [formats.shortened(row) for row in rows]}


def _columns_body(rows: Sequence[Row]) -> dict[str, Any]:
    """The column format; the shape of a tensor is [batch, 1], and what is missing the token NaN."""
    columns = formats.columns_of(rows, integral=True)
    return {"inputs": {name: [[value] for value in values] for name, values in columns.items()}}


def _serialized_body(rows: Sequence[Row]) -> dict[str, Any]:
    from support.formats_records import example

    return {"instances": [{"b64": base64.b64encode(example(row)).decode()} for row in rows]}


def _examples_body(rows: Sequence[Row]) -> dict[str, Any]:
    """The classify and regress APIs: what all rows share stands in `context` and nowhere else."""
    short = [formats.shortened(row) for row in rows]
    shared = {n: v for n, v in short[0].items() if all(row.get(n) == v for row in short)}
    examples = [{name: value for name, value in row.items() if name not in shared} for row in short]
    return {"signature_name": "classification", "context": shared, "examples": examples}


def _rest(body: Callable[[Sequence[Row]], dict[str, Any]]) -> Callable[[Path, Traffic], None]:
    return lambda path, traffic: write_lines(path, traffic, lambda request: [body(request.rows)])


def _envelope(request: Request) -> Iterable[dict[str, Any]]:
    """What a proxy logs: the body beside what it knows of the request; the keys are ours (docs/logs.md)."""
    known = {"model": MODEL, "version": VERSION, "request_id": str(request.request_id), "sampling_rate": 1}
    time = {} if request.seconds is None else {"time": formats.iso(request.seconds)}
    answer = {"predictions": [0.25 for _ in request.rows]}
    yield {**known, **time, "request": rows_body(request.rows), "response": answer}


def _capture(request: Request, data_text: str, content_type: str, encoding: str) -> Iterable[dict[str, Any]]:
    answers = "\n".join("0.25" for _ in request.rows)
    output = {
        "observedContentType": "text/csv; charset=utf-8",
        "mode": "OUTPUT",
        "data": answers,
        "encoding": "CSV",
    }
    given = {"observedContentType": content_type, "mode": "INPUT", "data": data_text, "encoding": encoding}
    time = {} if request.seconds is None else {"inferenceTime": formats.iso(request.seconds)}
    yield {
        "captureData": {"endpointInput": given, "endpointOutput": output},
        "eventMetadata": {"eventId": str(request.request_id), **time},
        "eventVersion": "0",
    }


def _sagemaker_json(path: Path, traffic: Traffic) -> None:
    def lines(request: Request) -> Iterable[Any]:
        return _capture(request, json.dumps(rows_body(request.rows)), "application/json", "JSON")

    write_lines(path, traffic, lines)


def _sagemaker_base64(path: Path, traffic: Traffic) -> None:
    """What SageMaker does with a content type that its capture configuration does not list."""

    def lines(request: Request) -> Iterable[Any]:
        body = base64.b64encode(json.dumps(rows_body(request.rows)).encode()).decode()
        return _capture(request, body, "application/json", "BASE64")

    write_lines(path, traffic, lines)


def _sagemaker_csv(path: Path, traffic: Traffic) -> None:
    def lines(request: Request) -> Iterable[Any]:
        return _capture(request, csv_body(request.rows), "text/csv", "CSV")

    write_lines(path, traffic, lines)


def csv_body(rows: Sequence[Row]) -> str:
    """Rows of CSV without a header; what is missing is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([row.get(name, "") for name in data.FEATURES] for row in map(formats.shortened, rows))
    return text.getvalue()


def _v2_body(rows: Sequence[Row]) -> dict[str, Any]:
    """The Open Inference Protocol: tensors whose data are flat, in row-major order."""
    columns = formats.columns_of(rows)
    inputs = [
        {"name": name, "shape": [len(rows), 1], "datatype": _DATATYPES.get(name, "FP32"), "data": values}
        for name, values in columns.items()
    ]
    return {"id": "of-the-body", "inputs": inputs}


def _v2_answer(rows: Sequence[Row]) -> dict[str, Any]:
    values = [0.25 for _ in rows]
    output = {"name": "late", "shape": [len(rows)], "datatype": "FP32", "data": values}
    return {"model_name": MODEL, "outputs": [output]}


def _v1_answer(rows: Sequence[Row]) -> dict[str, Any]:
    return {"predictions": [0.25 for _ in rows]}


def _attributes(request: Request, kind: str) -> dict[str, str]:
    """The attributes that the logger sets, in the order of its source."""
    time = {} if request.seconds is None else {"time": formats.iso(request.seconds)}
    return {
        "specversion": "1.0",
        "id": str(request.request_id),
        "type": _TYPE + kind,
        "source": "http://localhost:9081/",
        **time,
        "inferenceservicename": MODEL,
        "namespace": "default",
        "component": "predictor",
        "endpoint": "",
    }


def _structured(request: Request, kind: str, body: Any) -> dict[str, Any]:
    return {**_attributes(request, kind), "datacontenttype": "application/json", "data": body}


def _binary(request: Request, kind: str, body: Any) -> dict[str, Any]:
    """The headers as Go writes them, and the body's text; the content type is what curl says."""
    headers = {f"Ce-{name.capitalize()}": value for name, value in _attributes(request, kind).items()}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return {"headers": headers, "body": json.dumps(body)}


def _kserve(
    event: Callable[[Request, str, Any], dict[str, Any]],
    request_body: Callable[[Sequence[Row]], Any],
    answered: Callable[[Sequence[Row]], Any],
) -> Callable[[Path, Traffic], None]:
    def lines(request: Request) -> Iterable[Any]:
        yield event(request, "request", request_body(request.rows))
        yield event(request, "response", answered(request.rows))

    return lambda path, traffic: write_lines(path, traffic, lines)


def _log(name: str, write: Callable[[Path, Traffic], None], **more: Any) -> Log:
    return Log(name, "jsonl", write, **more)


_ID = frozenset({"request_id"})
_EVENTS: dict[str, Any] = {"responses": True, "knows": _ID | {"model"}}
_NAMES = {"columns": data.FEATURES}

LOGS = (
    _log("rest/rows", _rest(rows_body), timed=False),
    _log("rest/columns", _rest(_columns_body), timed=False),
    _log("rest/serialized", _rest(_serialized_body), timed=False),
    _log("rest/examples", _rest(_examples_body), timed=False),
    _log("rest/envelope", lambda p, t: write_lines(p, t, _envelope), knows=_ID | {"model", "version"}),
    _log("sagemaker/json", _sagemaker_json, knows=_ID),
    _log("sagemaker/csv", _sagemaker_csv, knows=_ID, settings=_NAMES),
    _log("sagemaker/base64", _sagemaker_base64, knows=_ID),
    _log("kserve/binary_v1", _kserve(_binary, rows_body, _v1_answer), **_EVENTS),
    _log("kserve/structured_v1", _kserve(_structured, rows_body, _v1_answer), **_EVENTS),
    _log("kserve/binary_v2", _kserve(_binary, _v2_body, _v2_answer), **_EVENTS),
    _log("kserve/structured_v2", _kserve(_structured, _v2_body, _v2_answer), **_EVENTS),
)
