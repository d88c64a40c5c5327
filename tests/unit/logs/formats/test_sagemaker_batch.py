"""Lines of SageMaker's batch transforms: inputs, and outputs that have their inputs in them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from support.events import decode
from support.logs import settings

from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.logs.formats.format_names import Format

COLUMNS = ("age", "fare", "word")
ROW = {"age": 30, "fare": 1.5, "word": "a"}
WANTED = [{"age": [30], "fare": [1.5], "word": [b"a"]}]
LISTED = [30, 1.5, "a"]


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        ({**ROW, "SageMakerOutput": [0.25]}, "0.25"),
        ({**ROW, "SageMakerOutput": {"score": 0.25}}, '{"score":0.25}'),
        ({**ROW, "SageMakerOutput": {"predictions": [[0.25]]}}, "[0.25]"),
        ({"features": LISTED, "SageMakerOutput": 0.25}, "0.25"),
        ({"instances": [ROW], "SageMakerOutput": {"predictions": [0.25]}}, "0.25"),
        ({"SageMakerInput": LISTED, "SageMakerOutput": [0.1, 0.9]}, "[0.1,0.9]"),
        ({"SageMakerInput": [LISTED], "SageMakerOutput": None}, "null"),
        (ROW, None),
        ({"features": LISTED}, None),
        ({"instances": [ROW]}, None),
    ],
)
def test_a_line_is_a_request_with_its_answer(record: dict[str, Any], answer: str | None) -> None:
    outcome = decode(Format.SAGEMAKER, [record], columns=COLUMNS, responses=True)
    assert (outcome.rows, outcome.column("response")) == (WANTED, [answer])
    assert decode(Format.SAGEMAKER, [record], columns=COLUMNS).column("response") == [None]


def test_rows_of_one_input_have_an_answer_each_or_none() -> None:
    both = {"SageMakerInput": [LISTED, LISTED], "SageMakerOutput": [[0.1], [0.9]]}
    outcome = decode(Format.SAGEMAKER, [both], columns=COLUMNS, responses=True)
    assert (outcome.rows, outcome.column("response")) == (WANTED * 2, ["[0.1]", "[0.9]"])
    fewer = both | {"SageMakerOutput": [[0.1]]}
    outcome = decode(Format.SAGEMAKER, [fewer], columns=COLUMNS, responses=True)
    assert outcome.column("response") == [None, None]


def test_an_output_is_told_by_its_lines_and_dated_by_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "2023-05-31" / "input.jsonl.out"
    path.parent.mkdir()
    path.write_text((json.dumps({**ROW, "SageMakerOutput": [0.25]}) + "\n") * 3)
    file = FileSize(str(path), path.stat().st_size)
    assert detect_log([file]) is Format.SAGEMAKER
    parts = [p for p in decode_file(file, Format.SAGEMAKER, settings()) if isinstance(p, Decoded) and p.batch]
    times = [row["time"] for part in parts if part.batch for row in part.batch.metadata.to_pylist()]
    assert times == [dt.datetime(2023, 5, 31, tzinfo=dt.UTC)] * 3


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"secret": 1}, "not_a_capture"),
        ({"secret": 1, "SageMakerOutput": 1}, "not_a_request"),
        ({"SageMakerInput": "secret", "SageMakerOutput": 1}, "not_json"),
        ({"SageMakerInput": ["secret"], "SageMakerOutput": 1}, "columns_differ"),
        ({"SageMakerInput": None, "SageMakerOutput": 1}, "not_a_request"),
        ({"instances": [{"secret": 1}]}, "no_features"),
    ],
)
def test_what_is_no_request_is_rejected(record: dict[str, Any], why: str) -> None:
    [reject] = decode(Format.SAGEMAKER, [record], columns=COLUMNS).rejects
    assert (reject.reason, "secret" in reject.detail) == (why, False)
