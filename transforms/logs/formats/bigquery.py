"""Request logs in BigQuery tables, without Beam: the table's name, what is asked of it, its rows as records.

The window, the model and the version are pushed into the restriction, so that a run reads, and pays for, the
partitions and rows that it needs. What BigQuery leaves out is not read, and so is counted nowhere; rows
without a time are read and counted.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import json
import math
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.logs.columns.carried_values import plain_value
from trueserve.transforms.logs.features import FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.request import Carried

SCHEME = "bq://"
_TABLE = re.compile(
    r"(?P<project>(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{1,61})[.:]"
    r"(?P<dataset>\w{1,1024})\.(?P<table>[\w\- ]{1,1024})"
)
_EXPECTED = "bq://PROJECT.DATASET.TABLE, with ?model=NAME&version=V to choose among its rows"


@dataclasses.dataclass(frozen=True)
class _Columns:
    """Where a format has what a restriction needs, and what of a table is read at all."""

    time: str
    model: str
    version: str
    others: tuple[str, ...]
    answer: str

    def selected(self, responses: bool) -> list[str]:
        """The columns to read. The answers, which may be large, only where they are wanted."""
        names = [self.time, self.model, self.version, *self.others]
        return [*names, self.answer] if responses else names


_COLUMNS = {
    Format.AI_PLATFORM: _Columns("time", "model", "model_version", ("raw_data",), "raw_prediction"),
    Format.VERTEX: _Columns(
        "logging_time",
        "endpoint",
        "deployed_model_id",
        ("request_id", "request_payload"),
        "response_payload",
    ),
}
#: The formats that are read from BigQuery.
FORMATS = (*_COLUMNS, Format.TABLE)


@dataclasses.dataclass(frozen=True)
class BigQueryTable:
    """A table, and which of its rows are wanted.

    Attributes:
      model, version: only rows with these values; None for all. In the log of a Vertex endpoint they are
        `endpoint` and `deployed_model_id`; a plain table has no model, and its version is in
        `Settings.version_feature`.
      time_type: the type of a plain table's time column, TIMESTAMP or DATETIME; `none` where it is another
        one, and then all times are read.
    """

    project: str
    dataset: str
    table: str
    model: str | None = None
    version: str | None = None
    time_type: str = "TIMESTAMP"

    def __str__(self) -> str:
        return f"{SCHEME}{self.project}.{self.dataset}.{self.table}"


def is_table(text: str) -> bool:
    """Whether `--logs` names a BigQuery table."""
    return text.startswith(SCHEME)


def parse_table(text: str) -> BigQueryTable:
    """The table that `bq://project.dataset.table` names; `project:dataset.table` is taken, too.

    Raises UsageError for what is no such name, or asks for what there is not.
    """
    name, _, query = text.removeprefix(SCHEME).partition("?")
    match = _TABLE.fullmatch(name)
    if match is None:
        raise UsageError(f"--logs: expected {_EXPECTED}, got {text!r}")
    parameters = _query_parameters(query)
    if unknown := [
        key for key, value in parameters if key not in ("model", "version", "time_type") or not value
    ]:
        raise UsageError(f"--logs: expected {_EXPECTED}; got {unknown[0]!r}")
    table = BigQueryTable(**match.groupdict(), **dict(parameters))
    if table.time_type not in _LITERALS:
        raise UsageError(f"--logs: time_type is one of {', '.join(_LITERALS)}; got {table.time_type!r}")
    return table


def _query_parameters(query: str) -> list[tuple[str, str]]:
    """The names and values after the question mark; `%26` in a value is `&`, and `+` is itself."""
    pairs = [part.partition("=") for part in query.split("&")] if query else []
    return [(name, urllib.parse.unquote(value)) for name, _, value in pairs]


def check_format(name: str) -> Format:
    """The format of a table's rows. Raises UsageError for `auto`, as nothing is read beforehand."""
    if name not in FORMATS:
        raise UsageError(f"--logs={SCHEME}...: say --format, one of {', '.join(FORMATS)}; got {name!r}")
    return Format(name)


