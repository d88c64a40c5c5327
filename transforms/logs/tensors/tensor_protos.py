"""TensorProtos of requests to flat values, whether these are in `tensor_content` or in a typed list."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trueserve.transforms.logs.features import Array, FeatureType
from trueserve.transforms.logs.request import BadRecordError

# One value may stand for a whole shape, so a few bytes can claim any number of values and rows. Beyond this
# many that are not there in a record, all its inputs together, it is rejected. A long string counts as one
# value for each eight bytes.
MAX_FILLED_VALUES = 1 << 20
MAX_RANK = 254  # TensorFlow's own limit


class TensorError(BadRecordError):
    """A request whose tensors cannot be decoded."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """Decoded values, flat, of `rows` rows with `width` values each; None rows for a scalar."""

    kind: FeatureType
    values: Any  # numpy array of int64 or float32, or a list of bytes
    rows: int | None
    width: int


@dataclasses.dataclass(frozen=True)
class _Dtype:
    kind: FeatureType
    field: str
    content: np.dtype[Any] | None
    of_field: Callable[[Any], Any]


def _bfloat16(values: Any) -> Array:
    return (np.array(values, np.int64).astype(np.uint16).astype(np.uint32) << 16).view(np.float32)


def _float16_of_bits(values: Any) -> Array:
    return np.array(values, np.int64).astype(np.uint16).view(np.float16)


def _numbers(content: str, field: str, of_field: Callable[[Any], Any] | None = None) -> _Dtype:
    stored = np.dtype(content)
    kind = FeatureType.FLOAT if stored.kind == "f" else FeatureType.INT
    # Small integers share a list of int32.
    listed = np.dtype(np.int32) if field == "int_val" else stored
    return _Dtype(kind, field, stored, of_field or (lambda values: np.array(values, listed)))


# By the numbers of tensorflow/core/framework/types.proto.
_DTYPES = {
    1: _numbers("<f4", "float_val"),
    2: _numbers("<f8", "double_val"),
    3: _numbers("<i4", "int_val"),
    4: _numbers("u1", "int_val"),
    5: _numbers("<i2", "int_val"),
    6: _numbers("i1", "int_val"),
    7: _Dtype(FeatureType.BYTES, "string_val", None, list),
    9: _numbers("<i8", "int64_val"),
    10: _numbers("?", "bool_val"),
    14: _Dtype(FeatureType.FLOAT, "half_val", np.dtype("<u2"), _bfloat16),
    17: _numbers("<u2", "int_val"),
    19: _numbers("<f2", "half_val", _float16_of_bits),
    22: _numbers("<u4", "uint32_val"),
    23: _numbers("<u8", "uint64_val"),
}
_BFLOAT16 = 14


def only_value(proto: Any) -> Any:
    """The typed list of a tensor that has one value in it, None for other tensors."""
    dtype = _DTYPES.get(proto.dtype)
    if dtype is None or proto.tensor_content:
        return None
    values = getattr(proto, dtype.field)
    return values if len(values) == 1 else None


def narrowed(sizes: Sequence[int]) -> list[int]:
    """The shape with one value a row."""
    return [*sizes[:1], *(min(size, 1) for size in sizes[1:])]


def decode_tensor(name: str, proto: Any, *, narrow: bool = False) -> Tensor:
    """The values of a `tensorflow.TensorProto`, in `tensor_content` or in its typed list.

    A typed list of one value fills the whole shape, or one value a row where it is `narrow`. Raises
    TensorError for a dtype that no feature has, and for a shape that is negative, unknown, or of another
    number of values than there are.
    """
    dtype = _DTYPES.get(proto.dtype)
    if dtype is None:
        raise TensorError(
            "unsupported_dtype", f"input {name!r} has dtype {proto.dtype}, which is no feature's"
        )
    name = name[:100]
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    if len(sizes) > MAX_RANK:
        raise TensorError("bad_tensor_shape", f"input {name!r} has {len(sizes)} dimensions")
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise TensorError("bad_tensor_shape", f"input {name!r} has an unknown or negative dimension: {sizes}")
    count = math.prod(narrowed(sizes) if narrow and only_value(proto) else sizes)
    try:
        values = _values(name, proto, dtype, count)
    except (OverflowError, ValueError) as error:
        raise TensorError("bad_tensor", f"input {name!r} holds values that its dtype cannot have") from error
    rows = sizes[0] if sizes else None
    # Not the product of the other sizes: beside a zero they may be anything.
    width = count // rows if rows else count
    return Tensor(dtype.kind, values, rows, width)


def _values(name: str, proto: Any, dtype: _Dtype, count: int) -> Any:
    if proto.tensor_content:
        values = _content(name, proto, dtype, count)
    else:
        values = dtype.of_field(getattr(proto, dtype.field))
        if len(values) == 1 and count != 1:
            values = _filled(name, values, count)
    if len(values) != count:
        detail = f"input {name!r} has {len(values)} values; its shape claims {count}"
        raise TensorError("bad_tensor_shape", detail)
    return values if dtype.kind is FeatureType.BYTES else _converted(name, values, dtype.kind)


def _filled(name: str, values: Any, count: int) -> Any:
    if count > MAX_FILLED_VALUES:
        raise TensorError("bad_tensor_shape", f"input {name!r} has one value; its shape claims {count}")
    return values * count if isinstance(values, list) else np.repeat(values, count)


def _content(name: str, proto: Any, dtype: _Dtype, count: int) -> Any:
    content = proto.tensor_content
    if dtype.content is None:
        return _strings(name, content, count)
    if len(content) % dtype.content.itemsize:
        raise TensorError("bad_tensor", f"input {name!r} has {len(content)} bytes: no whole number of values")
    values: Array = np.frombuffer(content, dtype.content)
    return _bfloat16(values) if proto.dtype == _BFLOAT16 else values


def _strings(name: str, content: bytes, count: int) -> list[bytes]:
    """TensorFlow's tensor_content of strings: all lengths as varints, then all bytes."""
    if count > len(content):
        raise TensorError("bad_tensor_shape", f"input {name!r} has too few bytes for {count} strings")
    lengths, position = [], 0
    for _ in range(count):
        length, position = _varint(name, content, position)
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise TensorError("bad_tensor", f"input {name!r} has strings of other lengths than it says")
    ends = np.cumsum([position, *lengths], dtype=object).tolist()
    return [content[start:end] for start, end in itertools.pairwise(ends)]


def _varint(name: str, content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for count in range(10):  # seven bits each
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, position
    raise TensorError("bad_tensor", f"input {name!r} has a string length that is none")


def _converted(name: str, values: Array, kind: FeatureType) -> Array:
    if values.dtype == (np.float32 if kind is FeatureType.FLOAT else np.int64):
        return values
    if kind is FeatureType.FLOAT:
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    if values.dtype == np.uint64 and (values > np.iinfo(np.int64).max).any():
        raise TensorError("bad_tensor", f"input {name!r} holds a number above 2^63")
    return values.astype(np.int64)
