"""What strangers may send, through the way that every file of logs goes: rejects or one clear fault."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.logs import EXPECTED, example, prediction_log, settings, tensor

from transforms.core.accounting import Accounting, total
from transforms.core.batches import Decoded, Fault
from transforms.files.file_systems import FileSize
from transforms.files.tfrecord import frame, masked_crc32c
from transforms.logs.decode_file import decode_file
from transforms.logs.formats.format_names import Format
from transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES

DEEP = 100_000
MEGABYTE = 1 << 20
_INSTANCE = {"age": 3, "fare": 1.5, "word": "yes"}
_BODY = {"instances": [_INSTANCE]}


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
    log_format: json.dumps(wrap(_INSTANCE if log_format is Format.VERTEX else _BODY)).encode()
    for log_format, wrap in WRAP.items()
} | {Format.TABLE: json.dumps(_INSTANCE).encode()}
LINES = sorted(SOUND)
BODIES = sorted(WRAP)
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


def line_of(log_format: Format, body: str) -> bytes:
    """A record whose body is this text, which need not be JSON."""
    if log_format in (Format.REST, Format.TABLE):
        return body.encode()
    return json.dumps(WRAP[log_format](body)).encode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.mark.parametrize("log_format", LINES)
def test_a_mark_and_carriage_returns_and_a_last_line_without_end_are_read(
    log: Path, log_format: Format
) -> None:
    line = SOUND[log_format]
    for data in (
        b"\xef\xbb\xbf" + line + b"\n" + line + b"\n",
        line + b"\r\n" + line + b"\r\n",
        line + b"\n\n  \n" + line,
    ):
        decoded = read(log, data, log_format)
        assert (decoded.faults, decoded.reasons) == ([], [])
        assert (decoded.counts.read, decoded.counts.rows) == (2, 2)


@pytest.mark.parametrize("log_format", LINES)
def test_a_compressed_file_that_ends_early_is_a_fault_after_what_there_is(
    log: Path, log_format: Format
) -> None:
    data = gzip.compress(b"\n".join([SOUND[log_format]] * 2000), mtime=0)
    assert read(log, data, log_format).counts.rows == 2000
    for keep in (len(data) - 4, len(data) // 2, 12):
        [fault] = read(log, data[:keep], log_format).faults
        assert fault.reason == "truncated"


@pytest.mark.parametrize("log_format", sorted(RECORDS))
def test_records_of_a_compressed_file_that_ends_early(log: Path, log_format: Format) -> None:
    data = gzip.compress(frame(RECORDS[log_format]) * 2000, mtime=0)
    assert read(log, data, log_format).counts.rows == 2000
    [fault] = read(log, data[: len(data) // 2], log_format).faults
    assert fault.reason == "truncated"


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


def length_header(length: int) -> bytes:
    header = struct.pack("<Q", length)
    return header + struct.pack("<I", masked_crc32c(header))


@pytest.mark.parametrize("log_format", sorted(RECORDS))
@pytest.mark.parametrize("length", [1 << 60, (1 << 64) - 1, 1 << 31, 1 << 20])
def test_a_length_that_is_only_claimed_is_a_fault_within_bounded_memory(
    log: Path, log_format: Format, length: int
) -> None:
    sound = frame(RECORDS[log_format])
    read(log, sound, log_format)  # what is loaded and compiled at first is not measured
    tracemalloc.start()
    decoded = read(log, sound + length_header(length) + b"x" * 1000, log_format)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [fault.reason for fault in decoded.faults] in (["length"], ["truncated"])
    assert decoded.counts.rows == 1
    assert peak < 64 * MEGABYTE


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


def test_much_base64_takes_a_multiple_of_its_size(log: Path) -> None:
    encoded = base64.b64encode(b"x" * (24 * MEGABYTE)).decode()
    line = json.dumps({"instances": [{"word": {"b64": encoded}}]}).encode()
    tracemalloc.start()
    decoded = read(log, line, Format.REST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert decoded.counts.rows == 1
    assert peak < 20 * len(line)


@pytest.mark.parametrize("log_format", LINES)
def test_a_line_beyond_the_largest_record_is_a_reject_within_bounded_memory(
    log: Path, log_format: Format
) -> None:
    """A gigabyte in all: gzip makes little of it on disk."""
    with gzip.open(log, "wb", compresslevel=1) as stream:
        stream.write(b'{"word": "')
        for _ in range(1024 if log_format is Format.REST else 80):
            stream.write(b"A" * MEGABYTE)
        stream.write(b'"}\n' + SOUND[log_format])
    tracemalloc.start()
    decoded = Read(list(decode_file(FileSize(str(log), log.stat().st_size), log_format, settings())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (decoded.faults, len(decoded.reasons), decoded.counts.rows) == ([], 1, 1)
    assert peak < 160 * MEGABYTE


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


@pytest.mark.parametrize("log_format", LINES)
def test_other_formats_in_one_file_are_rejects(log: Path, log_format: Format) -> None:
    """A table takes any object for a row: what is in it are features that nobody knows."""
    others = [line for other, line in SOUND.items() if other is not log_format]
    decoded = read(
        log, b"\n".join([SOUND[log_format], *others, b"a,b,c", frame(b"x"), SOUND[log_format]]), log_format
    )
    assert decoded.faults == []
    assert decoded.counts.rows >= 2
    if log_format is not Format.TABLE:
        assert len(decoded.reasons) >= len(others) - 1


@pytest.mark.parametrize("log_format", sorted(RECORDS))
def test_text_in_the_place_of_records_is_a_fault(log: Path, log_format: Format) -> None:
    [fault] = read(log, SOUND[Format.REST] + b"\n", log_format).faults
    assert fault.reason in ("checksum", "length", "truncated")


@pytest.mark.parametrize("log_format", LINES)
def test_a_feature_that_nobody_knows_is_counted_and_fails_nothing(log: Path, log_format: Format) -> None:
    line = SOUND[log_format].replace(b'"age"', b'"new"').replace(b'\\"age\\"', b'\\"new\\"')
    decoded = read(log, line, log_format)
    assert (decoded.faults, decoded.reasons, decoded.counts.rows) == ([], [], 1)
    assert decoded.counts.forms["new", "unknown_feature"] == 1


@pytest.mark.parametrize("log_format", BODIES)
def test_no_message_holds_a_value(log: Path, log_format: Format) -> None:
    broken = ['{"instances": [{"age": "sesame"', '{"instances": "sesame"}', '"sesame"', '[["sesame"]]']
    data = b"\n".join(line_of(log_format, body) for body in broken)
    log.write_bytes(data)
    parts = list(decode_file(FileSize(str(log), len(data)), log_format, settings()))
    rejects = [reject for part in parts if isinstance(part, Decoded) for reject in part.rejects]
    assert rejects
    assert "sesame" not in repr(rejects)


def test_every_format_is_here() -> None:
    assert {*LINES, *RECORDS} == set(Format) - {Format.CSV, Format.PARQUET}
    assert EXPECTED.types.keys() >= _INSTANCE.keys()


@pytest.mark.parametrize("data", [b"age,fare\n1\xff,2,3,sesame\n1,2\n", b"age,fare\n1,2,sesame\n1,2\n"])
def test_csv_rows_of_another_length_tell_no_value(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(data)
    parts = list(decode_file(FileSize(str(path), len(data)), Format.TABLE, settings()))
    assert "sesame" not in repr(parts)
    assert any(isinstance(part, Fault) or part.rejects for part in parts)


@pytest.mark.parametrize("log_format", [Format.TABLE, Format.AI_PLATFORM])
def test_a_header_of_very_many_columns_is_a_fault_at_once_and_tells_none(
    tmp_path: Path, log_format: Format
) -> None:
    path = tmp_path / "log.csv"
    started = time.monotonic()
    [fault] = read(path, b"sesame," * 100_000 + b"\n1,2\n", log_format).faults
    assert time.monotonic() - started < 5
    assert fault.reason == "bad_header"
    assert "sesame" not in fault.detail
    assert len(fault.detail) < 200
