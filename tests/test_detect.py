from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support_logs import example, examples_log, write_records

from transforms.errors import InputError
from transforms.logs.detect import Format, detect, detect_examples, detect_log, detect_records
from transforms.paths import FileSize
from transforms.tfrecord import frame

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
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert detect(str(tmp_path / name)) is Format.CSV


def test_parquet_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": [1]}), tmp_path / "table.csv")
    assert detect(str(tmp_path / "table.csv")) is Format.PARQUET


def test_a_broken_tfrecord_is_left_to_its_reader(tmp_path: Path) -> None:
    broken = bytearray(frame(EXAMPLES[0]))
    broken[9] ^= 1
    (tmp_path / "broken").write_bytes(broken)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(frame(EXAMPLES[0]))[:12])
    assert detect(str(tmp_path / "broken")) is Format.TF_EXAMPLE
    assert detect(str(tmp_path / "cut.gz")) is Format.TF_EXAMPLE


def test_the_first_file_that_is_not_empty_decides(tmp_path: Path) -> None:
    empty = write_records(tmp_path / "0", [])
    assert detect_log([empty, write_records(tmp_path / "1", LOGS)]) is Format.PREDICTION_LOG
    assert detect_examples([empty]) is Format.TF_EXAMPLE


def test_a_log_that_is_a_table_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("age,fare\n1,2\n")
    with pytest.raises(InputError, match=r"log\.csv looks like csv; logs are read as TFRecords"):
        detect_log([FileSize(str(tmp_path / "log.csv"), 12)])
