"""The decoders that are fuzzed: how files of hostile inputs are made for each, and how they are read."""

from __future__ import annotations

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
from benchmarks import fuzz_records
from benchmarks.fuzz_bytes import mutated
from benchmarks.fuzz_protos import example, examples, prediction_log, prediction_logs
from trueserve.transforms.core.batches import Decoded, Fault, Window
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.features import Settings, expected_features
from trueserve.transforms.logs.formats.format_names import Format

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
_DAY = dt.datetime(2020, 6, 3, tzinfo=dt.UTC)
# Whole files are hostile in so many cases; in the others each record is, in a file that is sound.
_UNCHANGED_SHARE = 0.2


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


def _record(rng: Random, samples: Sequence[bytes], build: Callable[[Random], bytes]) -> bytes:
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
        records = [_record(rng, samples(), build) for _ in range(count)]
        return [(b"".join(map(frame, records)), count)]

    return files


def _frames(rng: Random, count: int) -> list[tuple[bytes, int]]:
    """Files of a few records that are broken anywhere, each with its length before it."""
    samples = [b"".join(map(frame, examples()[:n])) for n in (1, 2, 3)]
    records = [mutated(rng, rng.choice(samples), samples) for _ in range(count)]
    return [(b"".join(len(record).to_bytes(4, "little") + record for record in records), count)]


def _lines(record: Callable[[Random], Any]) -> Any:
    """JSON lines."""

    @functools.cache
    def samples() -> Sequence[bytes]:
        rng = Random(0)
        return [json.dumps(record(rng)).encode() for _ in range(50)]

    def files(rng: Random, count: int) -> list[tuple[bytes, int]]:
        lines = [_record(rng, samples(), lambda rng: hostile.text_of(rng, record(rng))) for _ in range(count)]
        end = rng.choice((b"\n", b"\n", b"\r\n"))
        start = rng.choice((b"", b"", b"", b"\xef\xbb\xbf"))
        return [(start + end.join(lines) + rng.choice((b"", end)), count)]

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
        if rng.random() < _UNCHANGED_SHARE:
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
    Case("sagemaker", Format.SAGEMAKER, "jsonl", _lines(fuzz_records.sagemaker)),
    Case("kserve", Format.KSERVE, "jsonl", _lines(fuzz_records.kserve)),
    Case("ai_platform", Format.AI_PLATFORM, "jsonl", _lines(fuzz_records.ai_platform)),
    Case("ai_platform_csv", Format.AI_PLATFORM, "csv", _tables(_csv, fuzz_records.ai_platform)),
    Case("ai_platform_avro", Format.AI_PLATFORM, "avro", _tables(_avro, fuzz_records.ai_platform)),
    Case("ai_platform_parquet", Format.AI_PLATFORM, "parquet", _tables(_parquet, fuzz_records.ai_platform)),
    Case("vertex", Format.VERTEX, "jsonl", _lines(fuzz_records.vertex)),
    Case("vertex_csv", Format.VERTEX, "csv", _tables(_csv, fuzz_records.vertex_cells)),
    Case("vertex_avro", Format.VERTEX, "avro", _tables(_avro, fuzz_records.vertex)),
    Case("vertex_parquet", Format.VERTEX, "parquet", _tables(_parquet, fuzz_records.vertex)),
    Case("table", Format.TABLE, "jsonl", _lines(hostile.row)),
    Case("table_csv", Format.TABLE, "csv", _tables(_csv, fuzz_records.cells)),
    Case("table_avro", Format.TABLE, "avro", _tables(_avro, fuzz_records.typed_cells)),
    Case("table_parquet", Format.TABLE, "parquet", _tables(_parquet, fuzz_records.typed_cells)),
)
