"""CSV as it is written elsewhere: other separators, decimal commas, and texts that mean missing."""

from __future__ import annotations

import io

import pytest
from support.logs import rows_of, settings

from trueserve.transforms.core.accounting import total
from trueserve.transforms.logs.carriers import csv_tables
from trueserve.transforms.logs.carriers.csv_header import read_header
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.logs.features import FeatureType
from trueserve.transforms.logs.rows.rows import RecordPosition

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
POSITION = RecordPosition("table", 0)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_columns_are_those_of_any_separator(separator: str) -> None:
    text = "age,fare,word\n1,1.5,x\n2,.5,\n-3,2e1,y\n".replace(",", separator)
    header = read_header(io.BytesIO(text.encode()))
    text_form = TextForm(header.separator)
    assert csv_tables.csv_types(io.BytesIO(text.encode()), header.names, text_form) == {
        "age": INT,
        "fare": FLOAT,
        "word": BYTES,
    }
    parts = csv_tables.decode_csv(io.BytesIO(text.encode()), header.names, settings(), POSITION, separator)
    assert [row.get("fare") for row in rows_of(parts)] == [[1.5], [0.5], [20.0]]


def test_a_comma_is_the_decimal_point_where_semicolons_separate() -> None:
    text = b"fare;age;word\n1,5;1,0;1,5\n-,25;2;x\n1e1;3;\n1.234,5;4;z\n"
    assert csv_tables.csv_types(io.BytesIO(text[:-14]), ["fare", "age", "word"], TextForm(";")) == {
        "fare": FLOAT,
        "age": FLOAT,
        "word": BYTES,
    }
    parts = list(csv_tables.decode_csv(io.BytesIO(text), ["fare", "age", "word"], settings(), POSITION, ";"))
    assert rows_of(parts) == [
        {"fare": [1.5], "age": [1], "word": [b"1,5"]},
        {"fare": [-0.25], "age": [2], "word": [b"x"]},
        {"fare": [10.0], "age": [3]},
        {"age": [4], "word": [b"z"]},
    ]
    assert total(part.accounting for part in parts).forms == {
        ("age", "point_zero"): 1,
        ("fare", "bytes_for_float"): 1,
    }


def test_texts_that_mean_missing_are_no_values() -> None:
    text, given = b"age,word\n1,NA\nNA,x\nnull,-\nna,y\n", TextForm(",", frozenset({"NA", "null", "-"}))
    assert csv_tables.csv_types(io.BytesIO(text[:-5]), ["age", "word"], given) == {"age": INT, "word": BYTES}
    stream, used = io.BytesIO(text), settings(text=given)
    parts = list(csv_tables.decode_csv(stream, ["age", "word"], used, POSITION))
    assert rows_of(parts) == [{"age": [1]}, {"word": [b"x"]}, {}, {"word": [b"y"]}]
    assert total(part.accounting for part in parts).forms == {
        ("age", "missing_text"): 2,
        ("age", "bytes_for_int"): 1,
        ("word", "missing_text"): 2,
    }
