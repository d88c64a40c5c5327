"""Which rows differ, which of them are shown, and how the difference is put in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trueserve.transforms.serving.check import differences
from trueserve.transforms.serving.tolerance import FEATURES, RaggedRows

INF, NAN = float("inf"), float("nan")


def rows(*lists: list[Any]) -> RaggedRows:
    """RaggedRows of these values; bytes as objects."""
    values = [value for row in lists for value in row]
    kind: Any = object if values and isinstance(values[0], bytes) else np.int64
    if values and isinstance(values[0], float):
        kind = np.float32
    return RaggedRows(np.array(values, kind), np.array([len(row) for row in lists], np.int64))


@pytest.mark.parametrize(
    ("expected", "got", "differing"),
    [
        (rows([1], [2], [3]), rows([1], [5], [3]), [1]),
        (rows([1.0], [2.0]), rows([1.0000001], [2.1]), [1]),
        (rows([b"a"], [b"b"]), rows([b"a"], [b"c"]), [1]),
        (rows([1, 2], [3], []), rows([1, 2], [], []), [1]),
        (rows([1, 2], [3, 4]), rows([1, 5], [3, 4]), [0]),
        (rows([1], [2]), rows([1]), [0, 1]),
        (rows([1], [], [2]), rows([1.0], [], [2.0]), [0, 2]),
        (rows([1], [2]), rows([], []), [0, 1]),
        (rows([], []), rows([], []), []),
    ],
)
def test_rows_that_differ(expected: RaggedRows, got: RaggedRows, differing: list[int]) -> None:
    assert differences.differing(expected, got, FEATURES).tolist() == differing


def test_other_types() -> None:
    assert differences.of_other_type(rows([1]), rows([1.0]))
    assert differences.of_other_type(rows([1]), rows([b"1"]))
    assert not differences.of_other_type(rows([1]), rows([2]))
    # No value has no type.
    assert not differences.of_other_type(rows([1.0]), rows([]))
    assert not differences.of_other_type(rows([]), rows([1.0]))


def test_the_furthest_floats_are_shown() -> None:
    expected, got = rows([0.0], [0.0], [0.0], [0.0, 1.0]), rows([1.0], [3.0], [-2.0], [0.0])
    indices = np.array([0, 1, 2])
    assert differences.most_telling(expected, got, indices, 2).tolist() == [1, 2]
    assert differences.most_telling(expected, got, np.array([0, 1, 3]), 2).tolist() == [3, 1]
    gone = differences.most_telling(rows([0.0], [0.0]), rows([5.0], [NAN]), np.array([0, 1]), 1)
    assert gone.tolist() == [1]
    # Of equal ones the first.
    assert differences.most_telling(rows([0.0], [0.0]), rows([1.0], [1.0]), np.array([0, 1]), 1).tolist() == [
        0
    ]


def test_each_pair_of_integers_or_bytes_is_shown_once() -> None:
    expected, got = rows([1], [1], [2], [3]), rows([7], [7], [7], [8])
    assert differences.most_telling(expected, got, np.arange(4), 3).tolist() == [0, 2, 3]
    assert differences.most_telling(expected, got, np.arange(4), 2).tolist() == [0, 2]
    shown = differences.most_telling(rows([b"a"], [b"a"]), rows([b"b"], [b"b"]), np.arange(2), 5)
    assert shown.tolist() == [0]


def test_nothing_is_shown_of_other_numbers_of_rows() -> None:
    assert differences.most_telling(rows([1]), rows([1], [2]), np.array([0]), 3).tolist() == []


LINE = [float(value) for value in range(10)]


@pytest.mark.parametrize(
    ("expected", "got", "text"),
    [
        (rows([1], [2]), rows([1]), "1 rows come for 2 probes"),
        (rows([1]), rows([1.0]), "values are floats, not integers"),
        (rows([1.5]), rows([1]), "values are integers, not floats"),
        (rows([1.5]), rows([b"x"]), "values are bytes, not floats"),
        (rows([1], [2]), rows([1], [2, 3]), "other numbers of values"),
        (rows([b"a"]), rows([b"b"]), "other bytes"),
        (rows([5], [5]), rows([7], [7]), "always 7 for 5"),
        (rows([5], [6]), rows([7], [8]), "always 2 more"),
        (rows([5], [6]), rows([4], [5]), "always 1 less"),
        (rows([5], [6]), rows([4], [9]), "off by up to 3"),
        (rows([5], [6]), rows([1], [7]), "off by up to 4"),
        (rows([2**62], [-(2**62)]), rows([-(2**62)], [2**62]), f"off by up to {2**63}"),
        (rows([1.0], [2.0]), rows([1.5], [2.25]), "off by up to 0.5"),
        (rows([1.0]), rows([INF]), "not finite"),
        (rows([1.0], [2.0]), rows([INF], [2.5]), "off by up to 0.5"),
        (
            rows(*[[x] for x in LINE]),
            rows(*[[2 * x] for x in LINE]),
            "off by up to 9; throughout 2 x what is right",
        ),
        (
            rows(*[[x] for x in LINE]),
            rows(*[[x / 2 + 3] for x in LINE]),
            "off by up to 3; throughout 0.5 x what is right + 3",
        ),
        (
            rows(*[[x] for x in LINE]),
            rows(*[[x - 4] for x in LINE]),
            "off by up to 4; throughout 1 x what is right - 4",
        ),
        (rows(*[[x] for x in LINE[:7]]), rows(*[[2 * x] for x in LINE[:7]]), "off by up to 6"),
        (
            rows(*[[x] for x in LINE[:8]]),
            rows(*[[2 * x] for x in LINE[:8]]),
            "off by up to 7; throughout 2 x what is right",
        ),
        (rows(*[[x] for x in LINE]), rows(*[[5.0] for _ in LINE]), "off by up to 5"),
        (rows(*[[x] for x in LINE]), rows(*[[x * x] for x in LINE]), "off by up to 72"),
        (
            rows(*[[x] for x in [*LINE, 50.0]]),
            rows(*[[2 * x] for x in LINE], [INF]),
            "off by up to 9; throughout 2 x what is right",
        ),
    ],
)
def test_differences_in_words(expected: RaggedRows, got: RaggedRows, text: str) -> None:
    indices = np.arange(len(expected.lengths))
    assert differences.describe(expected, got, indices) == text


def test_only_the_differing_rows_are_described() -> None:
    expected, got = rows([1], [2, 3], [5]), rows([9], [2], [6])
    assert differences.describe(expected, got, np.array([0, 2])) == "off by up to 8"
    assert differences.describe(expected, got, np.array([2])) == "always 6 for 5"


def test_values_of_a_row() -> None:
    lists = rows([1, 2], [], [3, 4, 5])
    assert [differences.values(lists, index) for index in range(3)] == [[1, 2], [], [3, 4, 5]]
