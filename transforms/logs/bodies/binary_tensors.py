"""Tensors in binary behind the JSON of a v2 (Open Inference) body.

The body is JSON, of as many bytes as the header `Inference-Header-Content-Length` says, and then the values
of each tensor that has `binary_data_size` among its parameters, in order. Numbers are little-endian; each
element of BYTES follows its length in four bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from trueserve.transforms.logs.bodies import json_text
from trueserve.transforms.logs.carriers.records import LARGEST_RECORD, RECORD_TOO_LARGE
from trueserve.transforms.logs.request import BadRecordError

BINARY_TENSOR = "binary_tensor"
# Inputs of a request, and outputs of an answer.
_TENSORS = ("inputs", "outputs")
_SIZE = "binary_data_size"
_LENGTH_BYTES = 4
# A value takes more memory as one of Python's than in binary; four bytes are a usual number.
_MAX_VALUES = LARGEST_RECORD // 4
_BF16 = "BF16"
_TYPES = {
    "BOOL": np.dtype("?"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    _BF16: np.dtype("<u2"),
} | {
    f"{sign}INT{bits}": np.dtype(f"<{'u' if sign else 'i'}{bits // 8}")
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}


def load_with_tensors(data: bytes, json_bytes: int | None = None) -> Any:
    """The value of JSON; where tensors stand behind it, these have their values as `data`.

    Without `json_bytes`, the JSON of an object ends where the object does. Raises BadRecordError as
    `json_text.load` does, and `binary_tensor`, `bad_tensor`, `unsupported_dtype`, `record_too_large`.
    """
    if json_bytes is not None and json_bytes < len(data):
        return _filled(json_text.load(data[:json_bytes]), data[json_bytes:])
    try:
        return json_text.load(data)
    except BadRecordError:
        if (end := _end_of_object(data)) is None:
            raise
    return _filled(json_text.load(data[:end]), data[end:])


def _end_of_object(data: bytes) -> int | None:
    """Where the JSON of an object ends that tensors in binary follow; None where there is none."""
    if not data.startswith(b"{") or _SIZE.encode() not in data:
        return None
    text = data.decode("utf-8", "surrogateescape")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return len(text[:end].encode("utf-8", "surrogateescape"))


def _filled(body: Any, rest: bytes) -> Any:
    """The body with the values of its binary tensors, which `rest` has one after another."""
    if not isinstance(body, Mapping):
        raise BadRecordError(BINARY_TENSOR, "expected a JSON object before the tensors in binary")
    values = _Values(rest)
    lists = {name: body[name] for name in _TENSORS if isinstance(body.get(name), list)}
    filled = {name: [_with_data(tensor, values) for tensor in tensors] for name, tensors in lists.items()}
    values.check_end()
    return {**body, **filled}


def _with_data(tensor: Any, values: _Values) -> Any:
    parameters = tensor.get("parameters") if isinstance(tensor, Mapping) else None
    size = parameters.get(_SIZE) if isinstance(parameters, Mapping) else None
    if size is None:
        return tensor
    if type(size) is not int or "data" in tensor:
        raise BadRecordError(BINARY_TENSOR, f"expected a whole number as {_SIZE}, and no data beside it")
    return {**tensor, "data": values.take(tensor.get("datatype"), size)}


class _Values:
    """The bytes behind the JSON; each tensor takes its own."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = self._count = 0

    def take(self, datatype: Any, size: int) -> list[Any]:
        start, end = self._position, self._position + size
        if not start <= end <= len(self._data):
            detail = f"tensors claim more than the {len(self._data):,} bytes behind the JSON"
            raise BadRecordError(BINARY_TENSOR, detail)
        self._position = end
        data = self._data[start:end]
        values = _elements(data) if datatype == "BYTES" else _numbers(data, datatype)
        self._count += len(values)
        if self._count > _MAX_VALUES:
            raise BadRecordError(RECORD_TOO_LARGE, f"expected at most {_MAX_VALUES:,} values in binary")
        return values if isinstance(values, list) else list(values.tolist())

    def check_end(self) -> None:
        if self._position != len(self._data):
            detail = f"tensors claim {self._position:,} of {len(self._data):,} bytes behind the JSON"
            raise BadRecordError(BINARY_TENSOR, detail)


def _numbers(data: bytes, datatype: Any) -> Any:
    dtype = _TYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise BadRecordError(
            "unsupported_dtype", "a tensor in binary has a datatype that features cannot have"
        )
    if len(data) % dtype.itemsize:
        raise BadRecordError("bad_tensor", f"a tensor has {len(data):,} bytes: no whole number of values")
    values = np.frombuffer(data, dtype)
    if datatype == _BF16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values


def _elements(data: bytes) -> list[bytes]:
    """The elements of a tensor of BYTES."""
    elements, position = [], 0
    while position < len(data):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(data[position:start], "little")
        if position > len(data):
            raise BadRecordError("bad_tensor", "an element of a tensor is longer than what is left of it")
        elements.append(data[start:position])
    return elements
