"""What separates the values of a CSV file, told by its first rows, and the decimal comma with it."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from trueserve.transforms.core.arrow import pa, pc

#: What is told by content, by what it is called.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SAMPLE = 64 << 10
_MOST_ROWS = 200
# Some rows may be damaged; they are rejects later.
_LEAST_SHARE = 0.9
# So many texts of a first line that come again below are no names.
_LEAST_TEXTS = 2
_DECIMAL_COMMA = r"^\s*[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?\s*$"


def separator_of(text: str) -> str:
    """What separates values in a file that begins so; a comma where nothing else is plain.

    It cuts the header in two or more, and nearly all rows in as many; or all but one of a few, where nothing
    fits better. Of several that of most columns is taken, the comma before others.
    """
    cuts = {separator: _cut(text, separator) for separator in SEPARATORS}
    for fits in (_fits, _fits_but_for_one):
        columns = {separator: cut.columns if fits(cut) else 1 for separator, cut in cuts.items()}
        if max(columns.values()) > 1:
            break
    return max(SEPARATORS, key=lambda separator: columns[separator])


def first_rows(text: str, separator: str) -> list[list[str]]:
    """The header and some rows after it, of which the last is left out as it may be cut."""
    sample = text[:_SAMPLE]
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    rows = list(itertools.islice((row for row in reader if row), _MOST_ROWS))
    return rows[:-1] if len(rows) > 1 and len(text) > _SAMPLE and len(rows) < _MOST_ROWS else rows


def with_decimal_points(values: pa.Array) -> pa.Array:
    """A binary column with `1.5` in place of `1,5`, as numbers are written where semicolons separate them."""
    if not pc.any(pc.match_substring(values, pattern=b",")).as_py():
        return values
    is_number = pc.fill_null(pc.match_substring_regex(values, pattern=_DECIMAL_COMMA), False)
    return pc.if_else(is_number, pc.replace_substring(values, pattern=b",", replacement=b"."), values)


class _Cut(NamedTuple):
    """Into how many columns a separator cuts the header, how many rows there are, and how many it cuts so."""

    columns: int
    rows: int = 0
    alike: int = 0


def _cut(text: str, separator: str) -> _Cut:
    if separator not in text.split("\n", 1)[0]:
        return _Cut(1)
    try:
        header, *rows = first_rows(text, separator) or [[]]
    except csv.Error:
        return _Cut(1)
    return _Cut(len(header) or 1, len(rows), sum(len(row) == len(header) for row in rows))


def _fits(cut: _Cut) -> bool:
    return cut.alike >= _LEAST_SHARE * cut.rows


def _fits_but_for_one(cut: _Cut) -> bool:
    """The row that is left out is a reject later."""
    return 0 < cut.alike >= cut.rows - 1


def is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of these rows has names: in a file without a header its values come again below.

    A row that is the header again, as in files put together, is left out. So are the values of one column
    alone, which may have been named by one of them, and columns that have their own names or nothing, as
    those of what is in a basket.
    """
    names, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0]) and row != rows[0]]
    columns = list(zip(*below, strict=True)) or [()] * len(names)
    own = {name for name, column in zip(names, columns, strict=True) if {*column} - {""} == {name}}
    if all("" not in column for name, column in zip(names, columns, strict=True) if name in own):
        # Values that are the same in every row are those of a file without a header.
        own = set()
    again = [
        name
        for name, column in zip(names, columns, strict=True)
        if name and name not in own and column.count(name) > 1
    ]
    texts = [name for name in again if name.strip("0123456789") != ""]
    return len(texts) < _LEAST_TEXTS and not (texts and len(again) == len(names))
