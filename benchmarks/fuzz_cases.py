"""The decoders that are fuzzed: how files of hostile inputs are made for each, and how they are read."""

from __future__ import annotations

import base64
import csv
import dataclasses
import datetime as dt
import functools
import io
import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from benchmarks import fuzz_bytes as hostile
from benchmarks import fuzz_parts as parts
from benchmarks.fuzz_bytes import SECRET, mutated
from benchmarks.fuzz_protos import example, examples, prediction_log, prediction_logs
from transforms.core.batches import Decoded, Fault, Window
from transforms.files.paths import FileSize
from transforms.files.tfrecord import frame
from transforms.logs.decode_file import decode_file
from transforms.logs.features import Settings, expected_features
from transforms.logs.formats.format_names import Format

SCHEMA = text_format.Parse(
    """
    default_environment: "TRAINING" default_environment: "SERVING"
    feature { name: "age" type: INT value_count { min: 1 max: 1 } }
    feature { name: "fare" type: FLOAT value_count { min: 1 max: 1 } }
    feature { name: "word" type: BYTES value_count { min: 1 max: 1 } }
    feature { name: "tags" type: BYTES }
    feature { name: "vector" type: FLOAT shape { dim { size: 3 } } }
    """,
    schema_pb2.Schema(),
)
_EXPECTED = expected_features(SCHEMA, serving=True)
_TIME = "2020-06-03 17:00:04 UTC"
_DAY = dt.datetime(2020, 6, 3, tzinfo=dt.UTC)
_TYPE = "org.kubeflow.serving.inference."
# Whole files are hostile in so many cases; in the others each record is, in a file that is sound.
_WHOLE = 0.2


@dataclasses.dataclass(frozen=True)
class Case:
    """A decoder under fire.

    Attributes:
      suffix: of its files' names.
      files: so many inputs as the contents of files; with each how many inputs are in it.
      records: whether every input is framed as a record, so that as many must be read.
      read: what is fuzzed; the way that all files of logs go, or a part of it alone.
    """

    name: str
    format: Format
    suffix: str
    files: Callable[[Random, int], list[tuple[bytes, int]]]
    records: bool = False
    read: Callable[[FileSize, Format, Settings], Iterator[Decoded | Fault]] = decode_file


def settings_of(rng: Random) -> Settings:
    """Settings that reach different branches, in different batches."""
    return Settings(
        expected=_EXPECTED,
        window=rng.choice((Window(), Window(), Window(), Window(_DAY, _DAY + dt.timedelta(days=1)))),
        time_feature=rng.choice((None, None, "when", "age")),
        columns=rng.choice(((), ("age", "fare", "word"))),
        responses=rng.random() < 0.5,
        keep_payloads=rng.random() < 0.5,
        sample=rng.choice((1.0, 1.0, 0.5)),
    )


def _one(rng: Random, samples: Sequence[bytes], build: Callable[[Random], bytes]) -> bytes:
    """One input: a sample as it is or mutated, or one that is built at random, and maybe mutated too."""
    kind = rng.random()
    if kind < 0.05:
        return rng.choice(samples)
    if kind < 0.5:
        return mutated(rng, rng.choice(samples), samples)
    built = build(rng)
    return mutated(rng, built, samples) if kind > 0.9 else built


def _records(samples: Callable[[], Sequence[bytes]], build: Callable[[Random], bytes]) -> Any:
    """TFRecords with sound frames."""

    def files(rng: Random, count: int) -> list[tuple[bytes, int]]:
        found = [_one(rng, samples(), build) for _ in range(count)]
        return [(b"".join(map(frame, found)), count)]

    return files


def _frames(rng: Random, count: int) -> list[tuple[bytes, int]]:
    """Files of a few records that are broken anywhere, each with its length before it."""
    samples = [b"".join(map(frame, examples()[:n])) for n in (1, 2, 3)]
    found = [mutated(rng, rng.choice(samples), samples) for _ in range(count)]
    return [(b"".join(len(one).to_bytes(4, "little") + one for one in found), count)]


def _lines(record: Callable[[Random], Any]) -> Any:
    """JSON lines."""

    @functools.cache
    def samples() -> Sequence[bytes]:
        rng = Random(0)
        return [json.dumps(record(rng)).encode() for _ in range(50)]

    def files(rng: Random, count: int) -> list[tuple[bytes, int]]:
        found = [_one(rng, samples(), lambda rng: hostile.text_of(rng, record(rng))) for _ in range(count)]
        end = rng.choice((b"\n", b"\n", b"\r\n"))
        start = rng.choice((b"", b"", b"", b"\xef\xbb\xbf"))
        return [(start + end.join(found) + rng.choice((b"", end)), count)]

    return files


