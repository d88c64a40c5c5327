from __future__ import annotations

import contextlib
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.carriers import avro_of, csv_of, gzipped, parquet_of
from support.logs import example, examples_log, settings, write_records

from trueserve.transforms.core.batches import Fault
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.detect import detect, detect_examples, detect_log, detect_records
from trueserve.transforms.logs.features import Expected, FeatureType
from trueserve.transforms.logs.formats.format_names import LOG_FORMATS, Format

EXAMPLES = [example(age=[i], word=[b"w"]) for i in range(5)]
LOGS = [examples_log(EXAMPLES, seconds=1373760000)]


def test_tfrecords_are_told_by_their_records_whatever_their_name(tmp_path: Path) -> None:
    assert detect(write_records(tmp_path / "a.csv", EXAMPLES).path) is Format.TF_EXAMPLE
    assert detect(write_records(tmp_path / "b.gz", EXAMPLES).path) is Format.TF_EXAMPLE
    assert detect(write_records(tmp_path / "c.txt", LOGS).path) is Format.PREDICTION_LOG
    assert detect(write_records(tmp_path / "d.gz", LOGS).path) is Format.PREDICTION_LOG


def test_one_bad_record_at_the_start_does_not_decide() -> None:
    assert detect_records([b"garbage", *LOGS]) is Format.PREDICTION_LOG
    assert detect_records([b"garbage", *EXAMPLES]) is Format.TF_EXAMPLE
    assert detect_records([b"", b"\n\x00"]) is Format.TF_EXAMPLE


@pytest.mark.parametrize("name", ["table.csv", "table", "table.csv.gz"])
def test_text_with_commas_is_csv(tmp_path: Path, name: str) -> None:
    text = "größe,fare\n1,2.5\n".encode() * 500
    (tmp_path / name).write_bytes(gzip.compress(text, mtime=0) if name.endswith("gz") else text)
    assert detect(str(tmp_path / name)) is Format.CSV


def test_parquet_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": [1]}), tmp_path / "table.csv")
    assert detect(str(tmp_path / "table.csv")) is Format.PARQUET


def test_a_broken_tfrecord_is_left_to_its_reader(tmp_path: Path) -> None:
    broken = bytearray(frame(EXAMPLES[0]))
    broken[9] ^= 1
    (tmp_path / "broken").write_bytes(broken)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(frame(EXAMPLES[0]), mtime=0)[:12])
    assert detect(str(tmp_path / "broken")) is Format.TF_EXAMPLE
    assert detect(str(tmp_path / "cut.gz")) is Format.TF_EXAMPLE


def test_the_first_file_that_is_not_empty_decides(tmp_path: Path) -> None:
    empty = write_records(tmp_path / "0", [])
    assert detect_log([empty, write_records(tmp_path / "1", LOGS)]) is Format.PREDICTION_LOG
    assert detect_examples([empty]) is Format.TF_EXAMPLE


def log_of(tmp_path: Path, data: bytes, name: str = "log") -> FileSize:
    (tmp_path / name).write_bytes(data)
    return FileSize(str(tmp_path / name), len(data))


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


BODY = {"instances": [{"age": 1}]}
AI_PLATFORM = {
    "model": "m",
    "model_version": "v",
    "time": "2020-06-03 17:00:04 UTC",
    "raw_data": json.dumps(BODY),
}
VERTEX = {"endpoint": "1", "deployed_model_id": "2", "logging_time": "2020-06-03", "request_payload": ["{}"]}
LINES: dict[str, list[dict[str, Any]]] = {
    "ai_platform": [AI_PLATFORM],
    "vertex": [VERTEX],
    "sagemaker": [{"captureData": {"endpointInput": {}}, "eventMetadata": {}}],
    "kserve": [
        {"specversion": "1.0", "id": "1", "type": "org.kubeflow.serving.inference.request", "data": BODY},
        {"headers": {"Ce-Id": "1", "Ce-Type": "x"}, "body": json.dumps(BODY)},
        {"ce-id": "1", "ce-type": "x", "data": BODY},
        {"CE_TYPE": "x", "data_base64": "e30="},
    ],
    "rest": [
        BODY,
        {"signature_name": "serving_default", "inputs": {"age": [1]}},
        {"inputs": [[1]]},
        {"examples": [{"age": 1}], "context": {}},
        {"time": "2020-06-03", "request": BODY},
        {"model": "m", "body": json.dumps(BODY)},
    ],
    "table": [
        {"age": 1, "fare": 2.5},
        {"inputs": "three", "examples": 3},
        {"body": "sedan", "request": 1},
        {"body": "Wyom", "age": 1},
        {"input_data": "a", "dataframe_records": "b", "dataframe_split": 3},
        {"req_type": "GET", "bytes": 512, "status": 200},
        {},
    ],
}


