"""The buffers of Arrow list columns as numpy arrays, without a copy."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

import numpy as np

from trueserve.transforms.core.arrow import pa

Array = np.ndarray[Any, Any]

_NO_BITS: Array = np.empty(0, np.uint8)


class ValueType(enum.StrEnum):
    """The types of values, by TFDV's names of them."""

    INT = "INT"
    FLOAT = "FLOAT"
    STRING = "STRING"


# By the number of the type of values: to hash a type itself takes longer than all else that is done here.
_TYPES = {
    pa.int64().id: ValueType.INT,
    pa.float32().id: ValueType.FLOAT,
    pa.large_binary().id: ValueType.STRING,
}


@dataclasses.dataclass(frozen=True)
class ListColumn:
    """A `large_list` column.

    Attributes:
      offsets: where each row's values begin, and where the last row's end, counted in all of `values`.
      valid: bits of the rows that are there, from bit `first_bit` on; empty where all are.
      values: the array that `offsets` are positions in.
    """

    value_type: ValueType
    offsets: Array
    valid: Array
    first_bit: int
    values: pa.Array

    @property
    def num_values(self) -> int:
        """Values from the first row to the last, those of rows that are missing with them."""
        return int(self.offsets[-1] - self.offsets[0])

    @property
    def are_present(self) -> Array | None:
        """Which rows are there, a bool each; None where all are."""
        if not len(self.valid):
            return None
        first, rows = self.first_bit, len(self.offsets) - 1
        bits = np.unpackbits(self.valid[first // 8 : (first + rows + 7) // 8], bitorder="little")
        return bits[first % 8 :][:rows].astype(np.bool_)

    @property
    def numbers(self) -> Array:
        """The values, int64 or float32."""
        dtype: Any = np.int64 if self.value_type is ValueType.INT else np.float32
        start = self.values.offset + self.offsets[0]
        return _array_of_buffer(self.values.buffers()[1], dtype)[start : start + self.num_values]

    @property
    def strings(self) -> tuple[Array, Array]:
        """Offsets of the values, and the bytes that they are offsets in."""
        _, offsets, data = self.values.buffers()
        start = self.values.offset + self.offsets[0]
        return _array_of_buffer(offsets, np.int64)[start : start + self.num_values + 1], _array_of_buffer(
            data, np.uint8
        )


def list_column(array: pa.Array) -> ListColumn | None:
    """The column of a RecordBatch; None for one of Arrow's null type, which has no value of any type.

    Raises TypeError for a type other than `large_list` of int64, float32 or large_binary.
    """
    if pa.types.is_null(array.type):
        return None
    value_type = _value_type(array.type)
    if value_type is None:
        raise TypeError(f"expected a large_list of int64, float32 or large_binary, got {array.type}")
    valid, offsets = array.buffers()[:2]  # those of the values follow
    rows = _array_of_buffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    bits = _NO_BITS if valid is None else np.frombuffer(valid, np.uint8)
    return ListColumn(value_type, rows, bits, array.offset, array.values)


def _value_type(array_type: pa.DataType) -> ValueType | None:
    is_list = pa.types.is_large_list(array_type)
    return _TYPES.get(array_type.value_type.id) if is_list else None


def without_gaps(column: ListColumn, array: pa.Array) -> ListColumn:
    """The column with the values of rows that are there alone; its offsets are but those of one row."""
    values = array.flatten()
    return dataclasses.replace(column, values=values, offsets=np.array([0, len(values)]))


def _array_of_buffer(buffer: pa.Buffer | None, dtype: Any) -> Array:
    if buffer is None or buffer.size == 0:
        return np.zeros(1 if dtype is np.int64 else 0, dtype)
    return np.frombuffer(buffer, dtype, count=buffer.size // np.dtype(dtype).itemsize)
