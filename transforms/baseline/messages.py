"""Schemas and statistics as TFDV, TFX and `prepare` write them: text, binary or TFRecord, told by content."""

from __future__ import annotations

import functools
import gzip
import io
import zlib
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline import feature_lists, statistics_parts
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.core.schema import with_feature_lists
from trueserve.transforms.files import paths, tfrecord

_Proto = TypeVar("_Proto", bound=Message)


def load_schema_and_statistics(
    schema_path: str, statistics_path: str
) -> tuple[schema_pb2.Schema, statistics_pb2.DatasetFeatureStatisticsList]:
    """Reads a schema and statistics that TFDV or TFX wrote: text, binary or TFRecord, told by content.

    Feature lists of tf.SequenceExamples are features in both. Raises UsageError for a file that is missing or
    holds something else, or has no feature.
    """
    return with_feature_lists(load_schema(schema_path)), load_statistics(statistics_path)


def load_statistics(path: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Reads statistics, in which feature lists of tf.SequenceExamples become features.

    Raises UsageError if they are missing, are none, or have no feature.
    """
    statistics = feature_lists.with_feature_lists(parse_statistics(_read(path), path))
    if not any(dataset.features for dataset in statistics.datasets):
        raise UsageError(f"the statistics {path} hold no feature: nothing to compare with")
    return statistics


def load_schema(path: str) -> schema_pb2.Schema:
    """Reads a schema, text or binary. Raises UsageError if it is missing, is none or has no feature."""
    schema = parse(_read(path), path, schema_pb2.Schema())
    if not schema.feature:
        raise UsageError(f"the schema {path} has no feature")
    if not all(feature.name for feature in schema.feature):
        # Statistics may be read as a schema: the two messages have numbers of fields in common.
        raise UsageError(f"{path} is no Schema: it has a feature without a name")
    return schema


def parse_statistics(data: bytes, path: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The statistics that the bytes of the file `path` hold, their parts put together."""
    statistics = parse(data, path, statistics_pb2.DatasetFeatureStatisticsList())
    if not statistics.datasets:
        raise UsageError(f"the statistics {path} hold no data set")
    try:
        return statistics_parts.merged(statistics)
    except ValueError as error:
        raise UsageError(f"the statistics {path} cannot be used: {error}") from error


def parse(data: bytes, path: str, message: _Proto) -> _Proto:
    """Fills `message` from the bytes of the file `path`, whatever its encoding.

    Raises UsageError if none fits.
    """
    try:
        _parse(data, message)
    except (
        DecodeError,
        text_format.ParseError,
        tfrecord.TFRecordError,
        OSError,
        EOFError,
        zlib.error,
        RecursionError,
    ) as error:
        name = message.DESCRIPTOR.name
        raise UsageError(f"{path} is no {name} in text, binary or TFRecord form: {error}") from error
    return message


def _read(path: str) -> bytes:
    try:
        return paths.read_bytes(path)
    except InputError as error:
        raise UsageError(str(error)) from error


def _parse(data: bytes, message: Message) -> None:
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    if tfrecord.is_header(data):
        for records in tfrecord.read_records(io.BytesIO(data)):
            for record in records:
                message.MergeFromString(record)
        return
    if _looks_like_text(data):
        message.ParseFromString(_binary_of(data, type(message)))  # type: ignore[arg-type]
    else:
        message.ParseFromString(data)


@functools.lru_cache(maxsize=4)
def _binary_of(text: bytes, kind: type[Message]) -> bytes:
    """A message in text form, serialized.

    Kept by its bytes: a launcher and the worker that compares, often one process, read the same files, and
    the statistics of thousands of features take seconds to parse.
    """
    try:
        message = text_format.Parse(text, kind(), allow_unknown_field=True)
    except UnicodeDecodeError as error:
        raise text_format.ParseError(str(error)) from error
    serialized: bytes = message.SerializeToString()
    return serialized


def _looks_like_text(data: bytes) -> bool:
    # Every serialized schema or list of statistics has control characters: its tags and lengths.
    return not any(byte < 9 or 13 < byte < 32 for byte in data[:4096])