@pytest.mark.parametrize(
    ("wanted", "record"), [(name, record) for name, records in LINES.items() for record in records]
)
def test_json_lines_are_told_by_their_keys(tmp_path: Path, wanted: str, record: dict[str, Any]) -> None:
    other = b'no JSON\n{"level": "info"}\n'
    assert detect_log([log_of(tmp_path, line(**record))]) is Format(wanted)
    assert detect_log(
        [log_of(tmp_path, gzip.compress(other + line(**record), mtime=0), "log.jsonl.gz")]
    ) is Format(wanted)


@pytest.mark.parametrize(
    ("wanted", "row"), [("ai_platform", AI_PLATFORM), ("vertex", VERTEX), ("table", {"a": 1})]
)
@pytest.mark.parametrize("write", [csv_of, avro_of, parquet_of, gzipped(csv_of), gzipped(avro_of)])
def test_tables_are_told_by_their_columns(
    tmp_path: Path, wanted: str, row: dict[str, Any], write: Any
) -> None:
    repeated = ({"type": "array", "items": "string"}, pa.list_(pa.string()))
    kinds: dict[type, Any] = {str: ("string", pa.string()), int: ("long", pa.int64()), list: repeated}
    # A name that ends in .csv says that one column without a comma is a table, and no more.
    types = {name: kinds[type(value)] for name, value in row.items()}
    assert detect_log([log_of(tmp_path, write([{}, row], types), "log.csv")]) is Format(wanted)


def test_a_log_of_nothing_that_is_read_is_refused(tmp_path: Path) -> None:
    for data in (b"hello\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"):
        with pytest.raises(
            InputError, match="log is not a log: expected TFRecords, JSON lines, CSV, Avro or Parquet"
        ):
            detect_log([log_of(tmp_path, data)])
    for data, why in (
        (b"PK\x03\x04\x14\0\0\0\x08\0,", "log: the file is compressed by zip, which is not read"),
        ('{"a": 1}\n'.encode("utf-16"), "log: the file is UTF-16; expected UTF-8"),
        (b"\0" * 50 + b'{"a": 1}\n', "log: the file begins with 50 NUL bytes"),
    ):
        with pytest.raises(InputError, match=why):
            detect_log([log_of(tmp_path, data)])
        with pytest.raises(InputError, match=why):
            detect_examples([log_of(tmp_path, data)])
    with pytest.raises(InputError, match="none of its first 2 records can be read"):
        detect_log([log_of(tmp_path, b'[1]\n{"a\n', "log.json")])


@pytest.mark.parametrize(
    "data",
    [
        frame(EXAMPLES[0])[:3],
        frame(EXAMPLES[0])[:9],
        b"\x09" + frame(EXAMPLES[0])[1:],
        gzip.compress(b"x", mtime=0)[:9],
    ],
)
def test_a_log_of_damaged_tfrecords_is_left_to_its_reader(tmp_path: Path, data: bytes) -> None:
    assert detect_log([log_of(tmp_path, data)]) is Format.TF_EXAMPLE


@pytest.mark.parametrize("data", [b"Obj\x01\xff", b"PAR1 and no more", b"a,a\n1,2\n"])
def test_a_table_that_cannot_be_read_is_left_to_its_reader(tmp_path: Path, data: bytes) -> None:
    log = log_of(tmp_path, data)
    assert detect_log([log]) is Format.TABLE
    faults = [part for part in decode_file(log, Format.TABLE, settings()) if isinstance(part, Fault)]
    assert len(faults) == 1


