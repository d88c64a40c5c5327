"""Values as JSON and its like have them, to columns of the schema's types, with the forms they came in.

JSON has no int, float and bytes apart, and clients write what their language makes easy. A value is taken for
what the schema says wherever nothing of it is lost; the form is counted, so that what is foreign to a format
is seen and neither fails the record nor vanishes. A value that cannot be what the schema says is left out as
missing, and counted under a form `<came>_for_<expected>`, as in every other format.

Missing is what it is in dense tensors: NaN, empty bytes, and what `NAME/present` says for NAME. In a list
whose positions mean something (a fixed shape) such a value keeps its place, unless it is all that there is.
Of tables and tf.Examples all values are kept (`request.Request.exact`, `request.Exact`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from transforms.core.accounting import MORE_UNKNOWN, UNKNOWN_FEATURE
from transforms.core.arrow import pa
from transforms.logs.columns.conversions import LARGEST_FLOAT32, convert, convert_exactly, is_loss
from transforms.logs.features import LISTS, VALUES, Array, Column, Expected, FeatureType, lists
from transforms.logs.request import Exact, OfExample
from transforms.logs.rows.parse_time import micros_of
from transforms.logs.rows.times import text_of_version
from transforms.logs.tensors.tensor_columns import PRESENT

Forms = Mapping[tuple[str, str], Array]

# Names of unknown features come from strangers; those beyond are counted together, as in `accounting`.
MOST_NAMES = 10_000
_LONGEST_NAME = 1000


class _Absent:
    """Where a row has no such feature."""


_ABSENT = _Absent()
_NOTHING = frozenset({type(None), _Absent})
_RowsByForm = dict[str, list[int]]
_Typed = tuple[pa.Array, _RowsByForm]


def typed_columns(
    instances: Sequence[Mapping[str, Any]],
    expected: Expected,
    also: str | None = None,
    version: str | None = None,
    *,
    exact: bool = False,
) -> tuple[list[Column], Forms]:
    """Columns of all features that occur, and for (feature, form) the rows that came in that form.

    Args:
      instances: one mapping from feature to value a row (see `request.Request`).
      expected: the schema's features; others are counted as `unknown_feature`, and no values of them kept.
      also: the feature that holds the time; where the schema does not know it, its column has microseconds
        since 1970.
      version: likewise the feature that holds the version; its column has texts.
      exact: see `request.Request`.
    """
    names = dict.fromkeys(itertools.chain.from_iterable(instances))
    known = [name for name in names if name in expected.types]
    masks = {name + PRESENT for name in known} & (names.keys() - expected.types.keys())
    columns: list[Column] = []
    forms: dict[tuple[str, str], Array] = {}
    for name in known:
        values = _values(instances, name, name + PRESENT if name + PRESENT in masks else None)
        single, fixed = name in expected.single, name in expected.fixed
        column, column_forms = _column(values, expected.types[name], single, fixed, exact)
        columns.append((name, column))
        forms |= {(name, form): np.array(rows, np.int64) for form, rows in column_forms.items()}
    if also in names and also not in expected.types:
        columns.append((also, _time_column(_values(instances, also, None))))
    if version in names and version not in expected.types:
        columns.append((version, _version_column(_values(instances, version, None))))
    unknown = names.keys() - expected.types.keys() - expected.elsewhere - {also, version}
    return columns, {**forms, **_unknown_features(instances, unknown, masks)}


def _unknown_features(instances: Sequence[Mapping[str, Any]], unknown: set[str], masks: set[str]) -> Forms:
    """The rows that have each feature that no schema knows; in one pass, as there may be very many."""
    rows_by_form: dict[tuple[str, str], list[int]] = {}
    if not unknown:
        return {}
    for row, instance in enumerate(instances):
        for name in instance.keys() & unknown:
            # A tf.Example has no masks.
            if isinstance(instance[name], Exact) or (instance[name] is not None and name not in masks):
                key = (_printable(name), UNKNOWN_FEATURE)
                key = key if key in rows_by_form or len(rows_by_form) < MOST_NAMES else MORE_UNKNOWN
                rows_by_form.setdefault(key, []).append(row)
    return {key: np.array(rows, np.int64) for key, rows in rows_by_form.items()}


def _printable(name: str) -> str:
    """A name that any file can hold: no surrogates, and no megabytes."""
    return name[:_LONGEST_NAME].encode("utf-8", "replace").decode("utf-8")


def _values(instances: Sequence[Mapping[str, Any]], name: str, mask: str | None) -> list[Any]:
    """The feature's value in every row, `_ABSENT` where the row has none or its mask says so."""
    values = [instance.get(name, _ABSENT) for instance in instances]
    if mask is None:
        return values
    flags = [instance.get(mask) for instance in instances]
    return [
        value
        if flag is None or isinstance(value, Exact) or isinstance(flag, Exact)
        else _apply_mask(flag, value)
        for value, flag in zip(values, flags, strict=True)
    ]


class _Masked(list[Any]):
    """A list of which some values are not there: those that are `_ABSENT`."""


def _apply_mask(mask: Any, value: Any) -> Any:
    """What is left of a value. A mask that does not fit says nothing, and its values would pass for real."""
    flags = list(_leaves(mask if isinstance(mask, list | tuple) else [mask]))
    if any(not isinstance(flag, int) for flag in flags):
        return _BAD_MASK
    if not isinstance(value, list | tuple):
        return (value if flags[0] else _ABSENT) if len(flags) == 1 else _BAD_MASK
    items = list(_leaves(value))
    if len(flags) not in (1, len(items)):
        return _BAD_MASK
    if all(flags):
        return value
    item_flags = flags * len(items) if len(flags) == 1 else flags
    return _Masked(item if flag else _ABSENT for item, flag in zip(items, item_flags, strict=True))


