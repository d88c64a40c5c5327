"""Columns against a slow and obvious answer, on any values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.columns import BYTES, FIXED, FLOAT, INT, LISTED, SINGLE, TYPES, Row, decoded

from trueserve.transforms.logs.columns.any_values import column_of_any_values
from trueserve.transforms.logs.columns.conversions import LARGEST_FLOAT32
from trueserve.transforms.logs.columns.usual_values import usual_column
from trueserve.transforms.logs.columns.values import typed_columns
from trueserve.transforms.logs.features import Expected, FeatureType
from trueserve.transforms.logs.request import Exact

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
        text = (value if isinstance(value, str) else value.decode("utf-8", "replace")).strip()
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


def plain_of_table(value: Any, wanted: FeatureType) -> tuple[Any, set[str]]:
    is_number = isinstance(value, bool) and wanted is FLOAT
    return (float(value), {"boolean"}) if is_number else plain_exact(value, wanted)


def plain_row(value: Any, name: str, expected: Expected, exact: bool) -> Row:
    wanted, single = TYPES[name], name in expected.single and not isinstance(value, Exact)
    plain_one = plain_of_table if exact else plain_value
    plain_one = plain_exact if isinstance(value, Exact) else plain_one
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
@hypothesis_settings(max_examples=600, deadline=None)
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
@hypothesis_settings(max_examples=300, deadline=None)
def test_both_ways_give_the_same_column(
    values: list[Any], name: str, expected: Expected, exact: bool
) -> None:
    wanted, single = TYPES[name], name in expected.single
    plain = usual_column(values, wanted, single, exact)
    if plain is not None:
        column, forms = column_of_any_values(values, wanted, single, name in expected.fixed, exact=exact)
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
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_rows_give_columns_and_positions_of_rows(rows: list[Mapping[str, Any]], also: str | None) -> None:
    columns, forms = typed_columns(rows, SINGLE, also)
    assert all(len(column) == len(rows) for _, column in columns)
    assert all(0 <= row < len(rows) for row_numbers in forms.values() for row in row_numbers)
    pa.record_batch([column for _, column in columns], [name for name, _ in columns]).validate(full=True)
    for name, _ in forms:
        name.encode()
