"""The long table of all windows, as text: for people, as CSV, and as JSON."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.publish import formatting

Row = Mapping[str, Any]

_COLUMNS = ("window", "slice", "space", "feature", "metric", "value", "limit", "severity", "incident")
_NUMBERS = ("value", "limit")
#: Widths that these columns keep at least where the terminal is narrow.
_LEAST = 6
_GAP = "  "
_LONGEST = 100_000
# What makes a spreadsheet take a cell for a formula. Some of them take `;` for the end of a cell.
_FORMULA = re.compile(r"(^|[;|])(\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


def text_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    """The rows for people, `width` characters wide at most where the columns can be as narrow."""
    cells = [list(_COLUMNS), *([_cell(row, name) for name in _COLUMNS] for row in rows)]
    shown = [at for at in range(len(_COLUMNS)) if any(line[at] for line in cells[1:])]
    widths = _fitted([max(len(line[at]) for line in cells) for at in shown], width)
    for line in cells:
        yield _line([line[at] for at in shown], [_COLUMNS[at] for at in shown], widths)


def csv_lines(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[str]:
    """Lines of CSV, its header first; what a spreadsheet would take for a formula has a `'` before it."""
    yield _csv(columns)
    for row in rows:
        yield _csv([_csv_cell(row[name]) for name in columns])


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Lines of one JSON array, each row an object in a line of its own; ASCII alone."""
    before = "["
    for row in rows:
        yield before + json.dumps({name: _json_value(value) for name, value in row.items()})
        before = ","
    yield "]" if before == "," else "[]"


def _cell(row: Row, name: str) -> str:
    value = row[name]
    if value is None:
        return ""
    if name == "window":
        bounds = {"start": _iso(row["window_start"]), "end": _iso(row["window_end"])}
        return formatting.window(bounds).removesuffix(", UTC")
    if name in _NUMBERS:
        return formatting.number(value)
    return formatting.name(value) if name == "feature" else formatting.visible(value)


def _iso(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _fitted(widths: Sequence[int], width: int) -> list[int]:
    """The widths, of which the widest give way first."""
    fitted = list(widths)
    available = max(width - len(_GAP) * (len(fitted) - 1), _LEAST * len(fitted))
    while sum(fitted) > available:
        widest = max(range(len(fitted)), key=fitted.__getitem__)
        if fitted[widest] <= _LEAST:
            break
        fitted[widest] -= 1
    return fitted


def _line(cells: Sequence[str], names: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        _padded(formatting.shorten(cell, size), name, size)
        for cell, name, size in zip(cells, names, widths, strict=True)
    ]
    return _GAP.join(padded).rstrip()


def _padded(cell: str, name: str, size: int) -> str:
    return cell.rjust(size) if name in _NUMBERS else cell.ljust(size)


def _csv(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return _FORMULA.sub(r"\1\2'", formatting.visible(value, _LONGEST))


def _json_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value
