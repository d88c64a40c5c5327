"""A sound record of every format, and ways to wrap what is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.logs import example, prediction_log, settings, tensor
from trueserve.transforms.core.accounting import Accounting, total
from trueserve.transforms.core.batches import Decoded, Fault
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.formats.format_names import Format

INSTANCE = {"age": 3, "fare": 1.5, "word": "yes"}
BODY = {"instances": [INSTANCE]}


def rest(body: Any) -> Any:
    return body


def sagemaker(body: Any) -> Any:
    part = {"observedContentType": "application/json", "encoding": "JSON", "data": text(body)}
    return {"captureData": {"endpointInput": part}, "eventMetadata": {"eventId": "1"}}


def kserve(body: Any) -> Any:
    kind = "org.kubeflow.serving.inference.request"
    return {"specversion": "1.0", "id": "1", "type": kind, "source": "s", "data": text(body)}


def ai_platform(body: Any) -> Any:
    return {"model": "m", "model_version": "v", "time": "2020-06-03 17:00:04 UTC", "raw_data": text(body)}


def vertex(body: Any) -> Any:
    return {"endpoint": "e", "deployed_model_id": "1", "request_payload": [text(body)]}


def text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)


WRAP: dict[Format, Callable[[Any], Any]] = {
    Format.REST: rest,
    Format.SAGEMAKER: sagemaker,
    Format.KSERVE: kserve,
    Format.AI_PLATFORM: ai_platform,
    Format.VERTEX: vertex,
}
#: Formats whose records are JSON with a body in it; each with a sound record.
SOUND: dict[Format, bytes] = {
    log_format: json.dumps(wrap(INSTANCE if log_format is Format.VERTEX else BODY)).encode()
    for log_format, wrap in WRAP.items()
} | {Format.TABLE: json.dumps(INSTANCE).encode()}
LINES = sorted(SOUND)
RECORDS = {
    Format.TF_EXAMPLE: example(age=[3]),
    Format.PREDICTION_LOG: prediction_log({"age": tensor(9, [1], int64_val=[3])}),
}


class Read:
    """What became of a file."""

    def __init__(self, parts: list[Decoded | Fault]) -> None:
        self.faults = [part for part in parts if isinstance(part, Fault)]
        decoded = [part for part in parts if isinstance(part, Decoded)]
        self.counts: Accounting = total(part.accounting for part in decoded)
        self.reasons = [reject.reason for part in decoded for reject in part.rejects]
        assert self.counts.balance() == 0


def read(path: Path, data: bytes, log_format: Format, **changes: Any) -> Read:
    path.write_bytes(data)
    return Read(list(decode_file(FileSize(str(path), len(data)), log_format, settings(**changes))))
