"""Schemas and statistics from files: each encoding, told by content, and one clear line for all else."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from support import hand_made, logs
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline import messages
from trueserve.transforms.core.errors import UsageError

SCHEMA = hand_made.schema(schema_pb2.Feature(name="x", type=schema_pb2.FLOAT))
STATISTICS = hand_made.statistics(9, hand_made.number("x", 9))


def file(folder: Path, data: bytes, name: str = "file") -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def test_a_schema_in_text_in_bytes_and_packed(tmp_path: Path) -> None:
    text, plain = text_format.MessageToString(SCHEMA).encode(), SCHEMA.SerializeToString()
    for data in (text, plain, gzip.compress(text), gzip.compress(plain)):
        assert messages.load_schema(file(tmp_path, data)) == SCHEMA


def test_records_of_statistics_are_put_together(tmp_path: Path) -> None:
    path = tmp_path / "records"
    logs.write_records(path, [STATISTICS.SerializeToString()])
    assert messages.parse_statistics(path.read_bytes(), str(path)) == STATISTICS


def test_a_schema_and_its_statistics(tmp_path: Path) -> None:
    schema = file(tmp_path, SCHEMA.SerializeToString(), "schema")
    given = file(tmp_path, STATISTICS.SerializeToString(), "statistics")
    assert messages.load_schema_and_statistics(schema, given) == (SCHEMA, STATISTICS)
    empty = file(tmp_path, hand_made.statistics(9).SerializeToString())
    with pytest.raises(UsageError, match="hold no feature: nothing to compare with"):
        messages.load_schema_and_statistics(schema, empty)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the schema .* has no feature"),
        (b"\x1f\x8bno gzip", "is no Schema in text, binary or TFRecord form"),
        (b"feature {", "is no Schema in text, binary or TFRecord form"),
        (b"feature { type: INT }", "is no Schema: it has a feature without a name"),
        (b"\x01\x02\xff", "is no Schema in text, binary or TFRecord form"),
    ],
)
def test_what_is_no_schema_is_said(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        messages.load_schema(file(tmp_path, data))


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing"):
        messages.load_schema(str(tmp_path / "nothing"))


def test_statistics_without_a_data_set_are_none() -> None:
    with pytest.raises(UsageError, match="the statistics p hold no data set"):
        messages.parse_statistics(b"", "p")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        *((b"a\tb\n\r c", True), (b"\x09\x0d\x20", True), (b"a\x08", False), (b"a\x0e", False)),
        *(
            (b"a\x1f", False),
            (b"\xff\x80", True),
            (b"a" * 4096 + b"\x01", True),
            (b"a" * 4095 + b"\x01", False),
        ),
    ],
)
def test_control_characters_at_the_start_tell_bytes_from_text(data: bytes, text: bool) -> None:
    assert messages._looks_like_text(data) is text


def test_fields_of_newer_versions_are_passed_over() -> None:
    made: Any = messages.parse(b"num_examples: 3 strange: 4", "p", statistics_pb2.DatasetFeatureStatistics())
    assert made.num_examples == 3
