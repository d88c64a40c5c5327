"""Columns of any values whatever, one value after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.carriers.text_types import MISSING_TEXT
from trueserve.transforms.logs.columns.conversions import (
    Converted,
    convert,
    convert_exactly,
    convert_of_table,
    is_loss,
)
from trueserve.transforms.logs.columns.row_values import ABSENT, BAD_MASK, Absent, leaves
from trueserve.transforms.logs.columns.usual_values import RowsByForm, TypedColumn
from trueserve.transforms.logs.features import VALUES, FeatureType, lists
from trueserve.transforms.logs.request import Exact, MissingText, OfExample


def column_of_any_values(
    values: Sequence[Any],
    wanted: FeatureType,
    single: bool,
    fixed: bool,
    *,
    exact: bool = False,
    missing_values: frozenset[str] = frozenset(),
) -> TypedColumn:
    """The column of any values whatever, and the rows by the forms they came in."""
    texts = missing_values if wanted is not FeatureType.BYTES else frozenset()
    flat: list[Any] = []
    lengths = np.zeros(len(values), np.int64)
    null = np.zeros(len(values), bool)
    rows_by_form: RowsByForm = {}
    for row, value in enumerate(values):
        kept, forms = _convert_row(_marked(value, texts), wanted, single, fixed, exact)
        for form in sorted(forms):
            rows_by_form.setdefault(form, []).append(row)
        null[row] = kept is None
        if kept:
            flat.extend(kept)
            lengths[row] = len(kept)
    return lists(array_of(flat, wanted), lengths, null), rows_by_form


def _marked(value: Any, texts: frozenset[str]) -> Any:
    """The value, where it is one of these texts as `MissingText`; so are those in a list."""
    if not texts:
        return value
    if isinstance(value, str):
        return MissingText(value) if value in texts else value
    if isinstance(value, list | tuple) and any(isinstance(item, str) for item in leaves(value)):
        return type(value)(_marked(item, texts) for item in leaves(value))
    return value


def array_of(values: list[Any], wanted: FeatureType) -> pa.Array:
    if wanted is not FeatureType.FLOAT:
        return pa.array(values, VALUES[wanted])
    with np.errstate(over="ignore"):
        return pa.array(np.array(values, np.float64).astype(np.float32))


def _convert_row(
    value: Any, wanted: FeatureType, single: bool, fixed: bool, exact: bool
) -> tuple[list[Any] | None, set[str]]:
    """The values of a row, None for a missing one, and the forms they came in."""
    if value is ABSENT:
        return None, set()
    if isinstance(value, MissingText):
        return None, {MISSING_TEXT}
    if value is BAD_MASK:
        return None, {f"bad_mask_for_{wanted}"}
    if isinstance(value, OfExample):
        kind = _OF_EXAMPLE[type(value[0])] if value else wanted
        return (value, set()) if kind is wanted else (None, {f"{kind}_for_{wanted}"})
    converting = convert_of_table if exact else convert
    converting = convert_exactly if isinstance(value, Exact) else converting
    if not isinstance(value, list | tuple):
        kept, forms = converting(value, wanted)
        counted = {*forms} if single or value is None else {*forms, "scalar"}
        return None if kept is None else [kept], counted
    items = list(leaves(value))
    converted = [_NONE.get(type(item)) or converting(item, wanted) for item in items]
    item_forms = {form for _, forms in converted for form in forms}
    if single and not isinstance(value, Exact):
        item_forms.add(_SIZES.get(len(items), "list_for_scalar"))
    is_lost = any(map(is_loss, item_forms))
    return None if is_lost else _without_missing([kept for kept, _ in converted], wanted, fixed), item_forms


_NONE: dict[type, Converted] = {Absent: (None, ()), MissingText: (None, (MISSING_TEXT,))}
_OF_EXAMPLE = {int: FeatureType.INT, float: FeatureType.FLOAT, bytes: FeatureType.BYTES}
_SIZES = {0: "empty_list", 1: "list_of_one"}
_FILLERS = {FeatureType.FLOAT: math.nan, FeatureType.BYTES: b""}


def _without_missing(values: list[Any], wanted: FeatureType, fixed: bool) -> list[Any] | None:
    """The values of a list. Nothing but missing ones is missing; an empty list is an empty one."""
    kept = [value for value in values if value is not None]
    if len(kept) == len(values):
        return kept
    if fixed and kept:
        # No integer can stand where there is none: the row is missing as a whole.
        filler = _FILLERS.get(wanted)
        return None if filler is None else [filler if value is None else value for value in values]
    return kept or None
