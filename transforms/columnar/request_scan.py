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

from trueserve.transforms.columnar.examples.names import NAMES, NO_ROOM, add_name, number_of
from trueserve.transforms.columnar.memory import load64
from trueserve.transforms.columnar.prediction_log_fields import (
    ANSWER,
    DIMS,
    DTYPE,
    FIXED32,
    FIXED64,
    INPUT,
    INPUTS,
    LABEL,
    LABELLED,
    LISTED,
    MESSAGE,
    MOST_FIELDS,
    NAME,
    NONE,
    ORIGIN,
    PACKED_FIXED32,
    PACKED_FIXED64,
    PACKED_VARINTS,
    PREDICT,
    RATE,
    REPEATED,
    SECONDS,
    SIGNATURE,
    SIZE,
    SPECS,
    STRINGS,
    TEXT,
    VARINT,
    VERSION,
)
from trueserve.transforms.columnar.utf8 import is_utf8
from trueserve.transforms.columnar.wire import read_length, read_varint
from trueserve.transforms.compiling.compiled import BYTES, LONGS, Int, compiled, helper

Array = np.ndarray[Any, Any]

_DT_STRING = 7


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
    if kind == VARINT:
        value, stop = read_varint(data, position, end)
        return (stop if wire == 0 else -1), position, np.int64(value)
    if kind == FIXED64:
        if end - position < 8 or wire != 1:
            return -1, -1, 0
        return position + 8, position, np.int64(load64(data, position))
    if kind == FIXED32:
        return (position + 4 if end - position >= 4 and wire == 5 else -1), position, 0
    stop, start = read_length(data, position, end)
    if wire != 2 or stop < 0:
        return -1, -1, 0
    size = stop - start
    wrong = (
        (kind == PACKED_FIXED32 and size & 3)
        or (kind == PACKED_FIXED64 and size & 7)
        or (kind == TEXT and not is_utf8(data, start, stop))
        or (kind == PACKED_VARINTS and not _are_varints(data, start, stop))
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
        if position < 0 or position - tag_at > 2 or field < 1 or field >= MOST_FIELDS:
            return _UNUSUAL
        kind, note = rules[stack[depth, 0], field, 0], rules[stack[depth, 0], field, 2]
        if kind == NONE or (not kind & REPEATED and stack[depth, 2] >> field & 1):
            return _UNUSUAL
        stack[depth, 2] |= 1 << field
        inside = rules[stack[depth, 0], field, 1]
        kind &= ~REPEATED
        stop, begin, number = _skip(data, position, stack[depth, 1], kind, np.int64(tag & np.uint64(7)))
        if stop < 0:
            return _UNUSUAL
        if note == STRINGS:
            if requests.total[0] == requests.starts.size:
                return MORE_EXAMPLES
            requests.starts[requests.total[0]], requests.ends[requests.total[0]] = begin, stop
            requests.total[0] += 1
        elif note >= 0 and kind == MESSAGE:
            notes[note, 0], notes[note, 1] = 0, notes[note, 1] + 1
        elif note >= 0:
            notes[note, 0] = begin if kind == TEXT else number
            notes[note, 1] = stop if kind == TEXT else 1
        position = stop
        if kind == MESSAGE:
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
    return number + 1 if number != NO_ROOM else -1


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
