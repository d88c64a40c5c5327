"""Columns of values of the usual types, which nearly all are: at numpy's speed, or None for others."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.columns.conversions import LARGEST_FLOAT32
from trueserve.transforms.logs.columns.row_values import ABSENT, NOTHING
from trueserve.transforms.logs.features import Array, FeatureType, lists
from trueserve.transforms.logs.request import Exact, OfExample

RowsByForm = dict[str, list[int]]
TypedColumn = tuple[pa.Array, RowsByForm]


def usual_column(values: Sequence[Any], wanted: FeatureType, single: bool, exact: bool) -> TypedColumn | None:
    """The column where all rows have values of the usual types, which is nearly always so; else None."""
    kinds = set(map(type, values)) - NOTHING
    if kinds == {list}:
        return _usual_lists(values, wanted, single, exact)
    if kinds in ({Exact}, {OfExample}):
        # Where an int is no float, those that have one are left to `column_of_any_values`.
        return _usual_lists(values, wanted, single=False, exact=True, mixed=kinds == {Exact})
    if not kinds <= _PLAIN[wanted]:
        return None
    present = np.fromiter((v is not None and v is not ABSENT for v in values), bool, len(values))
    present_values = (
        list(values) if present.all() else [v for v in values if v is not None and v is not ABSENT]
    )
    flat = _flat(present_values, kinds, wanted, exact)
    if flat is None:
        return None
    rows_by_form = {} if single else {"scalar": np.flatnonzero(present).tolist()}
    rows_by_form |= _nulls(values) | _ints_for_floats(present_values, kinds, wanted, np.flatnonzero(present))
    return lists(flat, present.astype(np.int64), ~present), {
        form: rows for form, rows in rows_by_form.items() if rows
    }


def _usual_lists(
    values: Sequence[Any], wanted: FeatureType, single: bool, exact: bool, mixed: bool = True
) -> TypedColumn | None:
    present_lists = [value for value in values if value is not None and value is not ABSENT]
    null = np.fromiter((v is None or v is ABSENT for v in values), bool, len(values))
    lengths = np.zeros(len(values), np.int64)
    lengths[~null] = np.fromiter(map(len, present_lists), np.int64, len(present_lists))
    present_values = list(itertools.chain.from_iterable(present_lists))
    kinds = set(map(type, present_values))
    usual = kinds <= _PLAIN[wanted] and (mixed or wanted is not FeatureType.FLOAT or int not in kinds)
    flat = _flat(present_values, kinds, wanted, exact) if usual else None
    if flat is None:
        return None
    of_length = {
        "list_of_one": lengths == 1,
        "list_for_scalar": lengths > 1,
        "empty_list": ~null & (lengths == 0),
    }
    rows_by_form = {form: np.flatnonzero(rows).tolist() for form, rows in of_length.items()} if single else {}
    rows_by_form |= _nulls(values)
    rows_by_form |= _ints_for_floats(
        present_values, kinds, wanted, np.repeat(np.arange(len(values)), lengths)
    )
    return lists(flat, lengths, null), {form: rows for form, rows in rows_by_form.items() if rows}


def _nulls(values: Sequence[Any]) -> RowsByForm:
    return {"null": [row for row, value in enumerate(values) if value is None]} if None in values else {}


def _ints_for_floats(
    present_values: Sequence[Any], kinds: set[type], wanted: FeatureType, row_of: Array
) -> RowsByForm:
    """The rows with a whole number for a float."""
    if wanted is not FeatureType.FLOAT or int not in kinds:
        return {}
    is_int = np.fromiter((type(value) is int for value in present_values), bool, len(present_values))
    return {"whole_number": np.unique(row_of[is_int]).tolist()}


def _flat(values: list[Any], kinds: set[type], wanted: FeatureType, exact: bool) -> pa.Array | None:
    """Values of the usual types as an array; None where one of them needs more care."""
    try:
        if wanted is FeatureType.BYTES:
            return _plain_bytes(values, kinds, exact)
        array = np.array(values, np.int64 if wanted is FeatureType.INT else np.float64)
    except (OverflowError, ValueError):
        return None
    if wanted is FeatureType.INT:
        return pa.array(array)
    # A NaN is in no range.
    usual = (np.abs(array) <= LARGEST_FLOAT32) | (np.isnan(array) if exact else False)
    return pa.array(array.astype(np.float32)) if usual.all() else None


def _plain_bytes(values: list[Any], kinds: set[type], exact: bool) -> pa.Array | None:
    if len(kinds) > 1 or (not exact and ("" in values or b"" in values)):
        return None
    if kinds == {bytes}:
        return pa.array(values, pa.large_binary())
    return pa.array(values, pa.large_string()).cast(pa.large_binary())


_PLAIN: dict[FeatureType, set[type]] = {
    FeatureType.INT: {int},
    FeatureType.FLOAT: {float, int},
    FeatureType.BYTES: {str, bytes},
}
