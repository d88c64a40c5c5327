"""The long table of all windows, as Arrow."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Iterable, Mapping
from typing import Any

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Window
from trueserve.transforms.history.rows import Row, rows_of, window_of

_TIME = pa.timestamp("us", tz="UTC")
_FIGURES = ("slice", "space", "feature", "metric", "value", "limit", "severity", "incident")
#: The columns, in their order. `window` is an interval as ISO 8601 writes it; `..` stands for no bound.
SCHEMA = pa.schema(
    [
        pa.field("window", pa.string(), nullable=False),
        pa.field("slice", pa.string()),
        pa.field("space", pa.string(), nullable=False),
        pa.field("feature", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("limit", pa.float64()),
        pa.field("severity", pa.string()),
        pa.field("incident", pa.string()),
        pa.field("window_start", _TIME),
        pa.field("window_end", _TIME),
    ]
)


def table(documents: Iterable[Mapping[str, Any]]) -> pa.Table:
    """The table of several verdicts, one for each window.

    Args:
      documents: contents of verdict.json.

    Returns:
      The columns of SCHEMA; the windows in the order of `documents`, a row for each figure. (window, slice,
      space, feature, metric) is unique within a document.

    Raises:
      ValueError: a document is not what `validate` writes.
    """
    return pa.concat_tables([SCHEMA.empty_table(), *map(_of_window, documents)])


def window_name(window: Window) -> str:
    """`2013-07-14T00:00:00Z/2013-07-15T00:00:00Z`, with `..` for no bound."""
    return f"{_bound(window.start)}/{_bound(window.end)}"


def _bound(moment: dt.datetime | None) -> str:
    return ".." if moment is None else moment.isoformat().replace("+00:00", "Z")


def _of_window(document: Mapping[str, Any]) -> pa.Table:
    window, rows = window_of(document), rows_of(document)
    columns: dict[str, list[Any]] = {name: _column(rows, name) for name in _FIGURES}
    columns["window"] = [window_name(window)] * len(rows)
    columns["window_start"] = [window.start] * len(rows)
    columns["window_end"] = [window.end] * len(rows)
    return pa.table({field.name: columns[field.name] for field in SCHEMA}, SCHEMA)


def _column(rows: Iterable[Row], name: str) -> list[Any]:
    return list(map(operator.attrgetter(name), rows))
