"""Logged answers matched with a model's outputs: by name and size, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

#: Why a row could not be compared.
NO_RESPONSE = "no_response"
OTHER_SIGNATURE = "other_signature"
OTHER_NAMES = "other_names"
OTHER_SHAPE = "other_shape"
NOT_NUMBERS = "not_numbers"
NOT_TRANSFORMABLE = "not_transformable"

Array = np.ndarray[Any, Any]
_NUMBERS = "fiub"


class Matched(NamedTuple):
    """Answers in the order and the form of the model's outputs.

    Attributes:
      values: float64 [rows, width] by output, NaN in the rows that do not match.
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


def match(answers: Sequence[Any], widths: Mapping[str, int | None]) -> Matched:
    """Answers by the outputs of a model, of which each row has so many values (None: they are no numbers).

    An answer is an object with the very names of the outputs, in any order. Where both sides have exactly
    one output its name does not matter, and may be absent, as in TF Serving's `predictions`. However nested,
    an output's values are taken in their order. null is a number that JSON cannot write: not a finite one.
    """
    named = [_in_order(answer, list(widths)) for answer in answers]
    reasons = np.array([OTHER_NAMES if values is None else "" for values in named], object)
    here = np.flatnonzero(reasons == "")
    found = {name: np.full((len(answers), width or 0), np.nan) for name, width in widths.items()}
    for place, (name, width) in enumerate(widths.items()):
        column = [named[row][place] for row in here]
        found[name][here], why = _column(column, width)
        reasons[here] = np.where(reasons[here] == "", why, reasons[here])
    for values in found.values():
        values[reasons != ""] = np.nan
    return Matched(found, reasons)


def _in_order(answer: Any, names: Sequence[str]) -> list[Any] | None:
    if not isinstance(answer, dict):
        return [answer] if len(names) == 1 else None
    if answer.keys() == set(names):
        return [answer[name] for name in names]
    return list(answer.values()) if len(answer) == len(names) == 1 else None


def _column(column: Sequence[Any], width: int | None) -> tuple[Array, Array]:
    """One output's values, float64 [rows, width], and the reason of each row that has none."""
    if width is None:
        return np.empty((len(column), 0)), np.full(len(column), NOT_NUMBERS, object)
    plain = _plain(column, width)
    if plain is not None:
        return plain, np.full(len(column), "", object)
    values, reasons = np.full((len(column), width), np.nan), np.full(len(column), "", object)
    for row, value in enumerate(column):
        numbers = _numbers(value)
        if numbers is None:
            reasons[row] = NOT_NUMBERS
        elif len(numbers) != width:
            reasons[row] = OTHER_SHAPE
        else:
            values[row] = numbers
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


def _numbers(value: Any) -> list[float] | None:
    """The numbers in nested lists, in their order; None where something else is among them."""
    found: list[float] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
            continue
        number = _number(one)
        if number is None:
            return None
        found.append(number)
    return found


def _number(value: Any) -> float | None:
    if value is None:
        return np.nan
    try:
        return float(value) if isinstance(value, bool | int | float) else None
    except OverflowError:
        return None
