"""Bodies of CSV to rows: named by a header line if there is a first line that is one, else by `--columns`."""

from __future__ import annotations

import csv
import io
from collections.abc import Container, Mapping, Sequence, Set

from trueserve.transforms.logs.bodies.body_values import number_of_text
from trueserve.transforms.logs.bodies.row_checks import Row, checked_rows, no_names
from trueserve.transforms.logs.features import FeatureType
from trueserve.transforms.logs.request import BadRecordError, MissingText


def csv_rows(
    text: str,
    names: Sequence[str],
    known: Set[str],
    types: Mapping[str, FeatureType],
    missing_values: Container[str] = (),
) -> Sequence[Row]:
    """Rows of a body, its values named by its header, else by `names`. Empty values are missing.

    Those that are one of `missing_values` are, too; where `types` has the feature, to be counted.

    A first line that has all of `names` is a header, in its own order, maybe with more columns. Without
    `names` it is one if all that it has is `known`. Text that is a number is one where `types` has numbers.
    Raises BadRecordError: `no_names`, `bad_csv_row`, `no_instances`, `too_many_instances`.
    """
    rows = _parsed(text.removeprefix("\ufeff"), names)
    header = _header(rows[0], names, known) if rows else None
    if header is None and not names:
        raise no_names()
    source = "--columns" if header is None else "the header"
    columns = names if header is None else header
    cells = checked_rows(rows if header is None else rows[1:], "rows")
    return [_row(row, columns, types, source, missing_values) for row in cells]


def _parsed(text: str, names: Sequence[str]) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        raise BadRecordError("bad_csv_row", "the body does not parse as CSV") from None
    # Of one column, an empty line is a row without a value.
    return [row or [""] for row in rows if row or len(names) == 1]


def _header(cells: Sequence[str], names: Sequence[str], known: Container[str]) -> list[str] | None:
    """The names in a first line; None for a line of values."""
    header = [cell.strip() for cell in cells]
    if len(set(header)) < len(header):
        return None
    is_header = set(names) <= set(header) if names else all(name in known for name in header)
    return header if is_header else None


def _row(
    cells: Sequence[str],
    columns: Sequence[str],
    types: Mapping[str, FeatureType],
    source: str,
    missing_values: Container[str],
) -> dict[str, str | int | float]:
    if len(cells) != len(columns):
        detail = f"expected {len(columns)} values, as {source} has; a row has {len(cells)}"
        raise BadRecordError("bad_csv_row", detail)
    named = ((name, cell) for name, cell in zip(columns, cells, strict=True) if name and cell)
    return {
        name: MissingText(cell) if cell in missing_values else number_of_text(cell, types.get(name))
        for name, cell in named
        if name in types or cell not in missing_values
    }
