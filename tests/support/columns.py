"""A schema of three features, and the columns of values of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trueserve.transforms.logs.columns.values import typed_columns
from trueserve.transforms.logs.features import LISTS, Expected, FeatureType

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
