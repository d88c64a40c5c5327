"""What separates the values of a CSV file, told by its first rows, and the decimal comma with it."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence

from transforms.core.arrow import pa, pc

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

    It cuts the header in two or more, and nearly all rows in as many. Of several that of most columns is
    taken, the comma before others.
    """
    fitting = {separator: _columns(text, separator) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda separator: fitting[separator])


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


def _columns(text: str, separator: str) -> int:
    """Into how many columns a separator cuts; 1 where it does not cut all rows alike."""
    if separator not in text.split("\n", 1)[0]:
        return 1
    try:
        header, *rows = first_rows(text, separator) or [[]]
    except csv.Error:
        return 1
    alike = sum(len(row) == len(header) for row in rows)
    return len(header) if header and alike >= _LEAST_SHARE * len(rows) else 1


def is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of these rows has names: in a file without a header its values come again below.

    A row that is the header again, as in files put together, is left out. So are the values of one column
    alone, which may have been named by one of them.
    """
    names, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0]) and row != rows[0]]
    columns = list(zip(*below, strict=True)) or [()] * len(names)
    again = [name for name, column in zip(names, columns, strict=True) if name and column.count(name) > 1]
    texts = [name for name in again if name.strip("0123456789") != ""]
    return len(texts) < _LEAST_TEXTS and not (texts and len(again) == len(names))
