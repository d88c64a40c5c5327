"""--exclude and --version_feature: whose requests are counted apart, whole and by reason, in every format."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logs import EXPECTED, decode_logs, example, examples_log, rows_of, settings, write_records
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.pipelines.flags.reading import EXCLUDE_FIELDS
from trueserve.transforms.core.accounting import Accounting, total
from trueserve.transforms.core.batches import METADATA_SCHEMA, Decoded, Window
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.features import Column, lists
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.rows.exclude import excluded
from trueserve.transforms.logs.rows.rows import Counts, DecodedRows, Finisher, metadata_of
from trueserve.transforms.logs.rows.times import texts

START = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)
SECOND = int(START.timestamp())


def metadata(records: Sequence[int], **columns: Sequence[str | None]) -> pa.RecordBatch:
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return metadata_of(len(records), "log", record=pa.array(records, pa.int64()), **arrays)


def test_every_field_is_text_that_is_known_of_a_request() -> None:
    assert all(METADATA_SCHEMA.field(name).type == pa.string() for name in EXCLUDE_FIELDS)


@pytest.mark.parametrize(
    ("pattern", "out"),
    [
        ("canary", [1, 0, 0, 0, 0]),
        ("canary*", [1, 1, 0, 0, 0]),
        ("[cC]anary", [1, 0, 1, 0, 0]),
        ("*", [1, 1, 1, 1, 0]),
        ("?", [0, 0, 0, 0, 0]),
        ("", [0, 0, 0, 1, 0]),
    ],
)
def test_a_pattern_is_a_glob_of_the_whole_text_and_null_matches_none(pattern: str, out: list[int]) -> None:
    versions = ["canary", "canary-2", "Canary", "", None]
    mask, counts = excluded(metadata(range(5), version=versions), [("version", pattern)])
    assert mask.tolist() == [bool(flag) for flag in out]
    assert counts == ({"version": sum(out)} if sum(out) else {})


def test_a_record_is_excluded_whole_and_counted_once_under_the_first_rule() -> None:
    data = metadata([4, 4, 5, 6, 6, 7], version=["1", "2", "1", "3", "3", None], model=list("aabbba"))
    mask, counts = excluded(data, [("version", "2"), ("model", "a"), ("version", "3")])
    assert mask.tolist() == [True, True, False, True, True, True]
    assert counts == {"version": 2, "model": 1}


_names = st.sampled_from(["a", "ab", "B", "", None])
_rules = st.lists(st.tuples(st.sampled_from(["model", "origin"]), st.sampled_from(["a", "a*", "?", "*"])))


@given(st.lists(st.tuples(st.integers(0, 5), _names, _names), min_size=1), _rules)
def test_no_record_is_counted_twice_or_in_part(
    rows: list[tuple[int, str | None, str | None]], rules: list[tuple[str, str]]
) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    records = [row[0] for row in rows]
    data = metadata(records, model=[row[1] for row in rows], origin=[row[2] for row in rows])
    mask, counts = excluded(data, rules)
    out = {record for record, yes in zip(records, mask, strict=True) if yes}
    assert [record in out for record in records] == mask.tolist()
    assert counts.total() == len(out)


def log(at: int, version: int | None, model: str = "flights") -> bytes:
    """Two rows asked of a model at a second of the window."""
    record = PredictionLog.FromString(
        examples_log([example(age=[at]), example(age=[-at])], SECOND + at, version)
    )
    record.predict_log.request.model_spec.name = model
    data: bytes = record.SerializeToString()
    return data


RECORDS = [log(1, 1), log(2, 2), log(3, None), log(90, 2), log(5, 2, "other"), log(6, 3, "other"), b"\xff"]
WINDOW = Window(START, START + dt.timedelta(seconds=60))


def counted(parts: Sequence[Decoded]) -> Accounting:
    summed = total(part.accounting for part in parts)
    assert summed.balance() == 0
    return summed


@pytest.mark.parametrize("usual", [True, False])
def test_prediction_logs_are_excluded_by_what_they_say(usual: bool) -> None:
    # Bytes behind a known record make it one that the compiled scan leaves to protobuf's classes.
    records = RECORDS if usual else [r + b"\xfa\x3e\x00" for r in RECORDS[:-1]] + RECORDS[-1:]
    parts = decode_logs(records, window=WINDOW, exclude=(("version", "2"), ("model", "oth*")))
    summed = counted(parts)
    assert [row["age"] for row in rows_of(parts)] == [[1], [-1], [3], [-3]]
    assert (summed.read, summed.decoded, summed.rows, summed.compared) == (7, 2, 4, 4)
    assert summed.excluded == {"version": 2, "model": 1}
    assert (summed.outside_window, summed.total_rejected) == (1, 1), "the window goes before the rules"


def test_without_a_rule_nothing_is_excluded() -> None:
    summed = counted(decode_logs(RECORDS))
    assert (summed.decoded, summed.excluded) == (6, Counter())


def test_an_excluded_record_leaves_no_form(tmp_path: Path) -> None:
    odd = log(1, 9).replace(b"age", b"agx")
    parts = decode_logs([odd, log(2, 1)], exclude=(("version", "9"),))
    assert counted(parts).forms == {}
    assert counted(decode_logs([odd])).forms == {("agx", "unknown_feature"): 2}


REST = [
    {"instances": [{"age": 1, "fare": 1.5}, {"age": 2}], "signature_name": "serving_default"},
    {"instances": [{"age": 3}], "signature_name": "other"},
    {"instances": [{"age": 4}]},
]


def file_of(path: Path, data: bytes) -> FileSize:
    path.write_bytes(data)
    return FileSize(str(path), len(data))


def decoded(file: FileSize, file_format: Format, **changes: Any) -> list[Decoded]:
    parts = list(decode_file(file, file_format, settings(**changes)))
    assert all(isinstance(part, Decoded) for part in parts), parts
    return [part for part in parts if isinstance(part, Decoded)]


def test_rows_of_json_are_excluded_like_any(tmp_path: Path) -> None:
    file = file_of(tmp_path / "log", b"\n".join(json.dumps(record).encode() for record in REST) + b"\n")
    parts = decoded(file, Format.REST, exclude=(("signature", "oth*"),))
    summed = counted(parts)
    assert [row["age"] for row in rows_of(parts)] == [[1], [2], [4]]
    assert (summed.read, summed.decoded, summed.excluded) == (3, 2, {"signature": 1})


TABLE = b"age,word,build\n1,a,7\n2,b,8\n3,c,\n4,d,8\n"


def test_a_feature_tells_the_version_of_a_table(tmp_path: Path) -> None:
    file = file_of(tmp_path / "log.csv", TABLE)
    parts = decoded(file, Format.TABLE, version_feature="build", exclude=(("version", "8"),))
    summed = counted(parts)
    assert [row["age"] for row in rows_of(parts)] == [[1], [3]]
    assert (summed.excluded, summed.forms) == ({"version": 2}, {}), "it is known, and no feature to compare"
    versions = [v for part in parts if part.batch for v in part.batch.metadata["version"].to_pylist()]
    assert versions == ["7", None]


def test_a_feature_tells_the_version_of_examples(tmp_path: Path) -> None:
    records = [example(age=[i], word=[b"v%d" % (i % 2)]) for i in range(6)]
    file = write_records(tmp_path / "log", records)
    parts = decoded(file, Format.TF_EXAMPLE, version_feature="word", exclude=(("version", "v1"),))
    rows = rows_of(parts)
    assert [row["age"][0] for row in rows] == [0, 2, 4]
    assert all(row["word"] == [b"v0"] for row in rows), "the schema knows it: it is compared, too"
    assert counted(parts).excluded == {"version": 3}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([3, 4, -5], pa.int64()), ["3", None, "4"]),
        (pa.array([3.0, 2.5, 1.0], pa.float32()), ["3", None, "2.5"]),
        (pa.array([b"v1", b"\xff", b"x"], pa.large_binary()), ["v1", None, "\ufffd"]),
        (pa.array([b"", b"a", b"x"], pa.large_binary()), [None, None, "a"]),
    ],
)
def test_versions_are_told_by_the_first_value_of_any_type(
    values: pa.Array, expected: list[str | None]
) -> None:
    column = lists(values, np.array([1, 0, 2]))
    assert texts(column).to_pylist() == expected
    assert texts(column.slice(1)).to_pylist() == expected[1:]
    assert texts(pa.nulls(2)).to_pylist() == [None, None]


def test_a_version_in_two_types_is_told_by_whichever_a_row_has() -> None:
    ints: Column = ("v", pa.array([[1], None], pa.large_list(pa.int64())))
    texts: Column = ("v", pa.array([None, [b"b"]], pa.large_list(pa.large_binary())))
    finisher = Finisher(settings(version_feature="v", exclude=(("version", "b"),), expected=EXPECTED))
    decoded = finisher.finish(DecodedRows([ints, texts], metadata([0, 1])), (), Counts(2))
    assert decoded.batch is not None
    assert decoded.batch.metadata["version"].to_pylist() == ["1"]
    assert decoded.accounting.excluded == {"version": 1}