def selected_fields(file_format: Format, settings: Settings) -> list[str] | None:
    """The columns to read; None for all, as unknown columns of a plain table are counted."""
    columns = _COLUMNS.get(file_format)
    return None if columns is None else columns.selected(settings.responses)


def row_restriction(table: BigQueryTable, file_format: Format, settings: Settings) -> str | None:
    """What follows WHERE, in GoogleSQL; None where all rows are wanted. Raises UsageError.

    Times are UTC, and the window is half-open as everywhere. A time inside a body cannot be asked for:
    with `Settings.time_feature` the window of an `ai_platform` or `vertex` log is not pushed down.
    """
    columns = _COLUMNS.get(file_format)
    if columns is None:
        # The type of such a column is not known.
        version = settings.version_feature and f"CAST({_name(settings.version_feature)} AS STRING)"
        time, kind, model = _named_time(settings), table.time_type, None
    else:
        time, kind = None if _named_time(settings) else columns.time, "TIMESTAMP"
        model, version = _name(columns.model), _name(columns.version)
    terms = [
        "" if time is None else _window_clause(time, kind, settings),
        _equals_clause("model", model, table.model),
        _equals_clause("version", version, table.version),
    ]
    return " AND ".join(filter(None, terms)) or None


def _named_time(settings: Settings) -> str | None:
    """The feature that holds the time if somebody has named it for this log."""
    return None if settings.log_time_first else settings.time_feature


def _equals_clause(parameter: str, column: str | None, value: str | None) -> str:
    if value is None:
        return ""
    if column is None:
        raise UsageError(f"--logs: {parameter}={value!r} asks for a column, and it is not known which")
    return f"{column} = {_text(value)}"


def _window_clause(column: str, kind: str, settings: Settings) -> str:
    """The restriction to the window; rows without a time come through, to be counted."""
    window, name, literal = settings.window, _name(column), _LITERALS[kind]
    if not window.bounded or literal is None:
        return ""
    terms = [
        f"{name} {sign} {literal.format(time.astimezone(dt.UTC))}"
        for sign, time in ((">=", window.start), ("<", window.end))
        if time is not None
    ]
    return f"({' AND '.join(terms)} OR {name} IS NULL)"


_LITERALS = {
    "TIMESTAMP": "TIMESTAMP '{:%Y-%m-%d %H:%M:%S.%f}+00:00'",
    "DATETIME": "DATETIME '{:%Y-%m-%d %H:%M:%S.%f}'",
    "none": None,
}


def _name(column: str) -> str:
    """A column's name in backquotes; names that would need escapes there are none in BigQuery."""
    if not column or any(not (c.isalnum() or c in "_ -") for c in column):
        raise UsageError(f"{column!r} is no name of a BigQuery column")
    return f"`{column}`"


def _text(value: str) -> str:
    """A string literal that holds any text and ends where it should."""
    plain = (c if c.isascii() and (c.isalnum() or c in "_-. :/") else f"\\U{ord(c):08x}" for c in value)
    return f"'{''.join(plain)}'"


def record_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as Beam's connector gives it, as the record that a format's parser takes.

    Times become texts, as in every carrier of tables (`columns.carried_values`), NUMERICs ints where they are
    whole and floats where not; bytes stay bytes.
    A NULL is a column that is not there: in a table that is what missing looks like.
    """
    return {name: _json_value(value) for name, value in row.items() if value is not None}


def carried(row: Mapping[str, Any], with_payload: bool) -> Carried:
    """A row for a decoder; its payload, if wanted, is JSON that is the same in every run."""
    record = record_of(row)
    payload = json.dumps(record, sort_keys=True, default=_described).encode() if with_payload else b""
    return Carried(record, payload)


def _json_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _json_value(item) for name, item in value.items()}
    if isinstance(value, dt.date | dt.time):
        return plain_value(value, FeatureType.BYTES)
    if isinstance(value, decimal.Decimal):
        return _number(value)
    return value


def _number(value: decimal.Decimal) -> int | float:
    """A NUMERIC as a number; its type has no NaN, and no more than 77 digits."""
    if value.is_nan():
        return math.nan
    is_integer = value.is_finite() and value.adjusted() < 80 and value == value.to_integral_value()
    return int(value) if is_integer else float(value)


def _described(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
