"""The columns of a store as Arrow arrays, without a copy of values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.columnar.examples import store as st
from trueserve.transforms.core.arrow import pa

Array = np.ndarray[Any, Any]

_TYPES = {st.BYTES_KIND: pa.large_binary(), st.FLOAT_KIND: pa.float32(), st.INT_KIND: pa.int64()}
_LISTS = {kind: pa.large_list(values) for kind, values in _TYPES.items()}
_LONG = 8
_SIZES = {st.BYTES_KIND: _LONG, st.FLOAT_KIND: 4, st.INT_KIND: _LONG}


def arrow_columns(store: st.Store, num_rows: int) -> Iterator[tuple[int, pa.Array]]:
    """The columns that a row has, by their number: `large_list`s of so many rows. Ends the store's batch."""
    used = int(store.counters[st.IN_USE])
    valid, nulls = np.zeros((used, (num_rows + 7) // 8), np.uint8), np.zeros(used, np.int64)
    st.finish_lines(store, num_rows, valid, nulls)
    buffers, lines = _Buffers(store, num_rows, valid), np.flatnonzero(nulls < num_rows)
    numbers = store.lines[lines]
    of_lines = (values.tolist() for values in (lines, numbers, nulls[lines], store.columns[numbers]))
    for line, number, missing, column in zip(*of_lines, strict=True):
        rows = [buffers.valid(line) if missing else None, buffers.offsets(line, column)]
        kind = number % st.KINDS
        children = [buffers.values(column, kind)]
        yield number, pa.Array.from_buffers(_LISTS[kind], num_rows, rows, missing, children=children)


class _Buffers:
    """What the columns of a store have parts of."""

    def __init__(self, store: st.Store, num_rows: int, valid: Array) -> None:
        """`valid` has the bits of the rows that are there, a row of bytes for each line of the store."""
        self._num_rows, self._line_bytes = num_rows, (_LONG * store.ends.shape[1], valid.shape[1])
        self._dense, self._ends, self._valid = map(pa.py_buffer, (np.arange(num_rows + 1), store.ends, valid))
        longs = pa.py_buffer(store.longs)
        self._numbers = {
            st.FLOAT_KIND: pa.py_buffer(store.float_bits),
            st.INT_KIND: longs,
            st.BYTES_KIND: longs,
        }
        self._bytes = pa.py_buffer(store.bytes)

    def valid(self, line: int) -> pa.Buffer:
        return self._valid.slice(line * self._line_bytes[1], self._line_bytes[1])

    def offsets(self, line: int, column: Sequence[int]) -> pa.Buffer:
        """Where the values of each row begin, and where those of the last end."""
        if column[st.DENSE] == self._num_rows:
            return self._dense
        return self._ends.slice(line * self._line_bytes[0], _LONG * (self._num_rows + 1))

    def values(self, column: Sequence[int], kind: int) -> pa.Array:
        size = _SIZES[kind]
        parts = [None, self._numbers[kind].slice(size * column[st.BASE], size * column[st.USED])]
        if kind != st.BYTES_KIND:
            return pa.Array.from_buffers(_TYPES[kind], column[st.USED], parts, 0)
        parts.append(self._bytes.slice(column[st.BYTE_BASE], column[st.BYTE_USED]))
        return pa.Array.from_buffers(_TYPES[kind], column[st.USED] - 1, parts, 0)
