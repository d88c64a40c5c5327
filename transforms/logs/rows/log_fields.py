"""Fields of a log's records that say something about a request: names, versions, rates, answers."""

from __future__ import annotations

import decimal
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trueserve.transforms.logs.bodies import json_text
from trueserve.transforms.logs.bodies.v2_tensors import tensor_columns
from trueserve.transforms.logs.request import BadRecordError
from trueserve.transforms.logs.rows.parse_time import micros_of

_LARGEST = 10**40


def text_of(value: Any) -> str | None:
    """A name or number as text; None for empty text and for what is neither.

    Whole numbers have no point, whatever type a carrier gives them: 3.0 and Decimal("3.000") are `3`.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or None
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float | decimal.Decimal):
        return None
    if isinstance(value, decimal.Decimal) and value.is_nan():
        return None
    # A Decimal may have an exponent of a billion, an int more digits than Python writes; NaN is not within.
    if not -_LARGEST < value < _LARGEST:
        return None
    return str(int(value)) if value == int(value) else str(value)


def first_text(record: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The text of the first of those fields that has one."""
    return next((text for name in names if (text := text_of(record.get(name))) is not None), None)


def first_time(record: Mapping[str, Any], names: Iterable[str]) -> int | None:
    """The first of those fields that is a time, in microseconds since 1970, UTC."""
    return next((time for name in names if (time := micros_of(record.get(name))) is not None), None)


def rate_of(value: Any) -> float | None:
    """A sampling rate as a number; None for what is unset, which 0 is too, and NaN for what is no number.

    Whether it is a fraction is for the statistics to say, which count those that are none.
    """
    if value is None or value == "":
        return None
    try:
        return math.nan if isinstance(value, bool) else float(value) or None
    except (TypeError, ValueError, OverflowError):
        return math.nan


def answers_of(response: Any, rows: int) -> Sequence[Any] | None:
    """One answer for each of `rows` instances, from a response's body or the JSON text of one.

    They stand in rows (`predictions`, `results`, `result`) or in columns (`outputs`, also the tensors of the
    v2 protocol), which become a mapping for each row. None for an error, and where the number is another:
    nothing is guessed.
    """
    try:
        body = json_text.load(response) if isinstance(response, str | bytes) else response
        if not isinstance(body, Mapping):
            return None
        named = (body[key] for key in ("predictions", "outputs", "results", "result") if key in body)
        return _answers(next(named, None), rows)
    except BadRecordError:
        return None


def _answers(value: Any, rows: int) -> Sequence[Any] | None:
    if isinstance(value, list) and value and all(_is_tensor(tensor) for tensor in value):
        value = tensor_columns(value)
    if isinstance(value, Mapping):
        return _rows_of_columns(value, rows)
    return value if isinstance(value, list) and len(value) == rows else None


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and {"name", "shape", "datatype"} <= value.keys()


def _rows_of_columns(columns: Mapping[str, Any], rows: int) -> Sequence[Any] | None:
    if not columns or not all(
        isinstance(column, list) and len(column) == rows for column in columns.values()
    ):
        return None
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
