"""TensorProtos of requests to list columns: dense tensors, [batch, ...], one row for each of the batch.

Missing is NaN for floats, empty bytes for strings, and what an input `NAME/present` says for NAME. Zero is
a value.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from transforms.core.arrow import pa
from transforms.logs.features import VALUES, Array, Column, Expected, FeatureType, lists
from transforms.logs.request import BadRecordError

PRESENT = "/present"
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
    for shift in range(0, 64, 7):
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
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


class TensorColumns:
    """Gathers the tensors of many requests, and makes one column a feature of them."""

    def __init__(self, expected: Expected | None) -> None:
        self._expected = expected
        self._inputs: dict[tuple[str, FeatureType], list[tuple[int, Tensor]]] = {}
        self.rows = 0
        self.values = 0

    def add(self, inputs: Mapping[str, Tensor]) -> int:
        """Adds a request's tensors; the number of its rows. A scalar stands for every row.

        Raises TensorError, and adds nothing, where `check` does.
        """
        rows = self.check(inputs)
        for name, tensor in inputs.items():
            expanded = tensor if tensor.rows is not None else _broadcast(tensor, rows)
            self._inputs.setdefault((name, tensor.kind), []).append((self.rows, expanded))
            self.values += rows * max(tensor.width, 1)
        self.rows += rows
        return rows

    def check(self, inputs: Mapping[str, Tensor]) -> int:
        """The number of a request's rows. Raises TensorError when its tensors are not of one batch."""
        rows = batch_size(inputs)
        self._check_masks(inputs)
        return rows

    def _check_masks(self, inputs: Mapping[str, Tensor]) -> None:
        """A mask that does not fit says nothing, and what it hides would pass for values."""
        known = self._expected.types if self._expected else inputs
        for name, mask in inputs.items():
            feature = inputs.get(name.removesuffix(PRESENT))
            if feature is None or feature is mask or name.removesuffix(PRESENT) not in known:
                continue
            if self._expected and name in known:
                continue  # a feature of its own
            _check_mask(name[:100], mask, feature)

    def columns(self) -> list[Column]:
        """A column for each feature and type, null in rows whose request did not have it."""
        masks = {n: parts for (n, kind), parts in self._inputs.items() if self._is_mask(n, kind)}
        return [
            (name, self._column(name, kind, parts, masks.get(name + PRESENT)))
            for (name, kind), parts in self._inputs.items()
            if not self._is_mask(name, kind)
        ]

    def _is_mask(self, name: str, kind: FeatureType) -> bool:
        known = self._expected.types if self._expected else {}
        base = name.removesuffix(PRESENT)
        could_be = base != name and name not in known and kind is not FeatureType.BYTES
        return could_be and any(base == other for other, _ in self._inputs)

    def _column(
        self, name: str, kind: FeatureType, parts: Sequence[tuple[int, Tensor]], mask: Any
    ) -> pa.LargeListArray:
        lengths, null = np.zeros(self.rows, np.int64), np.ones(self.rows, bool)
        for start, tensor in parts:
            lengths[start : start + (tensor.rows or 0)] = tensor.width
            null[start : start + (tensor.rows or 0)] = False
        values = _concatenated(kind, [tensor.values for _, tensor in parts])
        present = _values_present(kind, values)
        if mask is not None:
            present &= _mask_values(mask, lengths)
        row = np.repeat(np.arange(self.rows), lengths)
        counts = np.bincount(row[present], minlength=self.rows)
        null |= (counts == 0) & (lengths > 0)
        if self._expected and name in self._expected.fixed:
            # Positions mean something here: a row is missing as a whole, or keeps all its values.
            present, counts = ~null[row], np.where(null, 0, lengths)
        flat = pa.array(values, VALUES[kind])
        return lists(flat if present.all() else flat.filter(pa.array(present)), counts, null)


def batch_size(inputs: Mapping[str, Tensor]) -> int:
    """The rows that these tensors have together. Raises TensorError when they are not of one batch."""
    sizes = {tensor.rows for tensor in inputs.values() if tensor.rows is not None} or {1}
    if len(sizes) > 1:
        raise TensorError("batch_mismatch", f"inputs have batches of different sizes: {sorted(sizes)}")
    return sizes.pop()


def _check_mask(name: str, mask: Tensor, feature: Tensor) -> None:
    if mask.kind is FeatureType.BYTES:
        raise TensorError("bad_mask", f"input {name!r} holds strings; it says which values are there")
    if feature.width and mask.width not in (1, feature.width):
        detail = f"input {name!r} has {mask.width} values a row; its feature has {feature.width}"
        raise TensorError("bad_mask", detail)


def _broadcast(tensor: Tensor, rows: int) -> Tensor:
    values = tensor.values
    repeated = values * rows if isinstance(values, list) else np.repeat(values, rows)
    return dataclasses.replace(tensor, values=repeated, rows=rows)


def _concatenated(kind: FeatureType, parts: Sequence[Any]) -> Any:
    if kind is FeatureType.BYTES:
        return [value for part in parts for value in part]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _values_present(kind: FeatureType, values: Any) -> Array:
    if kind is FeatureType.FLOAT:
        return np.asarray(~np.isnan(values))
    if kind is FeatureType.BYTES:
        return np.fromiter((len(value) > 0 for value in values), bool, len(values))
    return np.ones(len(values), bool)


def _mask_values(mask: Sequence[tuple[int, Tensor]], lengths: Array) -> Array:
    """For every value, whether the mask's input says that it is there; it is where a row has no mask.

    A mask is as wide as its feature, or has one value a row.
    """
    result = np.ones(int(lengths.sum()), bool)
    starts = np.cumsum(lengths) - lengths
    for first, tensor in mask:
        mask_rows = np.asarray(tensor.values, bool).reshape(tensor.rows or 0, tensor.width)
        for row, flags in enumerate(mask_rows, first):
            at = slice(starts[row], starts[row] + lengths[row])
            if len(flags) in (1, lengths[row]):
                result[at] = flags
    return result
