"""Columns of rows: unknown features, masks, times, versions, and values of examples."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from support.columns import INT, LISTED, SINGLE, TYPES, decoded

from trueserve.transforms.core.accounting import MORE_UNKNOWN
from trueserve.transforms.logs.columns import values as module
from trueserve.transforms.logs.columns.values import typed_columns
from trueserve.transforms.logs.features import Expected
from trueserve.transforms.logs.request import OfExample


def test_a_feature_that_a_row_lacks_is_missing_without_a_form() -> None:
    columns, forms = typed_columns([{"age": 1}, {"fare": 2.5}, {}], SINGLE)
    assert {name: column.to_pylist() for name, column in columns} == {
        "age": [[1], None, None],
        "fare": [None, [2.5], None],
    }
    assert forms == {}


def test_unknown_features_are_counted_without_values_and_others_known() -> None:
    rows: list[dict[str, Any]] = [{"new": 1, "late": 1}, {"new": None}, {"new": [], "odd\ud800": 1}]
    columns, forms = typed_columns(rows, Expected(TYPES, elsewhere=frozenset({"late"})))
    assert columns == []
    assert {key: row_numbers.tolist() for key, row_numbers in forms.items()} == {
        ("new", "unknown_feature"): [0, 2],
        ("odd?", "unknown_feature"): [2],
    }


def test_very_many_unknown_features_are_bounded_and_take_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 100)
    rows = [{f"{row}-{column}": 1 for column in range(50)} for row in range(4000)]
    started = time.monotonic()
    _, forms = typed_columns(rows, SINGLE)
    assert time.monotonic() - started < 5
    assert len(forms) == 101
    assert sum(map(len, forms.values())) == 200_000
    assert len(forms[MORE_UNKNOWN]) == 200_000 - 100


def test_a_mask_says_what_is_there() -> None:
    def row(value: Any, mask: Any) -> dict[str, Any]:
        return {"age": value, "age/present": mask}

    cases: list[tuple[Any, Any, list[int] | None]] = [
        (7, True, [7]),
        (0, False, None),
        (0, 0, None),
        ([7], [True], [7]),
        ([7, 8], [True, False], [7]),
        ([7, 8], [[False], [True]], [8]),
        ([7, 8], False, None),
        ([7, 8], [True], [7, 8]),
        (7, None, [7]),
    ]
    columns, forms = typed_columns([row(value, mask) for value, mask, _ in cases], LISTED)
    assert [(name, column.to_pylist()) for name, column in columns] == [("age", [kept for *_, kept in cases])]
    assert {form for _, form in forms} == {"scalar"}
    bad = [row([7, 8], [True] * 3), row(7, "yes"), row(7, [True, True]), row(7, {})]
    [(_, column)], forms = typed_columns(bad, LISTED)
    assert column.null_count == 4
    assert {key: row_numbers.tolist() for key, row_numbers in forms.items()} == {
        ("age", "bad_mask_for_int"): [0, 1, 2, 3]
    }


def test_a_mask_that_the_schema_knows_is_a_feature() -> None:
    expected = Expected(TYPES | {"age/present": INT}, single=frozenset(TYPES))
    columns, _ = typed_columns([{"age": 0, "age/present": 0}], expected)
    assert {name: column.to_pylist() for name, column in columns} == {"age": [[0]], "age/present": [[0]]}


def test_times_come_in_microseconds_from_any_form() -> None:
    seconds = 1373778000
    given = [
        seconds,
        str(seconds),
        f"{seconds}.5",
        [seconds],
        "2013-07-14 05:00:00 UTC",
        "noon",
        None,
        True,
        {},
    ]
    columns, forms = typed_columns([{"when": value} for value in given] + [{}], SINGLE, "when")
    [(name, column)] = columns
    micros = seconds * 1_000_000
    assert name == "when"
    assert column.to_pylist() == [
        *[[micros]] * 2, [micros + 500_000], *[[micros]] * 2, *[None] * 5
    ]  # fmt: skip
    assert {key: rows.tolist() for key, rows in forms.items()} == {("when", "unread_time"): [5, 7, 8]}


def test_one_odd_value_does_not_make_a_batch_slow() -> None:
    """The careful way must be slower by a factor, not by orders."""
    usual: list[Any] = [{"fare": float(n), "age": n, "word": "word"} for n in range(8192)]
    odd = [*usual[:-1], {"fare": "1", "age": "1", "word": ""}]
    started = time.monotonic()
    typed_columns(usual, SINGLE)
    between = time.monotonic()
    typed_columns(odd, SINGLE)
    assert time.monotonic() - between < 20 * (between - started) + 0.2


def test_values_of_an_example_are_all_kept_and_have_no_form() -> None:
    rows = [OfExample(values) for values in ([math.nan, 1.5], [], [2.5])]
    typed = decoded([*rows, None], "fare")
    assert repr(typed) == repr([([math.nan, 1.5], set()), ([], set()), ([2.5], set()), (None, {"null"})])
    assert decoded([OfExample([b"", b"a"])], "word") == [([b"", b"a"], set())]


@pytest.mark.parametrize(("name", "value"), [("fare", 1), ("age", 1.0), ("word", 1), ("age", b"1")])
def test_a_type_of_an_example_is_taken_for_no_other(name: str, value: Any) -> None:
    came = {int: "int", float: "float", bytes: "bytes"}[type(value)]
    typed = decoded([OfExample([value]), OfExample([]), {"a": 1}], name)
    assert typed[:2] == [(None, {f"{came}_for_{TYPES[name]}"}), ([], set())]
    assert decoded([OfExample([value])], name) == typed[:1]


def test_an_example_has_no_masks() -> None:
    rows: list[dict[str, Any]] = [
        {"age": OfExample([1, 2]), "age/present": OfExample([0])},
        {"age": [3], "age/present": [False]},
        {"age": [4], "age/present": None},
    ]
    [(_, column)], forms = typed_columns(rows, LISTED)
    assert column.to_pylist() == [[1, 2], None, [4]]
    assert {key: list(row_numbers) for key, row_numbers in forms.items()} == {
        ("age/present", "unknown_feature"): [0]
    }


def test_a_version_that_no_schema_knows_is_a_text() -> None:
    given = [7, 7.0, "v7", b"v7", ["v7", "v8"], OfExample([b"v7"]), OfExample([]), None, "", {}, 10**5000]
    columns, forms = typed_columns([{"v": value} for value in given] + [{}], SINGLE, version="v")
    [(name, column)] = columns
    assert (name, forms) == ("v", {})
    wanted = [b"7", b"7", b"v7", b"v7", b"v7", b"v7", *[None] * 6]
    assert column.to_pylist() == [None if text is None else [text] for text in wanted]
