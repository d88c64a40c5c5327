"""Bodies of CSV: names come from `--columns`, numbers from the schema."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import bodies as support

from trueserve.transforms.logs.bodies.instances import Bodies
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.logs.columns.values import typed_columns
from trueserve.transforms.logs.features import FeatureType
from trueserve.transforms.logs.request import BadRecordError

BODIES = Bodies(support.settings())


def test_csv_takes_names_from_columns_and_numbers_where_the_schema_has_them() -> None:
    named = Bodies(support.settings(columns=("age", "fare", "word", "late")))
    text = '3,1,"a,""b""\n c",0\r\n-4,2.5e1,5,\n,, , 7'
    assert named.csv(text) == [
        {"age": 3, "fare": 1.0, "word": 'a,"b"\n c', "late": "0"},
        {"age": -4, "fare": 25.0, "word": "5"},
        {"word": " ", "late": " 7"},
    ]
    assert [type(value) for value in named.csv("3,1,a,b")[0].values()] == [int, float, str, str]


@pytest.mark.parametrize(
    ("cell", "age"),
    [("+3", 3), (" 3 ", 3), ("3.0", 3.0), ("1_000", "1_000"), ("0x1F", "0x1F"), ("one", "one"), ("٣", "٣")],
)
def test_cells_are_numbers_only_if_written_so(cell: str, age: object) -> None:
    [row] = Bodies(support.settings(columns=("age",))).csv(cell)
    assert (row["age"], type(row["age"])) == (age, type(age))


def test_long_digits_stay_text_and_nan_is_a_number() -> None:
    assert Bodies(support.settings(columns=("age",))).csv("9" * 100_000) == [{"age": "9" * 100_000}]
    [row] = Bodies(support.settings(columns=("fare",))).csv("NaN")
    assert math.isnan(row["fare"])


def test_texts_that_mean_missing_are_no_values_and_are_counted() -> None:
    text = TextForm(missing_values=frozenset({"NA", "-9"}))
    named = Bodies(support.settings(columns=("age", "word", "more"), text=text))
    rows = named.csv("NA,NA,NA\n-9,x,y\n3,na,")
    assert [sorted(row) for row in rows] == [["age", "word"], ["age", "more", "word"], ["age", "word"]]
    columns, forms = typed_columns(rows, support.EXPECTED, missing_values=text.missing_values)
    values = {name: column.to_pylist() for name, column in columns}
    assert values == {"age": [None, None, [3]], "word": [None, [b"x"], [b"na"]]}
    counted = {key: rows.tolist() for key, rows in forms.items()}
    assert counted["age", "missing_text"] == [0, 1]
    assert counted["word", "missing_text"] == [0]
    assert counted["more", "unknown_feature"] == [1]


def test_of_one_column_an_empty_line_is_a_row() -> None:
    assert Bodies(support.settings(columns=("age",))).csv("1\n\n2\n") == [{"age": 1}, {}, {"age": 2}]
    assert Bodies(support.settings(columns=("age", "word"))).csv("1,a\n\n2,b\n") == [
        {"age": 1, "word": "a"},
        {"age": 2, "word": "b"},
    ]


HEADERS = {
    "age,word\n3,a": [{"age": 3, "word": "a"}],
    "word,age\r\na,3\r\n": [{"age": 3, "word": "a"}],
    '\ufeff"age", word \n3,a\n4,\n': [{"age": 3, "word": "a"}, {"age": 4}],
    "late,age,word\n1,3,a": [{"late": "1", "age": 3, "word": "a"}],
}


@pytest.mark.parametrize("text", HEADERS)
def test_a_first_line_of_the_names_is_a_header_and_no_row(text: str) -> None:
    assert Bodies(support.settings(columns=("age", "word"))).csv(text) == HEADERS[text]
    assert BODIES.csv(text) == HEADERS[text]


def test_a_header_may_have_more_columns_where_the_names_are_given() -> None:
    named = Bodies(support.settings(columns=("age", "word")))
    assert named.csv(",id,age,word\n0,7,3,a") == [{"id": "7", "age": 3, "word": "a"}]
    only = Bodies(support.settings({"age": FeatureType.INT}))
    assert only.csv("age\n3\n") == [{"age": 3}]


@pytest.mark.parametrize("text", ["age,age\n", "age,fare\n", "Age,word\n"])
def test_other_first_lines_are_rows(text: str) -> None:
    named = Bodies(support.settings(columns=("tags", "word")))
    assert len(named.csv(text + "3,a")) == 2


def test_a_row_of_another_length_says_what_was_expected() -> None:
    for text, source in (("0,3,a", "--columns"), ("age,word\n0,3,a", "the header")):
        with pytest.raises(BadRecordError, match=f"expected 2 values, as {source} has; a row has 3") as error:
            Bodies(support.settings(columns=("age", "word"))).csv(text)
        assert error.value.reason == "bad_csv_row"


def test_names_that_the_schema_does_not_know_are_a_reject() -> None:
    with pytest.raises(BadRecordError) as error:
        Bodies(support.settings(columns=("x", "y"))).csv("1,2")
    assert error.value.reason == "no_features"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1", "bad_csv_row"),
        ("age,word\n", "no_instances"),
        ("1,2,secret", "bad_csv_row"),
        ('1,"secret', "bad_csv_row"),
        ("", "no_instances"),
    ],
)
def test_bad_csv_is_a_reject(text: str, why: str) -> None:
    with pytest.raises(BadRecordError) as error:
        Bodies(support.settings(columns=("age", "word"))).csv(text)
    assert (error.value.reason, "secret" in error.value.detail) == (why, False)


def test_csv_without_names_is_a_reject() -> None:
    with pytest.raises(BadRecordError) as error:
        BODIES.csv("1,2")
    assert error.value.reason == "no_names"


@given(st.text(alphabet='1,."\n\r\0a\ud800', max_size=12))
def test_any_csv_is_rows_or_a_reject(text: str) -> None:
    rows = None
    with contextlib.suppress(BadRecordError):
        rows = Bodies(support.settings(columns=("age", "word"))).csv(text)
    assert rows is None or len(rows) > 0
