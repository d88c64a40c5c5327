"""What a format cannot hold of a request: the table of docs/logs.md, case by case."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import logs

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format

EXPECTED = Expected(
    types={
        "fare": FeatureType.FLOAT,
        "age": FeatureType.INT,
        "word": FeatureType.BYTES,
        "tags": FeatureType.BYTES,
    },
    single=frozenset({"fare", "age", "word"}),
)
SERIALIZED = base64.b64encode(logs.example(fare=[math.nan], word=[b""], age=[1, 2])).decode()
PRECISE = float(np.float32(39.02068))
Row: TypeAlias = Mapping[str, Sequence[Any]]
Writer: TypeAlias = Callable[[Path, Any], None]


def _text(path: Path, text: str | bytes) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def _examples(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    logs.write_records(path, [logs.example(**row) for row in rows])


def _parquet(path: Path, columns: Mapping[str, Any]) -> None:
    pq.write_table(pa.table(dict(columns)), path)


def _avro(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    types = {"fare": "double", "word": "string", "age": "long"}
    fields = [{"name": name, "type": kind} for name, kind in types.items()]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "Root", "fields": fields}, rows)


def _captured(csv_body: str) -> str:
    given = {"observedContentType": "text/csv", "mode": "INPUT", "data": csv_body, "encoding": "CSV"}
    return json.dumps({"captureData": {"endpointInput": given}, "eventMetadata": {"eventId": "1"}})


class Case(NamedTuple):
    """A request as a format has it, and what is read of it; `forms` are those that are counted."""

    name: str
    format: Format
    write: Writer
    content: Any
    rows: Sequence[Row]
    forms: Mapping[tuple[str, str], int] = {}
    columns: tuple[str, ...] = ()


CASES = (
    Case(
        "a float32 with nine digits survives as text",
        Format.REST,
        _text,
        f'{{"instances": [{{"fare": {PRECISE:.9g}}}]}}',
        [{"fare": [PRECISE]}],
    ),
    Case(
        "a float32 with six digits does not",
        Format.REST,
        _text,
        f'{{"instances": [{{"fare": {PRECISE:g}}}]}}',
        [{"fare": [float(np.float32(39.0207))]}],
    ),
    Case(
        "empty text is missing in CSV",
        Format.TABLE,
        _text,
        'word,age\n"",1\n,2\n"a",3\n',
        [{"age": [1]}, {"age": [2]}, {"age": [3], "word": [b"a"]}],
    ),
    Case(
        "empty text is missing in a CSV body",
        Format.SAGEMAKER,
        _text,
        _captured('"",1\n,2\na,3\n'),
        [{"age": [1]}, {"age": [2]}, {"age": [3], "word": [b"a"]}],
        columns=("word", "age"),
    ),
    Case(
        "empty text is missing in tensors",
        Format.REST,
        _text,
        '{"inputs": {"word": ["", "a"], "age": [1, 2]}}',
        [{"age": [1]}, {"age": [2], "word": [b"a"]}],
        {("word", "empty"): 1},
    ),
    Case(
        "empty text is missing in tensors of rows",
        Format.REST,
        _text,
        '{"instances": [{"word": "", "age": 1}]}',
        [{"age": [1]}],
        {("word", "empty"): 1},
    ),
    Case(
        "empty text survives in a table of JSON",
        Format.TABLE,
        _text,
        '{"word": "", "age": 1}\n{"word": null, "age": 2}\n{"age": 3}\n',
        [{"age": [1], "word": [b""]}, {"age": [2]}, {"age": [3]}],
        {("word", "null"): 1},
    ),
    Case(
        "empty text for a number is none",
        Format.TABLE,
        _text,
        '{"age": "", "fare": "", "word": "a"}',
        [{"word": [b"a"]}],
        {("age", "empty_text"): 1, ("fare", "empty_text"): 1},
    ),
    Case(
        "empty text and NaN survive in examples to classify",
        Format.REST,
        _text,
        '{"examples": [{"word": "", "fare": [NaN], "tags": ["", "a"], "age": 1}]}',
        [{"age": [1], "word": [b""], "fare": [math.nan], "tags": [b"", b"a"]}],
    ),
    Case(
        "empty text and NaN survive in a tf.Example in a body",
        Format.REST,
        _text,
        json.dumps({"instances": [{"b64": SERIALIZED}]}),
        [{"age": [1, 2], "word": [b""], "fare": [math.nan]}],
    ),
    Case(
        "empty text survives in Parquet",
        Format.TABLE,
        _parquet,
        {"word": ["", None], "age": [1, 2]},
        [{"age": [1], "word": [b""]}, {"age": [2]}],
    ),
    Case(
        "empty text survives in a tf.Example",
        Format.TF_EXAMPLE,
        _examples,
        [{"word": [b""]}],
        [{"word": [b""]}],
    ),
    Case(
        "an empty list is missing",
        Format.TABLE,
        _text,
        '{"tags": [], "age": 1}\n{"age": 2}\n',
        [{"age": [1]}, {"age": [2]}],
    ),
    Case(
        "NaN is missing in tensors",
        Format.REST,
        _text,
        '{"instances": [{"fare": NaN, "age": 1}]}',
        [{"age": [1]}],
        {("fare", "nan"): 1},
    ),
    Case(
        "NaN is a value in a tf.Example",
        Format.TF_EXAMPLE,
        _examples,
        [{"fare": [math.nan]}],
        [{"fare": [math.nan]}],
    ),
    Case(
        "NaN is a value in Parquet",
        Format.TABLE,
        _parquet,
        {"fare": pa.array([math.nan, None], pa.float32()), "age": [1, 2]},
        [{"fare": [math.nan], "age": [1]}, {"age": [2]}],
    ),
    Case(
        "NaN is a value in a table of JSON",
        Format.TABLE,
        _text,
        '{"fare": NaN, "age": 1}\n{"fare": null, "age": 2}\n',
        [{"fare": [math.nan], "age": [1]}, {"age": [2]}],
        {("fare", "null"): 1},
    ),
    Case(
        "NaN and empty text are values in Avro",
        Format.TABLE,
        _avro,
        [{"fare": math.nan, "word": "", "age": 1}],
        [{"fare": [math.nan], "word": [b""], "age": [1]}],
    ),
    Case(
        "a column of NaN stays one in CSV",
        Format.TABLE,
        _text,
        "fare,age\nNaN,1\n",
        [{"fare": [math.nan], "age": [1]}],
    ),
    Case(
        "bytes that are no UTF-8 are taken as they are",
        Format.REST,
        _text,
        b'{"instances": [{"word": "\xff"}]}',
        [{"word": [b"\xff"]}],
        {("word", "invalid_utf8"): 1},
    ),
    Case(
        "bytes that are no UTF-8 survive as b64",
        Format.REST,
        _text,
        '{"instances": [{"word": {"b64": "/w=="}}]}',
        [{"word": [b"\xff"]}],
    ),
    Case(
        "an integer beyond 2^53 survives where it was not rounded before",
        Format.REST,
        _text,
        '{"instances": [{"age": 9007199254740993}, {"age": 9007199254740992.0}]}',
        [{"age": [2**53 + 1]}, {"age": [2**53]}],
        {("age", "point_zero"): 1},
    ),
    Case(
        "what JSON makes of an infinity is missing",
        Format.REST,
        _text,
        '{"instances": [{"fare": null, "age": 1}]}',
        [{"age": [1]}],
        {("fare", "null"): 1},
    ),
    Case(
        "an integer of BigQuery's JSON is read and told",
        Format.TABLE,
        _text,
        '{"age": "17", "word": "17"}\n',
        [{"age": [17], "word": [b"17"]}],
        {("age", "quoted_number"): 1},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_read_of_it(case: Case, tmp_path: Path) -> None:
    path = tmp_path / ("log.csv" if "in CSV" in case.name else "log")
    case.write(path, case.content)
    file = FileSize(str(path), path.stat().st_size)
    parts = list(decode_file(file, case.format, Settings(expected=EXPECTED, columns=case.columns)))
    assert list(map(_row_text, logs.rows_of(parts))) == list(map(_row_text, case.rows))
    accounting = total(part.accounting for part in parts if isinstance(part, Decoded))
    assert +accounting.forms == dict(case.forms)


def _row_text(row: Row) -> list[str]:
    """As text, in which NaN equals NaN."""
    return sorted(f"{name}: {values}" for name, values in row.items())
