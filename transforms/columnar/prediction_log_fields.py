"""The fields of a PredictionLog by number, as a table that compiled code walks: kind, inner message, note.

Fields that the table does not have are for another parser.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# How a field is written. A field of bytes, text or a list may come again where its rule is repeated.
NONE, VARINT, FIXED32, FIXED64, OPAQUE, TEXT, MESSAGE = range(7)
PACKED_VARINTS, PACKED_FIXED32, PACKED_FIXED64 = range(7, 10)
REPEATED = 16

# What is noted of a record: numbers, and the start and end of texts. Each of the three specs of a model (of
# the response, the request, the log) has four notes.
NAME, VERSION, LABEL, SIGNATURE = range(4)
SPECS = 3
SECONDS, INPUT, INPUTS, DTYPE, DIMS, SIZE, STRINGS, PREDICT = range(4 * SPECS, 4 * SPECS + 8)
RATE, ORIGIN, ANSWER, LABELLED, LISTED = range(4 * SPECS + 8, 4 * SPECS + 13)
NOTES = 4 * SPECS + 13

MOST_FIELDS = 18


def _spec(index: int) -> dict[int, tuple[int, Any, int]]:
    """tensorflow.serving.ModelSpec."""
    version = {1: (VARINT, None, 4 * index + VERSION)}
    return {
        1: (TEXT, None, 4 * index + NAME),
        2: (MESSAGE, version, 4 * index + VERSION),
        3: (TEXT, None, 4 * index + SIGNATURE),
        4: (TEXT, None, 4 * index + LABEL),
    }


def _rule(kind: int, message: Any = None, note: int = -1) -> tuple[int, Any, int]:
    return kind, message, note


_ANY_SHAPE = {
    2: _rule(MESSAGE | REPEATED, {1: _rule(VARINT), 2: _rule(TEXT)}),
    3: _rule(VARINT),
}
_ANY_TENSOR = {
    1: _rule(VARINT),
    2: _rule(MESSAGE, _ANY_SHAPE),
    3: _rule(VARINT),
    4: _rule(OPAQUE),
    5: _rule(PACKED_FIXED32 | REPEATED),
    6: _rule(PACKED_FIXED64 | REPEATED),
    7: _rule(PACKED_VARINTS | REPEATED),
    8: _rule(OPAQUE | REPEATED),
    10: _rule(PACKED_VARINTS | REPEATED),
    11: _rule(PACKED_VARINTS | REPEATED),
    13: _rule(PACKED_VARINTS | REPEATED),
    16: _rule(PACKED_VARINTS | REPEATED),
    17: _rule(PACKED_VARINTS | REPEATED),
}
_SHAPE = {2: _rule(MESSAGE | REPEATED, {1: _rule(VARINT, None, SIZE), 2: _rule(TEXT)}, DIMS)}
_TENSOR = {
    1: _rule(VARINT, None, DTYPE),
    2: _rule(MESSAGE, _SHAPE),
    3: _rule(VARINT),
    8: _rule(OPAQUE | REPEATED, None, STRINGS),
}
_REQUEST = {
    1: _rule(MESSAGE, _spec(1)),
    2: _rule(MESSAGE | REPEATED, {1: _rule(TEXT, None, INPUT), 2: _rule(MESSAGE, _TENSOR)}, INPUTS),
    3: _rule(TEXT | REPEATED),
    6: _rule(OPAQUE),
}
_RESPONSE = {
    1: _rule(MESSAGE | REPEATED, {1: _rule(TEXT), 2: _rule(MESSAGE, _ANY_TENSOR)}),
    2: _rule(MESSAGE, _spec(0)),
}
_METADATA = {
    1: _rule(MESSAGE, _spec(2)),
    2: _rule(MESSAGE, {1: _rule(FIXED64, None, RATE), 2: _rule(VARINT)}),
    3: _rule(TEXT | REPEATED),
    4: _rule(VARINT, None, SECONDS),
    5: _rule(TEXT),
    6: _rule(TEXT, None, ORIGIN),
    7: _rule(TEXT),
}
_PREDICT_LOG = {1: _rule(MESSAGE, _REQUEST), 2: _rule(MESSAGE, _RESPONSE, ANSWER)}
# Requests to classify and to regress have the same fields; so have their responses, but for the results.
_LIST = {1: _rule(MESSAGE, {1: _rule(OPAQUE | REPEATED, None, STRINGS)}, LISTED)}
_LABELLING = {1: _rule(MESSAGE, _spec(1)), 2: _rule(MESSAGE, _LIST)}
_CLASSES = {1: _rule(MESSAGE | REPEATED, {1: _rule(TEXT), 2: _rule(FIXED32)})}
_CLASSIFIED = {1: _rule(MESSAGE, {1: _rule(MESSAGE | REPEATED, _CLASSES)}), 2: _rule(MESSAGE, _spec(0))}
_REGRESSIONS = {1: _rule(MESSAGE | REPEATED, {1: _rule(FIXED32)})}
_REGRESSED = {1: _rule(MESSAGE, _REGRESSIONS), 2: _rule(MESSAGE, _spec(0))}
_PREDICTION_LOG = {
    1: _rule(MESSAGE, _METADATA),
    2: _rule(MESSAGE, {1: _rule(MESSAGE, _LABELLING), 2: _rule(MESSAGE, _CLASSIFIED)}, LABELLED),
    3: _rule(MESSAGE, {1: _rule(MESSAGE, _LABELLING), 2: _rule(MESSAGE, _REGRESSED)}, LABELLED),
    6: _rule(MESSAGE, _PREDICT_LOG, PREDICT),
}


def _tabled(message: dict[int, Any]) -> Array:
    """Rules by message and field: kind, the message inside, what to note; message 0 is the outermost."""
    messages, lines = [message], []
    for fields in messages:
        line = np.zeros((MOST_FIELDS, 3), np.int64)
        for number, (kind, inside, note) in fields.items():
            line[number] = kind, len(messages) if inside else 0, note
            messages += [inside] if inside else []
        lines.append(line)
    return np.stack(lines)


#: The rules of PredictionLog.
RULES = _tabled(_PREDICTION_LOG)
