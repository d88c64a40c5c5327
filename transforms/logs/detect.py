"""What a file is, told by its content (and, for text, by its name)."""

from __future__ import annotations

import enum
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from google.protobuf.message import DecodeError

from transforms import paths
from transforms.errors import InputError
from transforms.tfrecord import HEADER_BYTES, TFRecordError, is_header, read_records


class Format(enum.StrEnum):
    """The formats that are read, by the names that `--format` has for logs."""

    TF_EXAMPLE = "tf_example"
    PREDICTION_LOG = "prediction_log"
    REST = "rest"
    AI_PLATFORM = "ai_platform"
    VERTEX = "vertex"
    SAGEMAKER = "sagemaker"
    KSERVE = "kserve"
    TABLE = "table"
    CSV = "csv"
    PARQUET = "parquet"


LOG_FORMATS = (
    Format.TF_EXAMPLE,
    Format.PREDICTION_LOG,
    Format.REST,
    Format.AI_PLATFORM,
    Format.VERTEX,
    Format.SAGEMAKER,
    Format.KSERVE,
    Format.TABLE,
)
_TEXT_SUFFIXES = (".csv", ".csv.gz", ".csv.bz2", ".tsv", ".txt")
_START_BYTES = 4096
_RECORDS = 100


def detect(path: str) -> Format:
    """The format of a file. What is nothing known counts as TFRecord, whose reader names what is wrong."""
    with paths.open_stored(path) as stored:
        if stored.read(4) == b"PAR1":
            return Format.PARQUET
        stored.seek(0)
        start = _start(paths.decompressed(stored))
        if not is_header(start) and _is_text(path, start):
            return Format.CSV
        stored.seek(0)
        return detect_records(_first_records(paths.decompressed(stored)))


def detect_examples(files: Sequence[paths.FileSize]) -> Format:
    """The format of training examples: that of the first file that is not empty."""
    path = next((file.path for file in files if file.bytes), None)
    return Format.TF_EXAMPLE if path is None else detect(path)


def detect_log(files: Sequence[paths.FileSize]) -> Format:
    """The format of a log: that of its first file that is not empty.

    Raises InputError when it is none that `validate` reads.
    """
    path = next((file.path for file in files if file.bytes), None)
    found = Format.TF_EXAMPLE if path is None else detect(path)
    if found not in LOG_FORMATS:
        raise InputError(
            f"{path} looks like {found}; logs are read as TFRecords of {' or '.join(LOG_FORMATS)};"
            " say which with --format if this is one"
        )
    return found


def detect_records(records: Sequence[bytes]) -> Format:
    """Whether records are tf.Examples or PredictionLogs; what is neither counts as tf.Example.

    A tf.Example never parses as a PredictionLog of any kind, as it has none of the fields for them.
    """
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    for record in records:
        try:
            if PredictionLog.FromString(record).WhichOneof("log_type"):
                return Format.PREDICTION_LOG
        except DecodeError:
            continue
    return Format.TF_EXAMPLE


def _start(stream: BinaryIO) -> bytes:
    try:
        return stream.read(_START_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""


def _is_text(path: str, start: bytes) -> bool:
    if path.endswith(_TEXT_SUFFIXES):
        return True
    if b"\0" in start or len(start) < HEADER_BYTES:
        return False
    try:
        # The last character may be cut.
        start[:-4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"," in start


def _first_records(stream: BinaryIO) -> list[bytes]:
    try:
        return next(read_records(stream, _RECORDS, 1 << 20), [])
    except TFRecordError:
        return []