class _BadMask:
    """A value whose `NAME/present` does not fit it."""


_BAD_MASK = _BadMask()


def _column(values: Sequence[Any], wanted: FeatureType, single: bool, fixed: bool, exact: bool) -> _Typed:
    return _usual_column(values, wanted, single, exact) or column_of_any_values(
        values, wanted, single, fixed, exact
    )


def _usual_column(values: Sequence[Any], wanted: FeatureType, single: bool, exact: bool) -> _Typed | None:
    """The column where all rows have values of the usual types, which is nearly always so; else None."""
    kinds = set(map(type, values)) - _NOTHING
    if kinds == {list}:
        return _usual_lists(values, wanted, single, exact)
    if kinds in ({Exact}, {OfExample}):
        # Where an int is no float, those that have one are left to `column_of_any_values`.
        return _usual_lists(values, wanted, single=False, exact=True, mixed=kinds == {Exact})
    if not kinds <= _PLAIN[wanted]:
        return None
    present = np.fromiter((v is not None and v is not _ABSENT for v in values), bool, len(values))
    present_values = (
        list(values) if present.all() else [v for v in values if v is not None and v is not _ABSENT]
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
) -> _Typed | None:
    present_lists = [value for value in values if value is not None and value is not _ABSENT]
    null = np.fromiter((v is None or v is _ABSENT for v in values), bool, len(values))
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


def _nulls(values: Sequence[Any]) -> _RowsByForm:
    return {"null": [row for row, value in enumerate(values) if value is None]} if None in values else {}


def _ints_for_floats(
    present_values: Sequence[Any], kinds: set[type], wanted: FeatureType, row_of: Array
) -> _RowsByForm:
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


def column_of_any_values(
    values: Sequence[Any], wanted: FeatureType, single: bool, fixed: bool, exact: bool = False
) -> _Typed:
    """The column of any values whatever, and the rows by the forms they came in."""
    flat: list[Any] = []
    lengths = np.zeros(len(values), np.int64)
    null = np.zeros(len(values), bool)
    rows_by_form: _RowsByForm = {}
    for row, value in enumerate(values):
        kept, forms = _convert_row(value, wanted, single, fixed, exact)
        for form in sorted(forms):
            rows_by_form.setdefault(form, []).append(row)
        null[row] = kept is None
        if kept:
            flat.extend(kept)
            lengths[row] = len(kept)
    return lists(_array(flat, wanted), lengths, null), rows_by_form


def _array(values: list[Any], wanted: FeatureType) -> pa.Array:
    if wanted is not FeatureType.FLOAT:
        return pa.array(values, VALUES[wanted])
    with np.errstate(over="ignore"):
        return pa.array(np.array(values, np.float64).astype(np.float32))


def _convert_row(
    value: Any, wanted: FeatureType, single: bool, fixed: bool, exact: bool
) -> tuple[list[Any] | None, set[str]]:
    """The values of a row, None for a missing one, and the forms they came in."""
    if value is _ABSENT:
        return None, set()
    if value is _BAD_MASK:
        return None, {f"bad_mask_for_{wanted}"}
    if isinstance(value, OfExample):
        kind = _OF_EXAMPLE[type(value[0])] if value else wanted
        return (value, set()) if kind is wanted else (None, {f"{kind}_for_{wanted}"})
    converting = convert_exactly if exact or isinstance(value, Exact) else convert
    if not isinstance(value, list | tuple):
        kept, forms = converting(value, wanted)
        counted = {*forms} if single or value is None else {*forms, "scalar"}
        return None if kept is None else [kept], counted
    items = list(_leaves(value))
    converted = [(None, ()) if item is _ABSENT else converting(item, wanted) for item in items]
    item_forms = {form for _, forms in converted for form in forms}
    if single and not isinstance(value, Exact):
        item_forms.add(_SIZES.get(len(items), "list_for_scalar"))
    refused = any(map(is_loss, item_forms))
    return None if refused else _without_missing([kept for kept, _ in converted], wanted, fixed), item_forms


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


def _leaves(value: Sequence[Any]) -> Iterator[Any]:
    """The values of nested lists in order, however deep: this needs no stack."""
    waiting = [iter(value)]
    while waiting:
        for item in waiting[-1]:
            if isinstance(item, list | tuple):
                waiting.append(iter(item))
                break
            yield item
        else:
            waiting.pop()


def _time_column(values: Sequence[Any]) -> pa.Array:
    """The time of each row in microseconds since 1970, of its first value; null where that is no time."""
    micros = [micros_of(first) for first in _first_values(values)]
    return pa.array([None if time is None else [time] for time in micros], LISTS[FeatureType.INT])


def _version_column(values: Sequence[Any]) -> pa.Array:
    """The version in each row, of its first value, as UTF-8; null where that names none."""
    texts = [text_of_version(first) for first in _first_values(values)]
    return pa.array([None if text is None else [text.encode()] for text in texts], LISTS[FeatureType.BYTES])


def _first_values(values: Sequence[Any]) -> Iterator[Any]:
    return (next(_leaves(value), None) if isinstance(value, list | tuple) else value for value in values)
