"""Tensors of the v2 (Open Inference) protocol's JSON, as columns.

An input is `{"name", "shape", "datatype", "data"}`; its data are flat in row-major order, or nested as the
shape says. The first dimension is the batch. Data in binary are put in before (`binary_tensors`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.logs.bodies.binary_tensors import BINARY_TENSOR
from trueserve.transforms.logs.bodies.body_values import value_of
from trueserve.transforms.logs.request import BadRecordError
from trueserve.transforms.logs.tensors.tensor_protos import MAX_FILLED_VALUES, MAX_RANK

DATATYPES = frozenset(
    {"BOOL", "BYTES", "FP16", "FP32", "FP64", "BF16"}
    | {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
)


def is_tensors(inputs: Any) -> bool:
    """Whether `inputs` are tensors: v1 has values there, or columns by name."""
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    return isinstance(first, Mapping) and "name" in first and "datatype" in first


def tensor_columns(inputs: Any) -> dict[str, Any]:
    """For each input its rows: a list of values, of flat lists where a row has more than one dimension.

    A tensor without dimensions is its value. Raises BadRecordError: `no_inputs`, `not_a_request`,
    `unsupported_dtype`, `bad_tensor_shape`, `binary_tensor`, `bad_base64`, `nested_too_deeply`.
    """
    if not isinstance(inputs, list) or not inputs:
        raise BadRecordError("no_inputs", "expected a list of tensors under inputs")
    columns: dict[str, Any] = {}
    empty_rows = 0
    for tensor in inputs:
        name = tensor.get("name") if isinstance(tensor, Mapping) else None
        if not isinstance(name, str) or name in columns:
            raise BadRecordError("not_a_request", "an input is no tensor, or has no name of its own")
        values, shape = _values(name[:100], tensor)
        empty_rows += shape[0] if shape and not values else 0
        if empty_rows > MAX_FILLED_VALUES:
            raise BadRecordError("bad_tensor_shape", "inputs without values claim too many rows")
        columns[name] = _in_rows(values, shape)
    return columns


def _values(name: str, tensor: Mapping[str, Any]) -> tuple[list[Any], list[int]]:
    """All values of a tensor, flat, and its shape, which fit."""
    # What the log says goes into a message by its kind only, for it may be anything.
    datatype = tensor.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise BadRecordError("unsupported_dtype", f"input {name!r} has a datatype that features cannot have")
    if "data" not in tensor:
        detail = f"input {name!r} has no data, and no bytes behind the JSON"
        raise BadRecordError(BINARY_TENSOR, detail)
    shape = _shape(name, tensor.get("shape"))
    values = list(_leaves(value_of(tensor["data"])))
    if len(values) != math.prod(shape):
        detail = f"input {name!r} has {len(values):,} values; its shape claims another number"
        raise BadRecordError("bad_tensor_shape", detail)
    return values, shape


def _shape(name: str, shape: Any) -> list[int]:
    sizes = shape if isinstance(shape, list) and len(shape) <= MAX_RANK else [None]
    valid_sizes = [size for size in sizes if type(size) is int and 0 <= size < 1 << 63]
    if len(valid_sizes) < len(sizes):
        raise BadRecordError("bad_tensor_shape", f"input {name!r} has no shape of whole numbers from 0 on")
    return valid_sizes


def _in_rows(values: list[Any], shape: list[int]) -> Any:
    if not shape:
        return values[0]
    if len(shape) == 1:
        return values
    if not values:
        return [[]] * shape[0]
    width = len(values) // shape[0]
    return [values[start : start + width] for start in range(0, len(values), width)]


def _leaves(value: Any) -> Iterator[Any]:
    """The values of nested lists; `value_of` has bounded the depth."""
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item) if isinstance(item, list) else (item,)
    else:
        yield value
