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
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.accounting import MORE_UNKNOWN, UNKNOWN_FEATURE, UNREAD_TIME
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.columns.any_values import column_of_any_values
from trueserve.transforms.logs.columns.row_values import ABSENT, leaves, values_of_rows
from trueserve.transforms.logs.columns.usual_values import TypedColumn, usual_column
from trueserve.transforms.logs.features import LISTS, Array, Column, Expected, FeatureType
from trueserve.transforms.logs.request import Exact
from trueserve.transforms.logs.rows.parse_time import micros_of
from trueserve.transforms.logs.rows.times import text_of_version
from trueserve.transforms.logs.tensors.tensor_columns import PRESENT

Forms = Mapping[tuple[str, str], Array]

# Names of unknown features come from strangers; those beyond are counted together, as in `accounting`.
MOST_NAMES = 10_000
_LONGEST_NAME = 1000


def typed_columns(
    instances: Sequence[Mapping[str, Any]],
    expected: Expected,
    also: str | None = None,
    version: str | None = None,
    *,
    exact: bool = False,
    missing_values: frozenset[str] = frozenset(),
) -> tuple[list[Column], Forms]:
    """Columns of all features that occur, and for (feature, form) the rows that came in that form.

    Args:
      instances: one mapping from feature to value a row (see `request.Request`).
      expected: the schema's features; others are counted as `unknown_feature`, and no values of them kept.
      also: the feature that holds the time; where the schema does not know it, its column has microseconds
        since 1970.
      version: likewise the feature that holds the version; its column has texts.
      exact: see `request.Request`.
      missing_values: texts that mean that there is no number.
    """
    names = dict.fromkeys(itertools.chain.from_iterable(instances))
    known = [name for name in names if name in expected.types]
    masks = {name + PRESENT for name in known} & (names.keys() - expected.types.keys())
    columns: list[Column] = []
    forms: dict[tuple[str, str], Array] = {}
    for name in known:
        values = values_of_rows(instances, name, name + PRESENT if name + PRESENT in masks else None)
        single, fixed = name in expected.single, name in expected.fixed
        column, column_forms = _column(
            values, expected.types[name], single, fixed, exact=exact, missing_values=missing_values
        )
        columns.append((name, column))
        forms |= {(name, form): np.array(rows, np.int64) for form, rows in column_forms.items()}
    if also in names and also not in expected.types:
        column, unread = _time_column(values_of_rows(instances, also, None))
        columns.append((also, column))
        forms |= {(also, UNREAD_TIME): unread} if len(unread) else {}
    if version in names and version not in expected.types:
        columns.append((version, _version_column(values_of_rows(instances, version, None))))
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


def _column(
    values: Sequence[Any],
    wanted: FeatureType,
    single: bool,
    fixed: bool,
    *,
    exact: bool,
    missing_values: frozenset[str],
) -> TypedColumn:
    return usual_column(values, wanted, single, exact) or column_of_any_values(
        values, wanted, single, fixed, exact=exact, missing_values=missing_values
    )


def _time_column(values: Sequence[Any]) -> tuple[pa.Array, Array]:
    """The time of each row in microseconds since 1970, of its first value; rows where that is no time."""
    firsts = list(_first_values(values))
    micros = [micros_of(first) for first in firsts]
    unread = [
        row for row, time in enumerate(micros) if time is None and firsts[row] not in (None, "", ABSENT)
    ]
    column = pa.array([None if time is None else [time] for time in micros], LISTS[FeatureType.INT])
    return column, np.array(unread, np.int64)


def _version_column(values: Sequence[Any]) -> pa.Array:
    """The version in each row, of its first value, as UTF-8; null where that names none."""
    texts = [text_of_version(first) for first in _first_values(values)]
    return pa.array([None if text is None else [text.encode()] for text in texts], LISTS[FeatureType.BYTES])


def _first_values(values: Sequence[Any]) -> Iterator[Any]:
    return (next(leaves(value), None) if isinstance(value, list | tuple) else value for value in values)
