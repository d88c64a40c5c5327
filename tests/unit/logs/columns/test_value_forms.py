"""Values of JSON form by form: normal ones, foreign ones, and those that are lost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from support.columns import FIXED, LISTED, decoded
from support.forms import NORMAL_FORMS

from trueserve.transforms.logs.columns.conversions import is_loss
from trueserve.transforms.verdict.findings.representation import FOREIGN_FORMS


def test_the_usual_values_have_no_form() -> None:
    assert decoded([1, -(1 << 63), (1 << 63) - 1], "age") == [
        ([n], set()) for n in (1, -(1 << 63), (1 << 63) - 1)
    ]
    assert decoded([1.5, -0.25], "fare") == [([1.5], set()), ([-0.25], set())]
    assert decoded(["a", "zwölf"], "word") == [([b"a"], set()), (["zwölf".encode()], set())]
    assert decoded([b"a", b"\xff"], "word") == [([b"a"], set()), ([b"\xff"], set())]


NORMAL: list[tuple[str, Any, list[Any] | None, set[str]]] = [
    ("fare", 3, [3.0], {"whole_number"}),
    ("age", 3.0, [3], {"point_zero"}),
    ("age", True, [1], {"boolean"}),
    ("age", False, [0], {"boolean"}),
    ("fare", math.nan, None, {"nan"}),
    ("age", math.nan, None, {"nan"}),
    ("fare", math.inf, [math.inf], set()),
    ("word", "", None, {"empty"}),
    ("word", b"", None, {"empty"}),
    ("fare", [2.5], [2.5], {"list_of_one"}),
    ("fare", [], [], {"empty_list"}),
    ("fare", [math.nan], None, {"nan", "list_of_one"}),
]
FOREIGN: list[tuple[str, Any, list[Any] | None, set[str]]] = [
    ("age", "12", [12], {"quoted_number"}),
    ("age", " +12 ", [12], {"quoted_number"}),
    ("age", "9007199254740993", [9007199254740993], {"quoted_number"}),
    ("age", "1e3", [1000], {"quoted_number", "point_zero"}),
    ("age", "9007199254740993.0", [9007199254740993], {"quoted_number", "point_zero"}),
    ("fare", "1.5", [1.5], {"quoted_number"}),
    ("fare", "-Infinity", [-math.inf], {"quoted_number"}),
    ("fare", "NaN", None, {"quoted_number", "nan"}),
    ("fare", b"2.5", [2.5], {"quoted_number"}),
    ("fare", "1e400", [math.inf], {"quoted_number", "beyond_float32"}),
    ("fare", 1e39, [math.inf], {"beyond_float32"}),
    ("fare", -(10**400), [-math.inf], {"whole_number", "beyond_float32"}),
    ("word", 12, [b"12"], {"unquoted_value"}),
    ("word", 1.5, [b"1.5"], {"unquoted_value"}),
    ("age", None, None, {"null"}),
    ("word", [None], None, {"null", "list_of_one"}),
    ("age", "", None, {"empty_text"}),
    ("fare", "  ", None, {"empty_text"}),
    ("age", [1, 2], [1, 2], {"list_for_scalar"}),
    ("age", [[1], [2]], [1, 2], {"list_for_scalar"}),
    ("age", [1, None], [1], {"list_for_scalar", "null"}),
    ("word", "caf\udce9", [b"caf\xe9"], {"invalid_utf8"}),
    ("word", "\ud800", [b"\xed\xa0\x80"], {"invalid_utf8"}),
    ("word", "\ud800\udce9", [b"\xed\xa0\x80\xed\xb3\xa9"], {"invalid_utf8"}),
]
LOST: list[tuple[str, Any, str]] = [
    ("age", 1.5, "float_for_int"),
    ("age", math.inf, "float_for_int"),
    ("age", 1e30, "long_int_for_int"),
    ("age", 1 << 63, "long_int_for_int"),
    ("age", -(1 << 63) - 1, "long_int_for_int"),
    ("age", "word", "bytes_for_int"),
    ("age", "1_000", "bytes_for_int"),
    ("age", "0x1F", "bytes_for_int"),
    ("age", "१२", "bytes_for_int"),
    ("age", "1.00000000000000000001", "float_for_int"),
    ("age", "1e-999999999999999999999", "long_int_for_int"),
    ("age", "1e400", "long_int_for_int"),
    ("age", "1" * 5000, "bytes_for_int"),
    ("age", str(1 << 63), "long_int_for_int"),
    ("age", "1.5", "float_for_int"),
    ("age", {"a": 1}, "object_for_int"),
    ("fare", True, "boolean_for_float"),
    ("fare", "one", "bytes_for_float"),
    ("fare", {}, "object_for_float"),
    ("word", False, "boolean_for_bytes"),
    ("word", {"b64": "?"}, "object_for_bytes"),
    ("word", 1 << 64, "long_int_for_bytes"),
    ("word", 1e20, "long_int_for_bytes"),
    ("age", object(), "object_for_int"),
]


@pytest.mark.parametrize(("name", "value", "kept", "forms"), NORMAL)
def test_normal_forms_are_counted(name: str, value: Any, kept: object, forms: set[str]) -> None:
    assert decoded([value], name) == [(kept, forms)]
    assert forms <= NORMAL_FORMS


@pytest.mark.parametrize(("name", "value", "kept", "forms"), FOREIGN)
def test_foreign_forms_are_counted_and_keep_what_they_can(
    name: str, value: Any, kept: object, forms: set[str]
) -> None:
    assert decoded([value], name) == [(kept, forms)]
    assert forms & FOREIGN_FORMS.keys()


@pytest.mark.parametrize(("name", "value", "form"), LOST)
def test_what_cannot_be_is_missing_and_counted(name: str, value: Any, form: str) -> None:
    assert decoded([value], name) == [(None, {form})]
    assert is_loss(form)
    # One such value among others takes its row along: what is left would pass for the whole.
    assert decoded([[1, value]], name, LISTED)[0][0] is None


def test_the_decoder_gives_every_form_that_the_verdict_knows() -> None:
    given = {form for *_, forms in FOREIGN for form in forms}
    assert FOREIGN_FORMS.keys() <= given


def test_every_form_is_one_of_the_known() -> None:
    assert not NORMAL_FORMS & FOREIGN_FORMS.keys()
    assert not any(map(is_loss, NORMAL_FORMS | FOREIGN_FORMS.keys()))


def test_scalars_are_normal_where_a_feature_may_have_many() -> None:
    assert decoded([1.5, [1.5], [1.5, 2.5], [], None], "fare", LISTED) == [
        ([1.5], {"scalar"}),
        ([1.5], set()),
        ([1.5, 2.5], set()),
        ([], set()),
        (None, {"null"}),
    ]


def test_values_without_a_place_are_left_out_and_those_with_one_keep_it() -> None:
    row = [1.0, None, math.nan, 4.0]
    assert decoded([row], "fare", LISTED) == [([1.0, 4.0], {"null", "nan"})]
    [(kept, _)] = decoded([row], "fare", FIXED)
    assert kept is not None
    np.testing.assert_array_equal(kept, [1.0, math.nan, math.nan, 4.0])
    assert decoded([["a", None, ""]], "word", FIXED) == [([b"a", b"", b""], {"null", "empty"})]
    assert decoded([[1, None]], "age", FIXED) == [(None, {"null"})]
    assert decoded([[None, None]], "fare", FIXED) == [(None, {"null"})]
