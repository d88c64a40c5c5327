"""Values as JSON and its like have them, to columns of the schema's types, with the forms they came in.

JSON has no int, float and bytes apart, and clients write what their language makes easy. A value is taken for
what the schema says wherever nothing of it is lost; the form is counted, so that what is foreign to a format
is seen and neither fails the record nor vanishes. A value that cannot be what the schema says is left out as
missing, and counted under a form `<came>_for_<expected>`, as in every other format.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from transforms.logs.features import LISTS, VALUES, Array, Column, Expected, FeatureType, lists

Forms = Mapping[tuple[str, str], Array]

#: Forms that are normal to a format without types; they are only counted.
NORMAL_FORMS = frozenset({"whole_number", "point_zero", "scalar", "list_of_one", "boolean", "nan"})
#: Forms that lose something or that the format would not need; beyond a share of the rows they are findings.
FOREIGN_FORMS = frozenset(
    {
        "quoted_number",
        "unquoted_value",
        "null",
        "empty_text",
        "list_for_scalar",
        "invalid_utf8",
        "beyond_float32",
    }
)
_INT64 = 1 << 63
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_LONGEST_NUMBER = 40
UNKNOWN = "unknown_feature"


def typed_columns(
    instances: Sequence[Mapping[str, Any]], expected: Expected, also: str | None = None
) -> tuple[list[Column], Forms]:
    """Columns of all features that occur, and for (feature, form) the rows that came in that form.

    Args:
      instances: one mapping from feature to value a row (see `request.Request`).
      expected: the schema's features; others are counted as `unknown_feature`, and no values of them kept.
      also: a feature that is kept in the type it comes in though the schema may not know it (the time).
    """
    names = dict.fromkeys(name for instance in instances for name in instance)
    columns: list[Column] = []
    forms: dict[tuple[str, str], Array] = {}
    for name in names:
        values = [instance.get(name, _ABSENT) for instance in instances]
        wanted = expected.types.get(name)
        if wanted is not None:
            column, found = _column(values, wanted, name in expected.single)
            columns.append((name, column))
            forms |= {(name, form): np.array(rows, np.int64) for form, rows in found.items()}
        elif name == also:
            columns.append((name, _as_it_comes(values)))
        elif name not in expected.elsewhere and len(has := _with_value(values)):
            forms[name, UNKNOWN] = has
    return columns, forms


class _Absent:
    """Where a row has no such feature."""


_ABSENT = _Absent()
_Found = dict[str, list[int]]


def _with_value(values: Sequence[Any]) -> Array:
    return np.array([row for row, v in enumerate(values) if v is not _ABSENT and v is not None], np.int64)


def _column(values: Sequence[Any], wanted: FeatureType, single: bool) -> tuple[pa.Array, _Found]:
    return _plain(values, wanted, single) or _careful(values, wanted, single)


def _plain(values: Sequence[Any], wanted: FeatureType, single: bool) -> tuple[pa.Array, _Found] | None:
    """The column where every row has one value of the very type that is wanted, which is nearly always so."""
    kinds = set(map(type, values))
    if kinds != _PLAIN[wanted] or not single:
        return None
    ones = np.ones(len(values), np.int64)
    try:
        if wanted is FeatureType.BYTES:
            return lists(pa.array(values, pa.large_string()).cast(pa.large_binary()), ones), {}
        array = np.array(values, np.int64 if wanted is FeatureType.INT else np.float64)
    except (OverflowError, ValueError):
        return None
    if wanted is FeatureType.FLOAT and not (np.abs(array) <= _LARGEST_FLOAT32).all():
        return None
    return lists(pa.array(array).cast(VALUES[wanted], safe=False), ones), {}


_PLAIN = {FeatureType.INT: {int}, FeatureType.FLOAT: {float}, FeatureType.BYTES: {str}}


def _careful(values: Sequence[Any], wanted: FeatureType, single: bool) -> tuple[pa.Array, _Found]:
    flat: list[Any] = []
    lengths = np.zeros(len(values), np.int64)
    null = np.zeros(len(values), bool)
    found: _Found = {}
    for row, value in enumerate(values):
        kept, forms = _row(value, wanted, single)
        for form in forms:
            found.setdefault(form, []).append(row)
        null[row] = kept is None
        if kept:
            flat.extend(kept)
            lengths[row] = len(kept)
    return lists(_flat(flat, wanted), lengths, null), found


def _flat(values: list[Any], wanted: FeatureType) -> pa.Array:
    if wanted is FeatureType.FLOAT:
        return pa.array(np.array(values, np.float64).astype(np.float32))
    return pa.array(values, VALUES[wanted])


def _row(value: Any, wanted: FeatureType, single: bool) -> tuple[list[Any] | None, set[str]]:
    """The values of a row, None for a missing one, and the forms they came in."""
    if value is _ABSENT:
        return None, set()
    if not isinstance(value, list | tuple):
        kept, form = _convert(value, wanted)
        forms = {form} if form else set() if single else {"scalar"}
        return None if kept is None else [kept], forms
    many = list(_leaves(value))
    converted = [_convert(one, wanted) for one in many]
    forms = {form for _, form in converted if form}
    if single:
        forms.add("list_of_one" if len(many) == 1 else "list_for_scalar")
    kept_values = [kept for kept, _ in converted if kept is not None]
    refused = any("_for_" in form for form in forms - FOREIGN_FORMS)
    # A list of nothing but nulls is missing; an empty list is an empty one.
    return (None if refused or (many and not kept_values) else kept_values), forms


def _leaves(value: Sequence[Any]) -> Iterable[Any]:
    """The values of nested lists in order, however deep: parsers bound the depth, this needs no stack."""
    waiting = [iter(value)]
    while waiting:
        for one in waiting[-1]:
            if isinstance(one, list | tuple):
                waiting.append(iter(one))
                break
            yield one
        else:
            waiting.pop()


def _convert(value: Any, wanted: FeatureType) -> tuple[Any, str | None]:
    """One value in the type that is wanted, None if it has none, and its form if that is not the usual."""
    if value is None:
        return None, "null"
    if isinstance(value, bool):
        return (int(value), "boolean") if wanted is FeatureType.INT else (None, f"boolean_for_{wanted}")
    convert = {FeatureType.INT: _to_int, FeatureType.FLOAT: _to_float, FeatureType.BYTES: _to_bytes}[wanted]
    return convert(value)


def _to_int(value: Any) -> tuple[int | None, str | None]:
    if isinstance(value, int):
        return (value, None) if -_INT64 <= value < _INT64 else (None, "long_int_for_int")
    if isinstance(value, float):
        if math.isnan(value):
            return None, "nan"
        whole = value.is_integer() and -_INT64 <= value < _INT64
        return (int(value), "point_zero") if whole else (None, "float_for_int")
    return _from_text(value, FeatureType.INT)


def _to_float(value: Any) -> tuple[float | None, str | None]:
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return math.copysign(math.inf, value), "beyond_float32"
        if math.isnan(number):
            return None, "nan"
        if _LARGEST_FLOAT32 < abs(number) < math.inf:
            return number, "beyond_float32"
        return number, "whole_number" if isinstance(value, int) else None
    return _from_text(value, FeatureType.FLOAT)


def _to_bytes(value: Any) -> tuple[bytes | None, str | None]:
    if isinstance(value, bytes):
        return value, None
    if isinstance(value, str):
        try:
            return value.encode(), None
        except UnicodeEncodeError:
            # The line was no UTF-8; its bytes came through as surrogates, and are put back.
            return value.encode("utf-8", "surrogateescape"), "invalid_utf8"
    if isinstance(value, int | float):
        return str(value).encode(), "unquoted_value"
    return None, "object_for_bytes"


def _from_text(value: Any, wanted: FeatureType) -> tuple[Any, str | None]:
    """A number that was written as text."""
    if not isinstance(value, str | bytes):
        return None, f"object_for_{wanted}"
    text = (value if isinstance(value, str) else value.decode("utf-8", "replace")).strip()
    if not text:
        return None, "empty_text"
    try:
        number = _number(text, wanted)
    except (ValueError, OverflowError):
        return None, f"bytes_for_{wanted}"
    return (None if number is None else number), "quoted_number"


def _number(text: str, wanted: FeatureType) -> int | float | None:
    """Raises ValueError or OverflowError for what is no such number; None for NaN."""
    if len(text) > _LONGEST_NUMBER or "_" in text:
        raise ValueError
    number = float(text)
    if math.isnan(number):
        return None
    if wanted is FeatureType.FLOAT:
        return number
    try:
        whole = int(text)
    except ValueError:
        if not number.is_integer():
            raise
        whole = int(number)
    if not -_INT64 <= whole < _INT64:
        raise OverflowError
    return whole


def _as_it_comes(values: Sequence[Any]) -> pa.Array:
    """A column of ints where all values are ints, else of their texts."""
    known = [v for v in values if v is not _ABSENT and v is not None]
    if all(isinstance(v, int) and not isinstance(v, bool) and -_INT64 <= v < _INT64 for v in known):
        return pa.array([[v] if isinstance(v, int) else None for v in values], LISTS[FeatureType.INT])
    texts = [None if v is _ABSENT or v is None else [str(v).encode("utf-8", "replace")] for v in values]
    return pa.array(texts, LISTS[FeatureType.BYTES])
