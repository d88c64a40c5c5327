"""Hostile rows and lines of each format of logs; `fuzz_cases` says how they are written."""

from __future__ import annotations

import base64
import json
from random import Random
from typing import Any

from benchmarks import fuzz_bytes as hostile
from benchmarks.fuzz_bytes import SECRET

_TIME = "2020-06-03 17:00:04 UTC"
_TYPE = "org.kubeflow.serving.inference."


def _text(rng: Random) -> str:
    return json.dumps(hostile.body(rng))


def ai_platform(rng: Random) -> dict[str, Any]:
    """A row of AI Platform's table of requests."""
    return {
        "model": "flights",
        "model_version": rng.choice(("v3", "")),
        "time": rng.choice((_TIME, "2020-06-03T17:00:04Z", "noon")),
        "raw_data": _text(rng),
        "raw_prediction": rng.choice(('{"predictions": [1, 2, 3]}', "{", "")),
        "groundtruth": None,
    }


def vertex(rng: Random) -> dict[str, Any]:
    """A row of Vertex AI's table of requests."""
    payload = [json.dumps(rng.choice((hostile.row, hostile.value))(rng)) for _ in range(rng.randrange(4))]
    return {
        "endpoint": "projects/1/locations/us-central1/endpoints/2",
        "deployed_model_id": "3",
        "logging_time": _TIME,
        "request_id": "17",
        "request_payload": payload,
        "response_payload": ["1"] * rng.choice((len(payload), 2)),
    }


def vertex_cells(rng: Random) -> dict[str, Any]:
    """As a table without lists has them: JSON of the list."""
    row = vertex(rng)
    return row | {name: json.dumps(row[name]) for name in ("request_payload", "response_payload")}


def sagemaker(rng: Random) -> Any:
    """A record of SageMaker's data capture."""
    kind, encoding = rng.choice(
        (
            ("application/json", "JSON"),
            ("text/csv", "CSV"),
            ("application/jsonlines", "JSON"),
            ("x/y", "BASE64"),
        )
    )
    data: Any = '1,2.5,sesame\n,x,"' if encoding == "CSV" else _text(rng)
    if encoding == "BASE64":
        data = base64.b64encode(data.encode()).decode()
    given = {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}
    event = {"eventId": "17", "inferenceTime": "2020-06-03T17:00:04Z"}
    return _shaken(
        rng, {"captureData": {"endpointInput": given, "endpointOutput": given}, "eventMetadata": event}
    )


def kserve(rng: Random) -> Any:
    """A CloudEvent as KServe's logger sends it."""
    event = {
        "specversion": "1.0",
        "id": str(rng.randrange(5)),
        "type": _TYPE + rng.choice(("request", "response", "feedback")),
        "time": "2020-06-03T17:00:04Z",
        "data": rng.choice((hostile.body, _text))(rng),
    }
    if rng.random() < 0.5:
        event = {f"ce-{name}" if name != "data" else name: value for name, value in event.items()}
    return _shaken(rng, event)


def _shaken(rng: Random, record: dict[str, Any]) -> Any:
    """A record of which a part, here or one level below, is something else."""
    if rng.random() < 0.3:
        inner = [part for part in record.values() if isinstance(part, dict) and part]
        part = rng.choice([record, *inner])
        part[rng.choice(tuple(part))] = hostile.value(rng)
    return record


def cells(rng: Random) -> dict[str, Any]:
    """A row of a table: texts, as CSV has them."""
    values = ("1", "2.5", SECRET, "", "-1", "nan", "1e400", "9" * 30, "[1, 2]", "x")
    return {name: rng.choice(values) for name in (*hostile.FEATURES, "when", "new")}


def typed_cells(rng: Random) -> dict[str, Any]:
    """A row of a table whose columns have types."""
    vector = [rng.random() for _ in range(rng.choice((3, 3, 0, 2)))]
    word = rng.choice((SECRET, "", "12"))
    return {"age": rng.randrange(9), "fare": rng.random(), "word": word, "tags": [word], "vector": vector}
