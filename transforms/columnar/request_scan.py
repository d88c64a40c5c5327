"""Serialized PredictionLogs whose request carries tf.Examples: where these stand, and what is said of them.

A walk over the wire format by a table of the messages' fields. What is unusual is left to another parser:
fields that the table does not have, a second value where there can be one, lists of numbers that are not
packed; requests to predict with anything but one input of strings in a list, requests to classify or to
regress whose examples have a context, and requests of other kinds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from transforms.columnar.memory import load64
from transforms.columnar.names import NAMES, NO_ROOM, add_name, number_of
from transforms.columnar.utf8 import is_utf8
from transforms.columnar.wire import read_length, read_varint
from transforms.compiling.compiled import BYTES, LONGS, Int, compiled, helper

Array = np.ndarray[Any, Any]

# How a field is written. A field of bytes, text or a list may come again where its rule is repeated.
_NONE, _VARINT, _FIXED64, _BYTES, _TEXT, _MESSAGE, _VARINTS, _WORDS, _LONGS, _FIXED32 = range(10)
_REPEATED = 16

# What is noted of a record: numbers, and the start and end of texts. Each of the three specs of a model (of
# the response, the request, the log) has four notes.
NAME, VERSION, LABEL, SIGNATURE = range(4)
SPECS = 3
SECONDS, INPUT, INPUTS, DTYPE, DIMS, SIZE, STRINGS, PREDICT = range(4 * SPECS, 4 * SPECS + 8)
RATE, ORIGIN, ANSWER, LABELLED, LISTED = range(4 * SPECS + 8, 4 * SPECS + 13)
NOTES = 4 * SPECS + 13

_DT_STRING = 7
_MOST_FIELDS = 18
_DEEPEST = 12


def _spec(index: int) -> dict[int, tuple[int, Any, int]]:
    """tensorflow.serving.ModelSpec."""
    version = {1: (_VARINT, None, 4 * index + VERSION)}
    return {
        1: (_TEXT, None, 4 * index + NAME),
        2: (_MESSAGE, version, 4 * index + VERSION),
        3: (_TEXT, None, 4 * index + SIGNATURE),
        4: (_TEXT, None, 4 * index + LABEL),
    }


def _rule(kind: int, message: Any = None, note: int = -1) -> tuple[int, Any, int]:
    return kind, message, note


_ANY_SHAPE = {
    2: _rule(_MESSAGE | _REPEATED, {1: _rule(_VARINT), 2: _rule(_TEXT)}),
    3: _rule(_VARINT),
}
_ANY_TENSOR = {
    1: _rule(_VARINT),
    2: _rule(_MESSAGE, _ANY_SHAPE),
    3: _rule(_VARINT),
    4: _rule(_BYTES),
    5: _rule(_WORDS | _REPEATED),
    6: _rule(_LONGS | _REPEATED),
    7: _rule(_VARINTS | _REPEATED),
    8: _rule(_BYTES | _REPEATED),
    10: _rule(_VARINTS | _REPEATED),
    11: _rule(_VARINTS | _REPEATED),
    13: _rule(_VARINTS | _REPEATED),
    16: _rule(_VARINTS | _REPEATED),
    17: _rule(_VARINTS | _REPEATED),
}
_SHAPE = {2: _rule(_MESSAGE | _REPEATED, {1: _rule(_VARINT, None, SIZE), 2: _rule(_TEXT)}, DIMS)}
_TENSOR = {
    1: _rule(_VARINT, None, DTYPE),
    2: _rule(_MESSAGE, _SHAPE),
    3: _rule(_VARINT),
    8: _rule(_BYTES | _REPEATED, None, STRINGS),
}
_REQUEST = {
    1: _rule(_MESSAGE, _spec(1)),
    2: _rule(_MESSAGE | _REPEATED, {1: _rule(_TEXT, None, INPUT), 2: _rule(_MESSAGE, _TENSOR)}, INPUTS),
    3: _rule(_TEXT | _REPEATED),
    6: _rule(_BYTES),
}
_RESPONSE = {
    1: _rule(_MESSAGE | _REPEATED, {1: _rule(_TEXT), 2: _rule(_MESSAGE, _ANY_TENSOR)}),
    2: _rule(_MESSAGE, _spec(0)),
}
_METADATA = {
    1: _rule(_MESSAGE, _spec(2)),
    2: _rule(_MESSAGE, {1: _rule(_FIXED64, None, RATE), 2: _rule(_VARINT)}),
    3: _rule(_TEXT | _REPEATED),
    4: _rule(_VARINT, None, SECONDS),
    5: _rule(_TEXT),
    6: _rule(_TEXT, None, ORIGIN),
    7: _rule(_TEXT),
}
_PREDICT_LOG = {1: _rule(_MESSAGE, _REQUEST), 2: _rule(_MESSAGE, _RESPONSE, ANSWER)}
# Requests to classify and to regress have the same fields; so have their responses, but for the results.
_LIST = {1: _rule(_MESSAGE, {1: _rule(_BYTES | _REPEATED, None, STRINGS)}, LISTED)}
_LABELLING = {1: _rule(_MESSAGE, _spec(1)), 2: _rule(_MESSAGE, _LIST)}
_CLASSES = {1: _rule(_MESSAGE | _REPEATED, {1: _rule(_TEXT), 2: _rule(_FIXED32)})}
_CLASSIFIED = {1: _rule(_MESSAGE, {1: _rule(_MESSAGE | _REPEATED, _CLASSES)}), 2: _rule(_MESSAGE, _spec(0))}
_REGRESSIONS = {1: _rule(_MESSAGE | _REPEATED, {1: _rule(_FIXED32)})}
_REGRESSED = {1: _rule(_MESSAGE, _REGRESSIONS), 2: _rule(_MESSAGE, _spec(0))}
_PREDICTION_LOG = {
    1: _rule(_MESSAGE, _METADATA),
    2: _rule(_MESSAGE, {1: _rule(_MESSAGE, _LABELLING), 2: _rule(_MESSAGE, _CLASSIFIED)}, LABELLED),
    3: _rule(_MESSAGE, {1: _rule(_MESSAGE, _LABELLING), 2: _rule(_MESSAGE, _REGRESSED)}, LABELLED),
    6: _rule(_MESSAGE, _PREDICT_LOG, PREDICT),
}


def _tabled(message: dict[int, Any]) -> Array:
    """Rules by message and field: kind, the message inside, what to note; message 0 is the outermost."""
    messages, lines = [message], []
    for fields in messages:
        line = np.zeros((_MOST_FIELDS, 3), np.int64)
        for number, (kind, inside, note) in fields.items():
            line[number] = kind, len(messages) if inside else 0, note
            messages += [inside] if inside else []
        lines.append(line)
    return np.stack(lines)


#: The rules of PredictionLog.
RULES = _tabled(_PREDICTION_LOG)


class Requests(NamedTuple):
    """What is found, by record: `notes` (see `find_examples`), whether it is `usual`, and where its examples
    begin in `starts` and `ends`, which have the examples of all records; `total` is how many these are.
    """

    notes: Array
    usual: Array
    first: Array
    starts: Array
    ends: Array
    total: Array


_ROWS = types.int64[:, ::1]
_NUMBERS = types.int64[::1]
REQUESTS = types.NamedTuple([_ROWS, types.boolean[::1], *[_NUMBERS] * 4], Requests)

DONE, MORE_NAMES, MORE_EXAMPLES = range(3)
_UNUSUAL = 3


@helper
def _are_varints(data: Any, position: Int, end: Int) -> bool:
    while position < end:
        _, position = read_varint(data, position, end)
        if position < 0:
            return False
    return True


@helper
def _skip(data: Any, position: Int, end: Int, kind: Int, wire: Int) -> tuple[Int, Int, Int]:
    """Where the field whose tag ends at `position` ends and begins, and its number; -1 if not of `kind`."""
    if kind == _VARINT:
        value, stop = read_varint(data, position, end)
        return (stop if wire == 0 else -1), position, np.int64(value)
    if kind == _FIXED64:
        if end - position < 8 or wire != 1:
            return -1, -1, 0
        return position + 8, position, np.int64(load64(data, position))
    if kind == _FIXED32:
        return (position + 4 if end - position >= 4 and wire == 5 else -1), position, 0
    stop, start = read_length(data, position, end)
    if wire != 2 or stop < 0:
        return -1, -1, 0
    size = stop - start
    wrong = (
        (kind == _WORDS and size & 3)
        or (kind == _LONGS and size & 7)
        or (kind == _TEXT and not is_utf8(data, start, stop))
        or (kind == _VARINTS and not _are_varints(data, start, stop))
    )
    return (-1 if wrong else stop), start, 0


@helper
def _walk(data: Any, start: Int, end: Int, rules: Any, stack: Any, requests: Any, notes: Any) -> Int:
    """Notes what one record says. `stack` has, by depth, the message, its end and the fields that it had."""
    notes[:, 0], notes[:, 1] = -1, 0
    depth, position = 0, start
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, end, 0
    while True:
        while depth > 0 and position == stack[depth, 1]:
            depth -= 1
        if position == end:
            return DONE
        tag_at = position
        tag, position = read_varint(data, position, stack[depth, 1])
        field = np.int64(tag >> np.uint64(3))
        if position < 0 or position - tag_at > 2 or field < 1 or field >= _MOST_FIELDS:
            return _UNUSUAL
        kind, note = rules[stack[depth, 0], field, 0], rules[stack[depth, 0], field, 2]
        if kind == _NONE or (not kind & _REPEATED and stack[depth, 2] >> field & 1):
            return _UNUSUAL
        stack[depth, 2] |= 1 << field
        inside = rules[stack[depth, 0], field, 1]
        kind &= ~_REPEATED
        stop, begin, number = _skip(data, position, stack[depth, 1], kind, np.int64(tag & np.uint64(7)))
        if stop < 0:
            return _UNUSUAL
        if note == STRINGS:
            if requests.total[0] == requests.starts.size:
                return MORE_EXAMPLES
            requests.starts[requests.total[0]], requests.ends[requests.total[0]] = begin, stop
            requests.total[0] += 1
        elif note >= 0 and kind == _MESSAGE:
            notes[note, 0], notes[note, 1] = 0, notes[note, 1] + 1
        elif note >= 0:
            notes[note, 0] = begin if kind == _TEXT else number
            notes[note, 1] = stop if kind == _TEXT else 1
        position = stop
        if kind == _MESSAGE:
            depth += 1
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = inside, stop, 0
            position = begin


@helper
def _is_usual(notes: Any, examples: Int) -> Any:
    """Whether there is one input, of a one-dimensional tensor of as many strings as it has; or a list."""
    for spec in range(SPECS):
        if notes[4 * spec + VERSION, 1] > 0 and notes[4 * spec + LABEL, 1] > 0:
            return False
    if notes[LABELLED, 1] > 0:
        # A message has one kind of log: where it says two, the last counts.
        return notes[LABELLED, 1] == 1 and notes[PREDICT, 1] == 0 and notes[LISTED, 1] == 1
    size = max(notes[SIZE, 0], 0) if notes[SIZE, 1] else 0
    return (
        notes[INPUTS, 1] == 1 and notes[DTYPE, 0] == _DT_STRING and notes[DIMS, 1] == 1 and size == examples
    )


@helper
def _intern(data: Any, start: Int, end: Int, names: Any) -> Int:
    """The number of a text plus one, 0 for one that is empty or not there; -1 where there is no room."""
    if start < 0 or end <= start:
        return 0
    number, slot = number_of(names, data, start, end - start)
    if number == NO_ROOM:
        number = add_name(names, slot, data, start, end - start)
    return number + 1


_STOP = types.Tuple((types.int64,) * 3)


@compiled(_STOP(BYTES, LONGS, LONGS, types.int64, types.int64[:, :, ::1], _ROWS, _ROWS, NAMES, REQUESTS))
def find_examples(
    data: Array,
    starts: Array,
    ends: Array,
    first: Int,
    rules: Array,
    stack: Array,
    notes: Array,
    names: Any,
    requests: Any,
) -> tuple[Int, Int, Int]:
    """Finds the examples of records from number `first` on.

    For a usual record, `requests.notes` has the seconds of its time, the input, and of each spec the name,
    whether it has a version, the version, label and signature; from `MORE` on the bits of the sampling rate,
    the origin, whether it is a request to predict, and whether it has a response. Texts are their number in
    `names` plus one.
    Returns how many records are done in all, what there must be more of, and bytes that a name needs.
    """
    for i in range(first, starts.size):
        before = requests.total[0]
        requests.first[i] = before
        state = _walk(data, starts[i], ends[i], rules, stack, requests, notes)
        requests.usual[i] = state == DONE and _is_usual(notes, requests.total[0] - before)
        if not requests.usual[i]:
            requests.total[0] = before
        if state == MORE_EXAMPLES:
            return i, MORE_EXAMPLES, 0
        if not requests.usual[i]:
            continue
        out, at = requests.notes, 2
        out[i, 0] = max(notes[SECONDS, 0], 0) if notes[SECONDS, 1] else 0
        out[i, 1] = _intern(data, notes[INPUT, 0], notes[INPUT, 1], names)
        short = out[i, 1] < 0
        for spec in range(SPECS):
            out[i, at + 1], out[i, at + 2] = notes[4 * spec + VERSION, 1], notes[4 * spec + VERSION, 0]
            for note, column in ((NAME, 0), (LABEL, 3), (SIGNATURE, 4)):
                out[i, at + column] = _intern(
                    data, notes[4 * spec + note, 0], notes[4 * spec + note, 1], names
                )
                short = short or out[i, at + column] < 0
            at += 5
        out[i, at] = notes[RATE, 0] if notes[RATE, 1] else 0
        out[i, at + 1] = _intern(data, notes[ORIGIN, 0], notes[ORIGIN, 1], names)
        out[i, at + 2], out[i, at + 3] = notes[PREDICT, 1], notes[ANSWER, 1]
        if short or out[i, at + 1] < 0:
            requests.total[0] = before
            return i, MORE_NAMES, ends[i] - starts[i]
    requests.first[starts.size] = requests.total[0]
    return starts.size, DONE, 0


MORE = 2 + 5 * SPECS
NOTED = MORE + 4