def _tables(
    write: Callable[[Sequence[dict[str, Any]]], bytes], record: Callable[[Random], dict[str, Any]]
) -> Any:
    """Tables whose cells are hostile, in a file that is sound; and small files that are broken anywhere."""

    @functools.cache
    def samples() -> Sequence[bytes]:
        rng = Random(0)
        return [write([record(rng) for _ in range(rng.randrange(1, 4))]) for _ in range(20)]

    def files(rng: Random, count: int) -> list[tuple[bytes, int]]:
        if rng.random() < _WHOLE:
            broken = [mutated(rng, rng.choice(samples()), samples()) for _ in range(count // 10)]
            return [(data, 1) for data in broken]
        return [(write([_spoilt(rng, record(rng)) for _ in range(count)]), count)]

    return files


def _spoilt(rng: Random, cells: dict[str, Any]) -> dict[str, Any]:
    """Some cells are gone, or have other bytes."""
    for name, cell in cells.items():
        if rng.random() < 0.1:
            cells[name] = None
        elif isinstance(cell, str) and rng.random() < 0.4:
            cells[name] = mutated(rng, cell.encode("utf-8", "replace"), [b"{}"]).decode("utf-8", "replace")
    return cells


# Rows and lines


def _text(rng: Random) -> str:
    return json.dumps(hostile.body(rng))


def _ai_platform(rng: Random) -> dict[str, Any]:
    return {
        "model": "flights",
        "model_version": rng.choice(("v3", "")),
        "time": rng.choice((_TIME, "2020-06-03T17:00:04Z", "noon")),
        "raw_data": _text(rng),
        "raw_prediction": rng.choice(('{"predictions": [1, 2, 3]}', "{", "")),
        "groundtruth": None,
    }


def _vertex(rng: Random) -> dict[str, Any]:
    payload = [json.dumps(rng.choice((hostile.row, hostile.value))(rng)) for _ in range(rng.randrange(4))]
    return {
        "endpoint": "projects/1/locations/us-central1/endpoints/2",
        "deployed_model_id": "3",
        "logging_time": _TIME,
        "request_id": "17",
        "request_payload": payload,
        "response_payload": ["1"] * rng.choice((len(payload), 2)),
    }


def _vertex_cells(rng: Random) -> dict[str, Any]:
    """As a table without lists has them: JSON of the list."""
    row = _vertex(rng)
    return row | {name: json.dumps(row[name]) for name in ("request_payload", "response_payload")}


def _sagemaker(rng: Random) -> Any:
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


def _kserve(rng: Random) -> Any:
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
        inner = [one for one in record.values() if isinstance(one, dict) and one]
        part = rng.choice([record, *inner])
        part[rng.choice(tuple(part))] = hostile.value(rng)
    return record


def _cells(rng: Random) -> dict[str, Any]:
    """A row of a table: texts, as CSV has them."""
    words = ("1", "2.5", SECRET, "", "-1", "nan", "1e400", "9" * 30, "[1, 2]", "x")
    return {name: rng.choice(words) for name in (*hostile.FEATURES, "when", "new")}


def _typed_cells(rng: Random) -> dict[str, Any]:
    vector = [rng.random() for _ in range(rng.choice((3, 3, 0, 2)))]
    word = rng.choice((SECRET, "", "12"))
    return {"age": rng.randrange(9), "fare": rng.random(), "word": word, "tags": [word], "vector": vector}


# Carriers


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["age"], lineterminator="\n", strict=False)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _avro(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, _avro_schema(tuple(rows[0])), rows, codec="null" if len(rows) < 4 else "deflate")
    return out.getvalue()


@functools.cache
def _avro_schema(names: tuple[str, ...]) -> Any:
    fields = [{"name": name, "type": ["null", *_avro_types(name)]} for name in names]
    return fastavro.parse_schema({"type": "record", "name": "Root", "fields": fields})


def _avro_types(name: str) -> list[Any]:
    if name == "vector":
        return [{"type": "array", "items": "double"}, "string"]
    return [*_ARROW_NAMES.get(name, ()), {"type": "array", "items": "string"}, "string"]


_ARROW_NAMES = {"age": ("long",), "fare": ("double",)}


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), out)
    return out.getvalue()


CASES = (
    Case("tf_example", Format.TF_EXAMPLE, "tfrecord", _records(examples, example), records=True),
    Case("frames", Format.TF_EXAMPLE, "bin", _frames, records=True, read=parts.frames),
    Case("json_text", Format.REST, "jsonl", _lines(hostile.value), read=parts.json_texts),
    Case("bodies", Format.REST, "jsonl", _lines(hostile.body), read=parts.bodies),
    Case(
        "prediction_log",
        Format.PREDICTION_LOG,
        "tfrecord",
        _records(prediction_logs, prediction_log),
        records=True,
    ),
    Case("rest", Format.REST, "jsonl", _lines(hostile.body)),
    Case("sagemaker", Format.SAGEMAKER, "jsonl", _lines(_sagemaker)),
    Case("kserve", Format.KSERVE, "jsonl", _lines(_kserve)),
    Case("ai_platform", Format.AI_PLATFORM, "jsonl", _lines(_ai_platform)),
    Case("ai_platform_csv", Format.AI_PLATFORM, "csv", _tables(_csv, _ai_platform)),
    Case("ai_platform_avro", Format.AI_PLATFORM, "avro", _tables(_avro, _ai_platform)),
    Case("ai_platform_parquet", Format.AI_PLATFORM, "parquet", _tables(_parquet, _ai_platform)),
    Case("vertex", Format.VERTEX, "jsonl", _lines(_vertex)),
    Case("vertex_csv", Format.VERTEX, "csv", _tables(_csv, _vertex_cells)),
    Case("vertex_avro", Format.VERTEX, "avro", _tables(_avro, _vertex)),
    Case("vertex_parquet", Format.VERTEX, "parquet", _tables(_parquet, _vertex)),
    Case("table", Format.TABLE, "jsonl", _lines(hostile.row)),
    Case("table_csv", Format.TABLE, "csv", _tables(_csv, _cells)),
    Case("table_avro", Format.TABLE, "avro", _tables(_avro, _typed_cells)),
    Case("table_parquet", Format.TABLE, "parquet", _tables(_parquet, _typed_cells)),
)