TEXT_ROW = {"timestamp": 1_685_524_428_803, "message": "win cash"}
HEALTH = {"timestamp": 1_685_524_428_803, "message": "GET /health 200"}
CARRIED = {"timestamp": 1_685_524_428_803, "message": json.dumps(BODY)}


def test_a_row_with_a_feature_like_a_service_s_field_is_a_table(tmp_path: Path) -> None:
    log = log_of(tmp_path, line(**TEXT_ROW) * 200)
    assert detect_log([log], "auto", Expected({"message": FeatureType.BYTES})) is Format.TABLE
    body = log_of(tmp_path, line(**CARRIED))
    assert detect_log([body], "auto", Expected({"message": FeatureType.BYTES})) is Format.TABLE
    assert detect_log([body], "auto", Expected({"age": FeatureType.INT})) is Format.REST


def test_other_lines_of_a_service_do_not_decide(tmp_path: Path) -> None:
    others = line(**HEALTH) * 9000
    log = log_of(tmp_path, others + line(**CARRIED))
    assert detect_log([log]) is Format.REST
    of_others = log_of(tmp_path, others, "others")
    assert detect_log([of_others]) is Format.TABLE
    assert detect_log([of_others, log]) is Format.REST
    with pytest.raises(InputError, match="none of its first 1 records can be read"):
        detect_log([log_of(tmp_path, others + b'{"a\n')])


def test_it_is_looked_for_traffic_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(tmp_path, line(**HEALTH) * 50 + line(**CARRIED))
    others = [log_of(tmp_path, line(**HEALTH), f"others-{n}") for n in range(3)]
    assert detect_log([*others, log]) is Format.REST
    monkeypatch.setattr("trueserve.transforms.logs.detect._FILES", 3)
    assert detect_log([*others, log]) is Format.TABLE
    monkeypatch.setattr("trueserve.transforms.logs.detect._MOST_RECORDS", 50)
    assert detect_log([log]) is Format.TABLE


def test_lines_of_an_export_and_arrays_are_told_without_a_name(tmp_path: Path) -> None:
    exported = b"2023-05-31T09:13:48.803Z START RequestId: a, Version: 1\n"
    body = b"2023-05-31T09:13:48.803Z " + line(**BODY)
    assert detect_log([log_of(tmp_path, exported * 200 + body)]) is Format.REST
    array = json.dumps([BODY, BODY]).encode() + b"\n"
    assert detect_log([log_of(tmp_path, array)]) is Format.REST


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_tables_of_other_separators_are_told_without_a_name(tmp_path: Path, separator: str) -> None:
    wide = separator.join(f"column_{n}" for n in range(900)) + "\n"
    for header, row in (("age;fare\n", "1;2.5\n"), (wide, separator.join("9" * 900) + "\n")):
        text = header.replace(";", separator) + row.replace(";", separator) * 3
        log = log_of(tmp_path, text.encode())
        assert detect_log([log]) is Format.TABLE
        assert detect_examples([log]) is Format.CSV


def test_lines_of_text_are_no_table(tmp_path: Path) -> None:
    text = b"GET /a; ok\nstarted\nGET /b; not found; again\nstopped\n"
    with pytest.raises(InputError, match="log is not a log: expected"):
        detect_log([log_of(tmp_path, text)])


def test_logs_of_no_rows_have_a_format(tmp_path: Path) -> None:
    assert detect_log([log_of(tmp_path, b"age,fare\n")]) is Format.TABLE
    assert detect_log([log_of(tmp_path, b"\n", "log.json")]) is Format.TABLE


@given(st.binary(max_size=100), st.sampled_from(["log", "log.csv", "log.json"]))
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_bytes_have_a_format_or_are_refused(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(InputError):
        assert detect_log([log_of(Path(folder), data, name)]) in LOG_FORMATS
