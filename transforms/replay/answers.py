"""Logged answers matched with a model's outputs: by name and size, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import orjson

#: Why a row could not be compared.
NO_RESPONSE = "no_response"
OTHER_SIGNATURE = "other_signature"
OTHER_NAMES = "other_names"
OTHER_SHAPE = "other_shape"
NOT_NUMBERS = "not_numbers"
NOT_TRANSFORMABLE = "not_transformable"

T = TypeVar("T")
Array = np.ndarray[Any, Any]
#: One output's values in some answers, and how many each is to have, to [rows, width], and the reason of each
#: row that has none, "" for the others.
Reader: TypeAlias = Callable[[Sequence[Any], int | None], tuple[Array, Array]]
_NUMBERS = "fiub"


class Matched(NamedTuple):
    """Answers in the order and the form of the model's outputs.

    Attributes:
      values: [rows, width] by output, as its reader gives them; NaN in the rows that do not match, None where
        the values are objects. Of a reader of numbers float64.
      reasons: object [rows]: why a row does not match, "" for one that does.
    """

    values: dict[str, Array]
    reasons: Array


def load(texts: Sequence[str]) -> list[Any]:
    """The answers in JSON texts, one each; what is no JSON is the empty text, which matches nothing."""
    try:
        answers = orjson.loads(f"[{','.join(texts)}]")
    except ValueError:
        answers = []
    return answers if len(answers) == len(texts) else [_loaded(text) for text in texts]


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ""


def match(
    answers: Sequence[Any], widths: Mapping[str, int | None], readers: Mapping[str, Reader] | None = None
) -> Matched:
    """Answers by the outputs of a model, of which each row has so many values (None: they are no numbers).

    An output is read as numbers unless there is another reader for it.

    An answer is an object with the very names of the outputs, in any order. Where both sides have exactly
    one output its name does not matter, and may be absent, as in TF Serving's `predictions`. However nested,
    an output's values are taken in their order. null is a number that JSON cannot write: not a finite one.
    """
    named = [_in_order(answer, list(widths)) for answer in answers]
    reasons = np.array([OTHER_NAMES if values is None else "" for values in named], object)
    here = np.flatnonzero(reasons == "")
    matched_values = {}
    for index, (name, width) in enumerate(widths.items()):
        column = [values[index] for values in (named[row] for row in here) if values is not None]
        read, why = (readers or {}).get(name, numbers)(column, width)
        matched_values[name] = _spread(read, here, len(answers))
        reasons[here] = np.where(reasons[here] == "", why, reasons[here])
    for values in matched_values.values():
        values[reasons != ""] = _nothing(values)
    return Matched(matched_values, reasons)


def _spread(values: Array, at: Array, rows: int) -> Array:
    """The values in the rows `at`, nothing in the others."""
    result = np.full((rows, values.shape[1]), _nothing(values), values.dtype)
    result[at] = values
    return result


def _nothing(values: Array) -> Any:
    return None if values.dtype == object else np.nan


def _in_order(answer: Any, names: Sequence[str]) -> list[Any] | None:
    if not isinstance(answer, dict) or (answer.keys() == {"b64"} and "b64" not in names):
        return [answer] if len(names) == 1 else None
    if answer.keys() == set(names):
        return [answer[name] for name in names]
    return list(answer.values()) if len(answer) == len(names) == 1 else None


def numbers(column: Sequence[Any], width: int | None) -> tuple[Array, Array]:
    """The `Reader` of numbers: float64; a width of None says that there are none."""
    if width is None:
        return np.empty((len(column), 0)), np.full(len(column), NOT_NUMBERS, object)
    plain = _plain(column, width)
    if plain is not None:
        return plain, np.full(len(column), "", object)
    values, reasons = np.full((len(column), width), np.nan), np.full(len(column), "", object)
    for row, value in enumerate(column):
        row_values = flat(value, _number)
        if row_values is None:
            reasons[row] = NOT_NUMBERS
        elif len(row_values) != width:
            reasons[row] = OTHER_SHAPE
        else:
            values[row] = row_values
    return values, reasons


def _plain(column: Sequence[Any], width: int) -> Array | None:
    """The usual case at once: numbers alone, as many in each row as are expected; None for any other."""
    try:
        values = np.array(column)
    except ValueError:
        return None
    if not len(column) or values.dtype.kind not in _NUMBERS or values.size != len(column) * width:
        return None
    return values.reshape(len(column), width).astype(np.float64)


def flat(value: Any, convert: Callable[[Any], T | None]) -> list[T] | None:
    """What stands in nested lists, in its order, converted; None where that gives None for something."""
    flattened: list[T] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
            continue
        converted = convert(item)
        if converted is None:
            return None
        flattened.append(converted)
    return flattened


def _number(value: Any) -> float | None:
    if value is None:
        return np.nan
    try:
        return float(value) if isinstance(value, bool | int | float) else None
    except OverflowError:
        return None
