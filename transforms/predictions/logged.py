"""Logged answers as columns of a model's outputs; rows that have none are null, and counted by reason."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.predictions.outputs import Output, OutputType, columns
from trueserve.transforms.replay import answers as matching
from trueserve.transforms.replay.answers import Array, Reader
from trueserve.transforms.replay.replay import logged_answers

#: Why a row has no prediction, beside the reasons of `transforms.replay.answers`.
NOT_WHOLE = "not_whole_numbers"
NOT_TEXT = "not_text"
#: Counted, too, though such a row has a prediction: a number in it is NaN, infinite, or null in the log.
NOT_FINITE = "not_finite"

_MOST = 2.0**63


def logged_columns(
    metadata: pa.RecordBatch, outputs: Sequence[Output]
) -> tuple[pa.RecordBatch, Counter[str]]:
    """The features of `outputs` (see `outputs.columns`) in as many rows, and how many rows by reason.

    Args:
      metadata: of a `Batch` that was read with `Settings.responses`.
      outputs: those of the model that is taken to have answered.
    """
    texts, reasons = logged_answers(metadata)
    at = np.flatnonzero(reasons == "")
    answers = matching.load(texts.take(pa.array(at)).to_pylist())
    widths = {output.name: output.width for output in outputs}
    matched = matching.match(answers, widths, {output.name: _reader(output) for output in outputs})
    reasons[at] = matched.reasons
    good = matched.reasons == ""
    values = {name: array[good] for name, array in matched.values.items()}
    counted = Counter(reason for reason in reasons.tolist() if reason)
    counted[NOT_FINITE] = _not_finite(values, outputs)
    return _in_rows(outputs, values, reasons == ""), +counted


def _in_rows(outputs: Sequence[Output], values: Mapping[str, Array], answered: Array) -> pa.RecordBatch:
    all_rows = {}
    for name, array in values.items():
        all_rows[name] = np.empty((len(answered), array.shape[1]), array.dtype)
        all_rows[name][answered] = array
    return columns(outputs, all_rows, answered)


def _not_finite(values: Mapping[str, Array], outputs: Sequence[Output]) -> int:
    """Rows in which a number is not finite."""
    floats = [values[output.name] for output in outputs if output.kind is OutputType.FLOAT and output.width]
    odd = [~np.isfinite(array).all(axis=1) for array in floats]
    return int(np.logical_or.reduce(odd).sum()) if odd else 0


def _reader(output: Output) -> Reader:
    if output.width is None:
        return _unread
    return {OutputType.FLOAT: matching.numbers, OutputType.INT: _whole_numbers, OutputType.TEXT: _texts}[
        output.kind
    ]


def _unread(column: Sequence[Any], _width: int | None) -> tuple[Array, Array]:
    """Of an output without a feature anything is taken."""
    return np.empty((len(column), 0)), np.full(len(column), "", object)


def _whole_numbers(column: Sequence[Any], width: int | None) -> tuple[Array, Array]:
    values, reasons = matching.numbers(column, width)
    with np.errstate(invalid="ignore"):
        is_whole = ((np.abs(values) < _MOST) & (values == np.floor(values))).all(axis=1)
    reasons[~is_whole & (reasons == "")] = NOT_WHOLE
    return values, reasons


def _texts(column: Sequence[Any], width: int | None) -> tuple[Array, Array]:
    values, reasons = np.full((len(column), width or 0), None, object), np.full(len(column), "", object)
    for row, value in enumerate(column):
        row_texts = matching.flat(value, _text)
        if row_texts is None:
            reasons[row] = NOT_TEXT
        elif len(row_texts) != width:
            reasons[row] = matching.OTHER_SHAPE
        else:
            values[row] = row_texts
    return values, reasons


def _text(value: Any) -> bytes | None:
    """The bytes of a text, or of {"b64": ...}, as logs write bytes that are no text."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    encoded = value.get("b64") if isinstance(value, dict) and len(value) == 1 else None
    try:
        return base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else None
    except (binascii.Error, ValueError):
        return None
