"""The forms in which a value may come and that are no finding, whatever their share of the rows."""

from __future__ import annotations

NORMAL_FORMS = frozenset(
    {"whole_number", "point_zero", "scalar", "list_of_one", "empty_list", "boolean", "nan", "empty"}
)
