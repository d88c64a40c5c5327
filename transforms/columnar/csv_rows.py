"""Where rows of CSV end: quotes followed byte by byte, as readers of CSV do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.compiling.compiled import BYTES, Int, compiled

Array = np.ndarray[Any, Any]

#: Where a byte stands: at the start of a value, in one, in a quoted one, or after a quote in that.
AT_START, IN_VALUE, IN_QUOTES, AFTER_QUOTE = range(4)
_QUOTE, _COMMA, _NEWLINE, _RETURN = (ord(character) for character in '",\n\r')


@compiled(types.UniTuple(types.int64, 3)(BYTES, types.int64, types.int64, types.int64, types.boolean))
def follow_rows(data: Array, start: Int, state: Int, width: Int, to_line_end: bool) -> tuple[Int, Int, Int]:
    """Goes through `data[start:]`, or with `to_line_end` up to the first newline that ends a row.

    Returns the position after the last byte seen, the state there, and what was odd on the way: rows between
    two newlines that have no `width` values, and bytes after a closing quote that end no value.
    """
    odd, values, rows, position = 0, 1, 0, start
    while position < data.size:
        byte = data[position]
        position += 1
        if state == IN_QUOTES:
            if byte == _QUOTE:
                state = AFTER_QUOTE
        elif byte == _QUOTE and state != IN_VALUE:
            state = IN_QUOTES
        elif byte == _COMMA:
            state = AT_START
            values += 1
        elif byte == _NEWLINE or byte == _RETURN:  # noqa: SIM109 - compiled, a tuple is slow
            state = AT_START
            if byte == _NEWLINE and to_line_end:
                break
            # The first may have begun before, and between \r and \n there is none.
            before = data[position - 2] if rows else _NEWLINE
            odd += values != width and before != _NEWLINE and before != _RETURN
            values, rows = 1, rows + 1
        else:
            odd += state == AFTER_QUOTE
            state = IN_VALUE
    return position, state, odd
