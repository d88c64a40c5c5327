"""What a log says next to the body: names, sampling rates and answers."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import bodies as support
from support.bodies import tensor

from trueserve.transforms.logs.rows.log_fields import answers_of, first_text, rate_of, text_of
from trueserve.transforms.logs.rows.parse_time import micros_of


@given(support.JSON | st.decimals() | st.binary(max_size=9))
def test_any_value_is_text_a_time_and_a_rate_or_none(value: Any) -> None:
    assert isinstance(text_of(value), str | None)
    assert isinstance(micros_of(value), int | None)
    assert isinstance(rate_of(value), float | None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("v2", "v2"),
        (b"v2", "v2"),
        (3, "3"),
        (3.0, "3"),
        (1.5, "1.5"),
        (Decimal("5123456789012345678.000000000"), "5123456789012345678"),
        (Decimal("1E+999999999"), None),
        (Decimal("sNaN"), None),
        (10**400, None),
        (math.inf, None),
        ("", None),
        (True, None),
        ({}, None),
    ],
)
def test_names_and_numbers_as_text(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_the_first_field_with_text_counts() -> None:
    assert first_text({"a": None, "b": "", "c": 0}, ("a", "b", "c", "d")) == "0"
    assert first_text({}, ("a",)) is None


def test_a_rate_is_unset_or_a_number_or_odd() -> None:
    assert [rate_of(value) for value in (None, "", 0, 0.0, 0.25, "0.25", 1, 10)] == [
        *[None] * 4,
        0.25,
        0.25,
        1.0,
        10.0,
    ]
    assert all(math.isnan(rate_of(value) or 0) for value in ("x", True, [1], 10**400))


ROWS = [{"p": [1, 2], "q": "a"}, {"p": [3, 4], "q": "b"}]


@pytest.mark.parametrize(
    ("response", "answers"),
    [
        ({"predictions": [0.1, 0.2]}, [0.1, 0.2]),
        ('{"predictions": [[0.1], [0.2]]}', [[0.1], [0.2]]),
        ({"results": [0.1, 0.2]}, [0.1, 0.2]),
        ({"result": [[["a", 0.5]], [["b", 1]]]}, [[["a", 0.5]], [["b", 1]]]),
        ({"outputs": {"p": [[1, 2], [3, 4]], "q": ["a", "b"]}}, ROWS),
        ({"outputs": [[1], [2]]}, [[1], [2]]),
        (
            {"outputs": [tensor("p", [2, 2], "INT8", [1, 2, 3, 4]), tensor("q", [2], "BYTES", ["a", "b"])]},
            ROWS,
        ),
        ({"predictions": [0.1]}, None),
        ({"predictions": [0.1, 0.2, 0.3]}, None),
        ({"predictions": {"p": [1, 2]}}, [{"p": 1}, {"p": 2}]),
        ({"outputs": {"p": [1, 2], "q": [1]}}, None),
        ({"outputs": {"p": 1}}, None),
        ({"outputs": {}}, None),
        ({"outputs": [tensor("p", [3], "INT8", [1, 2])] * 2}, None),
        ({"error": "secret"}, None),
        ("no JSON", None),
        ("[1, 2]", None),
        (None, None),
        (5, None),
    ],
)
def test_answers_are_one_for_each_row_or_none(response: object, answers: list[Any] | None) -> None:
    assert answers_of(response, 2) == answers


@given(support.JSON)
def test_any_response_is_answers_or_none(value: Any) -> None:
    for response in (value, {"predictions": value}, {"outputs": value}, json.dumps(value)):
        answers = answers_of(response, 2)
        assert answers is None or len(answers) == 2
