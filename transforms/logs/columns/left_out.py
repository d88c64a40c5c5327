"""The values that a conversion leaves out since they are of another type, in a column of that type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.logs.columns.any_values import array_of
from trueserve.transforms.logs.columns.row_values import ABSENT, leaves
from trueserve.transforms.logs.features import Array, Column, Expected, FeatureType, lists
from trueserve.transforms.logs.tensors.tensor_columns import PRESENT

Forms = Mapping[tuple[str, str], Array]


def left_out_columns(
    instances: Sequence[Mapping[str, Any]], forms: Forms, expected: Expected
) -> tuple[list[Column], Forms]:
    """A second column of each feature with values of another type, and the forms that it does not show.

    `features.conform` counts the rows of such a column by itself.
    """
    columns: list[Column] = []
    kept = dict(forms)
    for name, form in forms:
        kind = _KINDS.get(form.partition(f"_for_{expected.types.get(name)}")[0])
        if kind is None:
            continue
        rows = forms[name, form]
        if any(name + PRESENT in instances[row] for row in rows):
            continue  # some of the values may not be there
        values = [instances[row].get(name, ABSENT) for row in rows]
        column, others = left_out_column(values, rows, kind, len(instances))
        columns.append((name, column))
        kept[name, form] = others
    return columns, kept


def left_out_column(
    values: Sequence[Any], rows: Array, kind: FeatureType, num_rows: int
) -> tuple[pa.Array, Array]:
    """The values of these rows in a column of `num_rows`, and the rows whose values are no `kind` at all."""
    flat: list[Any] = []
    lengths, others = np.zeros(num_rows, np.int64), []
    for row, value in zip(rows.tolist(), values, strict=True):
        items = list(leaves(value)) if isinstance(value, list | tuple) else [value]
        of_kind = [_OF_KIND[kind](item) for item in items]
        if None in of_kind:
            others.append(row)
            continue
        flat += of_kind
        lengths[row] = len(items)
    return lists(array_of(flat, kind), lengths, lengths == 0), np.array(others, np.int64)


def _float(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


_KINDS = {kind.value: kind for kind in FeatureType}
_OF_KIND: dict[FeatureType, Callable[[Any], Any]] = {
    FeatureType.FLOAT: _float,
    FeatureType.INT: lambda value: value if type(value) is int else None,
    FeatureType.BYTES: lambda value: value if isinstance(value, bytes) else None,
}
