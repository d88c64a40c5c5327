"""What strangers may send as a record: a reject that tells no value, and the next record is read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.hostile_logs import LINES, RECORDS, SOUND, WRAP, kserve, read
from support.logs import settings

from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES

DEEP = 100_000
BODIES = sorted(WRAP)


def line_of(log_format: Format, body: str) -> bytes:
    """A record whose body is this text, which need not be JSON."""
    if log_format in (Format.REST, Format.TABLE):
        return body.encode()
    return json.dumps(WRAP[log_format](body)).encode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.mark.parametrize("log_format", LINES)
@pytest.mark.parametrize("opening", ["[", '{"instances":[', '{"age":'])
def test_deep_nesting_is_a_reject_and_the_next_record_is_read(
    log: Path, log_format: Format, opening: str
) -> None:
    started = time.monotonic()
    data = line_of(log_format, opening * DEEP) + b"\n" + SOUND[log_format]
    decoded = read(log, data, log_format)
    assert (decoded.faults, decoded.reasons) == ([], ["nested_too_deeply"])
    assert decoded.counts.rows == 1
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("log_format", sorted(RECORDS))
def test_deeply_nested_protos_are_rejects(log: Path, log_format: Format) -> None:
    nested = b""
    while len(nested) < 50_000:
        size, out = len(nested), bytearray()
        while size > 0x7F:
            out.append(size & 0x7F | 0x80)
            size >>= 7
        nested = b"\x0a" + bytes([*out, size]) + nested
    decoded = read(log, frame(nested) + frame(RECORDS[log_format]), log_format)
    assert decoded.counts.read == 2
    assert decoded.counts.decoded >= 1


_FALSE_SHAPES = [
    [1 << 60],
    [1 << 32, 1 << 32],
    [3],
    [-1],
    [1, -1],
    [MAX_FILLED_VALUES * 64],
    [1.5],
    ["1"],
    [None],
    {},
    "x",
    None,
]


@pytest.mark.parametrize("shape", _FALSE_SHAPES)
def test_shapes_that_claim_what_is_not_there_are_rejects(log: Path, shape: Any) -> None:
    tensor_of = {"name": "age", "shape": shape, "datatype": "INT64", "data": [1, 2]}
    decoded = read(log, json.dumps(kserve({"inputs": [tensor_of]})).encode(), Format.KSERVE)
    assert (decoded.faults, len(decoded.reasons), decoded.counts.rows) == ([], 1, 0)


@pytest.mark.parametrize("log_format", BODIES)
def test_base64_that_is_none_is_a_reject(log: Path, log_format: Format) -> None:
    row = {"age": 1, "word": {"b64": "?!"}}
    body = row if log_format is Format.VERTEX else {"instances": [row]}
    decoded = read(log, json.dumps(WRAP[log_format](body)).encode() + b"\n" + SOUND[log_format], log_format)
    assert (decoded.faults, decoded.reasons, decoded.counts.rows) == ([], ["bad_base64"], 1)


@pytest.mark.parametrize("log_format", BODIES)
@pytest.mark.parametrize(
    "body", ["1", '"x"', "null", "{}", '{"level": "info"}', '{"instances": 3}', "[[]]", "true"]
)
def test_json_that_is_no_request_is_a_reject_or_has_no_known_feature(
    log: Path, log_format: Format, body: str
) -> None:
    decoded = read(log, line_of(log_format, body) + b"\n" + SOUND[log_format], log_format)
    assert decoded.faults == []
    assert decoded.counts.read == 2
    assert len(decoded.reasons) + decoded.counts.rows >= 1
    assert decoded.counts.decoded == 2 - len(decoded.reasons)


@pytest.mark.parametrize("log_format", BODIES)
def test_no_message_holds_a_value(log: Path, log_format: Format) -> None:
    broken = ['{"instances": [{"age": "sesame"', '{"instances": "sesame"}', '"sesame"', '[["sesame"]]']
    data = b"\n".join(line_of(log_format, body) for body in broken)
    log.write_bytes(data)
    parts = list(decode_file(FileSize(str(log), len(data)), log_format, settings()))
    rejects = [reject for part in parts if isinstance(part, Decoded) for reject in part.rejects]
    assert rejects
    assert "sesame" not in repr(rejects)
