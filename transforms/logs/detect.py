"""What a file is, told by its content (and, for text, by its name)."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Container, Mapping, Sequence
from typing import Any, BinaryIO

from google.protobuf.message import DecodeError

from trueserve.transforms.columnar.examples.sequences import is_sequence_example
from trueserve.transforms.core import tensorflow_messages
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.files.tfrecord import HEADER_BYTES, TFRecordError, is_header, read_records
from trueserve.transforms.logs.bodies.encodings import load_body
from trueserve.transforms.logs.bodies.frames import is_frame
from trueserve.transforms.logs.bodies.instances import BODY_KEYS
from trueserve.transforms.logs.carriers.read_records import (
    Carrier,
    carrier_of,
    check_start,
    is_named,
    start_of,
)
from trueserve.transforms.logs.carriers.read_records import read_records as read_rows
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.carriers.text.separators import separator_of
from trueserve.transforms.logs.envelopes import opened
from trueserve.transforms.logs.features import Expected
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.kserve_store import is_stored
from trueserve.transforms.logs.request import BadRecordError, Carried

_TABLE_SUFFIXES = (".csv", ".tsv", ".txt")
_VERTEX = frozenset({"endpoint", "deployed_model_id", "logging_time", "request_payload"})
_AI_PLATFORM = frozenset({"model", "model_version", "time", "raw_data"})
_EVENT_HEADERS = frozenset({"ce-id", "ce-type", "ce-specversion", "ce_id", "ce_type", "ce_specversion"})
_ENVELOPES = ("request", "body")
_START_BYTES = 4096
_RECORDS = 100
# Of these most may be other lines of a log service, and so may be all of the first files.
_MOST_RECORDS = 100_000
_FILES = 10


def detect(path: str) -> Format:
    """The format of a file. What is nothing known counts as TFRecord, whose reader names what is wrong."""
    with paths.open_stored(path) as stored:
        check_start(stored, path)
        if stored.read(4) == b"PAR1":
            return Format.PARQUET
        stored.seek(0)
        start = start_of(stored)
        if not is_header(start) and _is_text(path, start[:_START_BYTES]):
            return Format.CSV
        stored.seek(0)
        return detect_records(_first_records(paths.decompressed(stored)))


def detect_examples(files: Sequence[file_systems.FileSize]) -> Format:
    """The format of training examples: that of the first file that is not empty."""
    path = next((file.path for file in files if file.bytes), None)
    return Format.TF_EXAMPLE if path is None else detect(path)


def detect_log(
    files: Sequence[file_systems.FileSize], name: str = "auto", expected: Expected | None = None
) -> Format:
    """The format of a log: `name`, or that of its first file that is not empty, by its first records.

    What is damaged at its very start counts as what it was meant for, whose reader names what is wrong. Files
    of nothing but other lines of a log service are passed over. Raises InputError when it is none that
    `validate` reads.

    Args:
      expected: what requests are decoded to, if it is known: such names are no fields of envelopes.
    """
    if name != "auto":
        return Format(name)
    paths_of_data = [file.path for file in files if file.bytes]
    if not paths_of_data:
        return Format.TF_EXAMPLE
    features = expected.types if expected is not None else {}
    of_files = (_of_log(path, features) for path in paths_of_data[:_FILES])
    return next((log_format for log_format in of_files if log_format is not None), Format.TABLE)


def _of_log(path: str, features: Container[str]) -> Format | None:
    """The format of a file; None if all its first records are other lines of a log service."""
    with paths.open_stored(path) as stored:
        check_start(stored, path)
        start = start_of(stored)
        stored.seek(0)
        if _is_of_tfrecords(start):
            return detect_records(_first_records(paths.decompressed(stored)))
        carrier = carrier_of(stored, path)
        stored.seek(0)
        if carrier is Carrier.CSV and not _is_table(path, start):
            raise InputError(f"{path} is not a log: expected TFRecords, JSON lines, CSV, Avro or Parquet")
        rows = _first_rows(stored, path, features)
        return None if rows is None else _detect_rows(rows, path)


def _detect_rows(rows: Sequence[Carried], path: str) -> Format:
    """The format of the first of these that has one; records of other formats are then rejects."""
    objects = [row.value for row in rows if not isinstance(row.value, BadRecordError)]
    if rows and not objects:
        raise InputError(f"{path} is not a log: none of its first {len(rows)} records can be read")
    return next((log_format for record in objects if (log_format := format_of(record))), Format.TABLE)


def format_of(record: Mapping[str, Any]) -> Format | None:
    """The format that a record's keys (or a row's columns) tell; None where they are features, it seems."""
    keys = record.keys()
    if "captureData" in keys or "SageMakerOutput" in keys:
        return Format.SAGEMAKER
    if keys >= _VERTEX:
        return Format.VERTEX
    if keys >= _AI_PLATFORM:
        return Format.AI_PLATFORM
    if _is_event(record) or is_stored(record):
        return Format.KSERVE
    return Format.REST if _is_rest(record) else None


def _is_event(record: Mapping[str, Any]) -> bool:
    """Whether it is a CloudEvent: structured, or binary with its headers as keys or under `headers`."""
    headers = record.get("headers")
    names = {str(name).lower() for name in (*record, *(headers if isinstance(headers, dict) else ()))}
    return bool({"specversion", "type"} <= names or names & _EVENT_HEADERS)


def _is_rest(record: Mapping[str, Any]) -> bool:
    """Whether it is a body, or holds one under a name that envelopes have for it."""
    return _is_body(record) or any(_is_body_in_envelope(record.get(name)) for name in _ENVELOPES)


def _is_body_in_envelope(value: Any) -> bool:
    """Whether it is a body, or the text of one: in an envelope any object, or any list of rows."""
    if isinstance(value, str | bytes):
        try:
            value = load_body(value)
        except BadRecordError:
            return False
    if isinstance(value, list):
        return bool(value) and all(isinstance(row, list | dict) for row in value)
    return isinstance(value, dict) and bool(value)


def _is_body(value: Mapping[str, Any]) -> bool:
    return any(isinstance(value.get(name), list | dict) for name in BODY_KEYS) or is_frame(value)


def detect_records(records: Sequence[bytes]) -> Format:
    """Whether records are tf.Examples or PredictionLogs; what is neither counts as tf.Example.

    A tf.Example never parses as a PredictionLog of any kind, as it has none of the fields for them. A
    tf.SequenceExample may, by chance: its lists are in the field of requests to classify.
    """
    from_string = tensorflow_messages.prediction_log().FromString
    for record in records:
        try:
            kind = from_string(record).WhichOneof("log_type")
            if kind and not (kind == "classify_log" and is_sequence_example(record)):
                return Format.PREDICTION_LOG
        except DecodeError:
            continue
    return Format.TF_EXAMPLE


def _is_text(path: str, start: bytes) -> bool:
    if is_named(path, _TABLE_SUFFIXES):
        return True
    if b"\0" in start or len(start) < HEADER_BYTES:
        return False
    try:
        # The last character may be cut.
        start[:-4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"," in start or _is_separated(start)


def _is_separated(start: bytes) -> bool:
    """Whether what a file begins with is rows that another separator than the comma cuts alike."""
    text = start.decode("utf-8-sig", "replace")
    # The last line may be cut.
    header_end, last_end = text.find("\n"), text.rfind("\n")
    return separator_of(text[:last_end] if last_end > header_end else text) != ","


def _is_of_tfrecords(start: bytes) -> bool:
    """Whether a file is one of TFRecords, or was meant as one: the length of a record has many zeros.

    So is what is cut or damaged before anything can be read: its reader says so.
    """
    return is_header(start) or not start or (b"\0" in start[:8] and not start[4:8].strip(b"\0"))


def _is_table(path: str, start: bytes) -> bool:
    """Whether what is neither Avro nor Parquet nor JSON lines is CSV."""
    text = start.split(b"\n", 1)[0]
    return b"\0" not in start and (is_named(path, _TABLE_SUFFIXES) or b"," in text or _is_separated(start))


def _first_rows(stored: BinaryIO, path: str, features: Container[str]) -> list[Carried] | None:
    """Its first records without other lines of a log service; None if there seem to be no others."""
    rows: list[Carried] = []
    records = opened(itertools.chain.from_iterable(read_rows(stored, path)), features)
    excluded = 0
    # What cannot be read on is reported by the reader.
    with contextlib.suppress(TableError):
        for record in itertools.islice(records, _MOST_RECORDS):
            if record.envelope is not None and record.envelope.excluded:
                excluded += 1
            else:
                rows.append(record)
            if len(rows) == _RECORDS:
                break
    return None if excluded and not rows else rows


def _first_records(stream: BinaryIO) -> list[bytes]:
    try:
        return next(read_records(stream, _RECORDS, 1 << 20), [])
    except TFRecordError:
        return []
