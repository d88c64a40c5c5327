"""Values of JSON to columns: against a slow and obvious answer, and form by form."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.forms import NORMAL_FORMS

from transforms.core.accounting import MORE_UNKNOWN
from transforms.logs.columns import values as module
from transforms.logs.columns.any_values import column_of_any_values
from transforms.logs.columns.conversions import LARGEST_FLOAT32, is_loss
from transforms.logs.columns.usual_values import usual_column
from transforms.logs.columns.values import typed_columns
from transforms.logs.features import LISTS, Expected, FeatureType
from transforms.logs.request import Exact, OfExample
from transforms.verdict.findings.representation import FOREIGN_FORMS

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
TYPES = {"age": INT, "fare": FLOAT, "word": BYTES}
SINGLE = Expected(TYPES, single=frozenset(TYPES))
LISTED = Expected(TYPES)
FIXED = Expected(TYPES, fixed=frozenset(TYPES))

Row = tuple[list[Any] | None, set[str]]


def decoded(
    values: Sequence[Any], name: str, expected: Expected = SINGLE, *, exact: bool = False
) -> list[Row]:
    """What each value gives in its row, and the forms that are counted of the row."""
    columns, forms = typed_columns([{name: value} for value in values], expected, exact=exact)
    [(_, column)] = columns
    assert column.type == LISTS[TYPES[name]]
    column.validate(full=True)
    forms_by_row = {
        row: {form for (_, form), rows in forms.items() if row in rows} for row in range(len(values))
    }
    return [(kept, forms_by_row[row]) for row, kept in enumerate(column.to_pylist())]


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
    assert forms == {}


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


# The reference: one row at a time, by exact decimal numbers, without a case for speed.


def plain_value(value: Any, wanted: FeatureType) -> tuple[Any, set[str]]:
    if value is None:
        return None, {"null"}
    if isinstance(value, bool):
        return (1 if value else 0, {"boolean"}) if wanted is INT else (None, {f"boolean_for_{wanted}"})
    if isinstance(value, dict):
        return None, {f"object_for_{wanted}"}
    return plain_text(value) if wanted is BYTES else plain_number(value, wanted)


def plain_text(value: str | bytes | int | float) -> tuple[Any, set[str]]:
    if isinstance(value, str | bytes):
        data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        is_exact = isinstance(value, bytes) or not re.search("[\udc80-\udcff]", value)
        return (data, set() if is_exact else {"invalid_utf8"}) if data else (None, {"empty"})
    if value != value:
        return None, {"nan"}
    is_exact = isinstance(value, int) or value.is_integer()
    if is_exact and not -(2**63) <= value < 2**64:
        return None, {"long_int_for_bytes"}
    return f"{value}".encode(), {"unquoted_value"}


def plain_number(value: str | bytes | int | float, wanted: FeatureType) -> tuple[Any, set[str]]:
    forms = set()
    number: Decimal
    if isinstance(value, str | bytes):
        text = (value if isinstance(value, str) else value.decode("latin-1")).strip()
        if not text:
            return None, {"empty_text"}
        if not re.fullmatch(r"[-+]?((\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?|nan|inf|infinity)", text, re.A | re.I):
            return None, {f"bytes_for_{wanted}"}
        number, forms, is_integer = Decimal(text), {"quoted_number"}, text.lstrip("+-").isdigit()
    else:
        number, is_integer = Decimal(value), isinstance(value, int)
    if number.is_nan():
        return None, forms | {"nan"}
    if wanted is FLOAT:
        return plain_float(number, forms | ({"whole_number"} if isinstance(value, int) else set()))
    if number.is_infinite() or number != number.to_integral_value():
        return None, {"float_for_int"}
    if not -(2**63) <= number < 2**63:
        return None, {"long_int_for_int"}
    return int(number), forms | (set() if is_integer else {"point_zero"})


def plain_float(number: Decimal, forms: set[str]) -> tuple[float, set[str]]:
    most = Decimal(float(np.finfo(np.float32).max))
    rounded = float(number)
    with np.errstate(over="ignore"):
        kept = float(np.float32(rounded))
    beyond = not number.is_infinite() and (math.isinf(rounded) or Decimal(rounded).copy_abs() > most)
    return kept, forms | ({"beyond_float32"} if beyond else set())


def plain_leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in plain_leaves(item)] if isinstance(value, list) else [value]


def plain_exact(value: Any, wanted: FeatureType) -> tuple[Any, set[str]]:
    kept, forms = plain_value(value, wanted)
    absent = {FLOAT: "nan", BYTES: "empty"}.get(wanted)
    return (math.nan if wanted is FLOAT else b"", forms - {absent}) if absent in forms else (kept, forms)


def plain_row(value: Any, name: str, expected: Expected, exact: bool) -> Row:
    wanted, single = TYPES[name], name in expected.single and not isinstance(value, Exact)
    plain_one = plain_exact if exact or isinstance(value, Exact) else plain_value
    if not isinstance(value, list):
        kept, forms = plain_one(value, wanted)
        return None if kept is None else [kept], forms | (set() if single or value is None else {"scalar"})
    leaves = plain_leaves(value)
    parts = [plain_one(leaf, wanted) for leaf in leaves]
    all_forms = {form for _, forms in parts for form in forms}
    if single:
        all_forms.add({0: "empty_list", 1: "list_of_one"}.get(len(leaves), "list_for_scalar"))
    kept_values = [kept for kept, _ in parts if kept is not None]
    if any(form.endswith(f"_for_{wanted}") for form in all_forms) or (leaves and not kept_values):
        return None, all_forms
    if name in expected.fixed and len(kept_values) < len(leaves):
        filler = {FLOAT: math.nan, BYTES: b""}.get(wanted)
        return None if wanted is INT else [filler if kept is None else kept for kept, _ in parts], all_forms
    return kept_values, all_forms


_texts = st.one_of(
    st.text(max_size=3),
    st.sampled_from(
        ["", " ", "1", "-2.5", "1e3", "nan", "NaN", "inf", "1e99", "1e400", "1_0", "\udcff", "٣"]
    ),
    st.integers().map(str),
    st.floats().map(str),
)
_numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-(1 << 65), 1 << 65),
    st.floats(),
    st.sampled_from([0.0, 1.0, 1e20, 3.4028235e38, 3.5e38, 1e39, 2.0**63, 10**30, 10**400]),
)
_scalars = st.one_of(st.none(), st.booleans(), _numbers, _texts, st.binary(max_size=2), st.just({"a": 1}))
_nested = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
# Batches of one kind, as they nearly always are, and of all kinds.
_batches = st.one_of(
    *(st.lists(kind, max_size=6) for kind in (st.integers(-9, 9), st.floats(width=32), st.text(max_size=2))),
    st.lists(st.one_of(st.none(), st.integers(-9, 9), st.floats(-9, 9)), max_size=6),
    st.lists(st.lists(st.one_of(st.integers(-9, 9), st.floats(-9, 9)), max_size=3), max_size=6),
    st.lists(st.one_of(st.none(), st.lists(st.text(min_size=1, max_size=2), max_size=3)), max_size=6),
    st.lists(_nested, max_size=6),
    *(
        st.lists(st.lists(kind, max_size=3).map(Exact), max_size=6)
        for kind in (st.integers(-9, 9), st.floats(width=32), st.text(max_size=2), _nested)
    ),
)


def same(actual: Sequence[Row], answer: Sequence[Row]) -> bool:
    return repr(actual) == repr(answer) or all(
        forms == right and (kept == expected or repr(kept) == repr(expected))
        for (kept, forms), (expected, right) in zip(actual, answer, strict=True)
    )


@given(_batches, st.sampled_from(sorted(TYPES)), st.sampled_from([SINGLE, LISTED, FIXED]), st.booleans())
@example([1 << 63], "fare", SINGLE, False)
@example([LARGEST_FLOAT32, -LARGEST_FLOAT32], "fare", SINGLE, False)
@example(["\ud800"], "word", SINGLE, False)
@example(["", "a"], "word", SINGLE, True)
@example([math.nan, 1.5], "fare", SINGLE, True)
@hypothesis_settings(max_examples=1500, deadline=None)
def test_columns_are_those_of_the_plain_answer(
    values: list[Any], name: str, expected: Expected, exact: bool
) -> None:
    if any("\ud800" in leaf for value in values for leaf in plain_leaves(value) if isinstance(leaf, str)):
        assert len(decoded(values, name, expected)) == len(values)
        return
    answer = [plain_row(value, name, expected, exact) for value in values]
    actual = decoded(values, name, expected, exact=exact) if values else []
    assert same(actual, answer), (actual, answer)


@given(_batches, st.sampled_from(sorted(TYPES)), st.sampled_from([SINGLE, LISTED, FIXED]), st.booleans())
@hypothesis_settings(max_examples=500, deadline=None)
def test_both_ways_give_the_same_column(
    values: list[Any], name: str, expected: Expected, exact: bool
) -> None:
    wanted, single = TYPES[name], name in expected.single
    plain = usual_column(values, wanted, single, exact)
    if plain is not None:
        column, forms = column_of_any_values(values, wanted, single, name in expected.fixed, exact)
        assert repr(column.to_pylist()) == repr(plain[0].to_pylist())
        assert column.type == plain[0].type
        assert {form: sorted(rows) for form, rows in plain[1].items()} == forms


_rows = st.lists(
    st.dictionaries(
        st.sampled_from([*TYPES, "age/present", "fare/present", "new", "when", "\udcff"]), _nested, max_size=5
    ),
    max_size=5,
)


@given(_rows, st.sampled_from([None, "when", "age"]))
@hypothesis_settings(max_examples=500, deadline=None)
def test_any_rows_give_columns_and_positions_of_rows(rows: list[Mapping[str, Any]], also: str | None) -> None:
    columns, forms = typed_columns(rows, SINGLE, also)
    assert all(len(column) == len(rows) for _, column in columns)
    assert all(0 <= row < len(rows) for row_numbers in forms.values() for row in row_numbers)
    pa.record_batch([column for _, column in columns], [name for name, _ in columns]).validate(full=True)
    for name, _ in forms:
        name.encode()
