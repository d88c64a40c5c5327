"""Logged answers matched with a model's outputs: by name and size, or rejected with the reason."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.replay import answers
from trueserve.transforms.replay.compare import AnswerTolerance, compare

TWO = {"late": 1, "minutes": 2}


def values_of(answer: Any, widths: dict[str, int | None]) -> dict[str, list[float]]:
    matched = answers.match([answer], widths)
    assert matched.reasons.tolist() == [""]
    return {name: array[0].tolist() for name, array in matched.values.items()}


def reason_of(answer: Any, widths: dict[str, int | None]) -> str:
    matched = answers.match([answer], widths)
    assert all(np.isnan(array).all() for array in matched.values.values())
    [reason] = matched.reasons.tolist()
    return str(reason)


@pytest.mark.parametrize(
    "answer",
    [
        {"late": 0.5, "minutes": [1, 2]},
        {"minutes": [1, 2], "late": 0.5},
        {"minutes": [[1], [2]], "late": [[0.5]]},
    ],
)
def test_outputs_are_matched_by_name_in_any_order(answer: Any) -> None:
    assert values_of(answer, dict(TWO)) == {"late": [0.5], "minutes": [1, 2]}


@pytest.mark.parametrize("answer", [0.25, [0.25], [[0.25]], {"late": 0.25}, {"other": [0.25]}])
def test_of_single_outputs_the_name_does_not_matter(answer: Any) -> None:
    assert values_of(answer, {"late": 1}) == {"late": [0.25]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (0.5, answers.OTHER_NAMES),
        ([0.5, 1, 2], answers.OTHER_NAMES),
        ({"late": 0.5}, answers.OTHER_NAMES),
        ({"late": 0.5, "minutes": [1, 2], "more": 1}, answers.OTHER_NAMES),
        ({"late": 0.5, "Minutes": [1, 2]}, answers.OTHER_NAMES),
        ({"late": 0.5, "minutes": [1, 2, 3]}, answers.OTHER_SHAPE),
        ({"late": [], "minutes": [1, 2]}, answers.OTHER_SHAPE),
        ({"late": "0.5", "minutes": [1, 2]}, answers.NOT_NUMBERS),
        ({"late": 0.5, "minutes": ["1", 2]}, answers.NOT_NUMBERS),
        ({"late": {"b64": "AA=="}, "minutes": [1, 2]}, answers.NOT_NUMBERS),
        ({"late": 10**400, "minutes": [1, 2]}, answers.NOT_NUMBERS),
        ("", answers.OTHER_NAMES),
        (None, answers.OTHER_NAMES),
    ],
)
def test_what_does_not_match_is_rejected_with_the_reason(answer: Any, reason: str) -> None:
    assert reason_of(answer, dict(TWO)) == reason


def test_classes_with_scores_are_no_numbers() -> None:
    answer = {"classes": [{"label": "yes", "score": 0.25}]}
    assert reason_of(answer, {"late": 1}) == answers.NOT_NUMBERS
    assert reason_of(0.5, {"late": None}) == answers.NOT_NUMBERS


def test_rows_stand_by_themselves_where_some_do_not_match() -> None:
    given_rows = [
        {"late": 0.5, "minutes": [1, 2]},
        7,
        {"late": 1, "minutes": [3]},
        {"late": 1, "minutes": [4, 5]},
    ]
    matched = answers.match(given_rows, dict(TWO))
    assert matched.reasons.tolist() == ["", answers.OTHER_NAMES, answers.OTHER_SHAPE, ""]
    assert matched.values["minutes"][[0, 3]].tolist() == [[1, 2], [4, 5]]
    assert np.isnan(matched.values["late"][[1, 2]]).all()


def test_null_is_a_number_that_is_not_finite() -> None:
    [number] = values_of(None, {"late": 1})["late"]
    assert math.isnan(number)


def test_texts_that_are_no_json_spoil_no_other_row() -> None:
    deep = "[" * 5000 + "]" * 5000
    assert answers.load(["1", "{", "[2]", deep, "NaN", "1,2"])[:3] == [1, "", [2]]
    assert len(answers.load(["1,2", "3"])) == 2
    assert answers.load([]) == []


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(2**53), 2**53)


@given(st.lists(st.tuples(numbers, st.tuples(numbers, numbers)), min_size=1, max_size=20))
def test_any_numbers_come_back_as_they_were(rows: list[Any]) -> None:
    texts = [json.dumps({"minutes": list(pair), "late": late}) for late, pair in rows]
    matched = answers.match(answers.load(texts), dict(TWO))
    assert not any(matched.reasons)
    assert matched.values["late"].tolist() == [[float(late)] for late, _ in rows]
    assert matched.values["minutes"].tolist() == [[float(a), float(b)] for _, (a, b) in rows]


json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["late", "minutes", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.lists(json_values, min_size=1, max_size=6))
def test_any_answer_is_matched_or_rejected_as_it_is_alone(rows: list[Any]) -> None:
    together = answers.match(rows, dict(TWO))
    alone = [answers.match([row], dict(TWO)) for row in rows]
    assert together.reasons.tolist() == [match.reasons[0] for match in alone]
    for name, array in together.values.items():
        np.testing.assert_array_equal(array, np.concatenate([match.values[name] for match in alone]))


def test_both_tolerances_hold() -> None:
    expected = np.array([[0.0], [0.0], [1000.0], [1000.0], [1e9]])
    got = np.array([[9e-7], [2e-6], [1000.009], [1000.02], [1e9]])
    comparison = compare(expected, got, AnswerTolerance(1e-6, 1e-5))
    assert comparison.differs.tolist() == [False, True, False, True, False]
    assert comparison.apart == pytest.approx([0, 2e-6, 0, 0.02, 0])


def test_numbers_that_are_not_finite_equal_one_another_as_json_writes_them() -> None:
    nan, inf = np.nan, np.inf
    expected = np.array([[nan], [inf], [inf], [1.0], [nan], [inf]])
    got = np.array([[nan], [nan], [inf], [nan], [1.0], [-inf]])
    comparison = compare(expected, got, AnswerTolerance())
    assert comparison.differs.tolist() == [False, False, False, True, True, True]
    assert comparison.apart.tolist() == [0, 0, 0, inf, inf, inf]
    assert not compare(np.array([[1e308]]), np.array([[1e308]]), AnswerTolerance()).differs.any()


def test_a_class_flips_where_the_largest_value_moves_or_a_probability_crosses_half() -> None:
    classes = compare(
        np.array([[0.1, 0.9], [0.4, 0.6], [0.2, 0.8]]),
        np.array([[0.2, 0.8], [0.6, 0.4], [0.2, 0.8]]),
        AnswerTolerance(),
    )
    assert classes.flipped.tolist() == [False, True, False]
    probabilities = compare(
        np.array([[0.49], [0.6], [0.7]]), np.array([[0.5], [0.4], [0.8]]), AnswerTolerance()
    )
    assert probabilities.flipped.tolist() == [True, True, False]
