"""Where the columns of a record batch stand in memory, for compiled code: many columns in one call.

Arrow's C data interface says it (https://arrow.apache.org/docs/format/CDataInterface.html): two structs, each
a row of 64-bit words.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import types

from trueserve.transforms.columnar.memory import bytes_at, longs_at
from trueserve.transforms.compiling.compiled import Int, compiled, helper
from trueserve.transforms.core.arrow import pa

Array = np.ndarray[Any, Any]

# The words of an ArrowSchema and of an ArrowArray that matter here, and how many there are.
_FORMAT, _SCHEMA_CHILDREN, _DICTIONARY, _RELEASE_SCHEMA, _SCHEMA_WORDS = 0, 5, 6, 7, 9
_LENGTH, _OFFSET, _BUFFERS, _CHILDREN, _RELEASE_ARRAY, _ARRAY_WORDS = 0, 2, 5, 6, 8, 10

# What is known of a column: its type; its rows; the row of its buffers that it begins with; the addresses of
# the rows' bits (0 if all rows are there), of their offsets and of the values that these are positions in.
TYPE, ROWS, FIRST, VALID, OFFSETS, VALUES = range(6)
FIELDS = 6
#: Types: `large_list` of int64 or float32, and all others.
OTHER, INT, FLOAT = range(3)

_PLUS, _LARGE_LIST, _INT, _FLOAT = (ord(letter) for letter in "+Llf")
_release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@contextlib.contextmanager
def exported(batch: pa.RecordBatch) -> Iterator[Array]:
    """A row of FIELDS for each column. The addresses are valid within the context."""
    schema, array = np.zeros(_SCHEMA_WORDS, np.int64), np.zeros(_ARRAY_WORDS, np.int64)
    batch._export_to_c(array.ctypes.data, schema.ctypes.data)
    try:
        columns = np.zeros((batch.num_columns, FIELDS), np.int64)
        describe(schema, array, columns)
        yield columns
    finally:
        for struct, word in ((array, _RELEASE_ARRAY), (schema, _RELEASE_SCHEMA)):
            _release(int(struct[word]))(struct.ctypes.data)


@helper
def _is_format(schema: Any, first: Int, second: Int) -> Any:
    """Whether a format is these two letters; the second is 0 where there is but one."""
    letters = bytes_at(schema[_FORMAT], 2)
    if letters[0] != first or letters[1] != second:
        return False
    return second == 0 or bytes_at(schema[_FORMAT], 3)[2] == 0


@helper
def _type_of(schema: Any) -> Int:
    if schema[_DICTIONARY] != 0 or not _is_format(schema, _PLUS, _LARGE_LIST):
        return OTHER
    values = longs_at(longs_at(schema[_SCHEMA_CHILDREN], 1)[0], _SCHEMA_WORDS)
    if values[_DICTIONARY] != 0:
        return OTHER
    if _is_format(values, _FLOAT, 0):
        return FLOAT
    return INT if _is_format(values, _INT, 0) else OTHER


@compiled(types.void(types.int64[::1], types.int64[::1], types.int64[:, ::1]))
def describe(schema: Array, array: Array, columns: Array) -> None:
    """Writes the FIELDS of the columns of an exported batch."""
    schemas = longs_at(schema[_SCHEMA_CHILDREN], columns.shape[0])
    arrays = longs_at(array[_CHILDREN], columns.shape[0])
    for c in range(columns.shape[0]):
        column = columns[c]
        column[TYPE] = _type_of(longs_at(schemas[c], _SCHEMA_WORDS))
        if column[TYPE] == OTHER:
            continue
        rows = longs_at(arrays[c], _ARRAY_WORDS)
        buffers = longs_at(rows[_BUFFERS], 2)
        values = longs_at(longs_at(rows[_CHILDREN], 1)[0], _ARRAY_WORDS)
        size = 4 if column[TYPE] == FLOAT else 8
        column[ROWS], column[FIRST] = rows[_LENGTH], rows[_OFFSET]
        column[VALID], column[OFFSETS] = buffers[0], buffers[1]
        column[VALUES] = longs_at(values[_BUFFERS], 2)[1] + size * values[_OFFSET]
